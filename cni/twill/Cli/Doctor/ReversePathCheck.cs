using Twill.Linux;

namespace Twill.Plugin.Cli.Doctor;

/// <summary>
/// Strict reverse path filtering (rp_filter 1, RFC 3704) drops a packet whose answer would leave by another interface than it came in by.
/// With an overlay that is so for connections between a host itself and containers of other hosts: one way they go through the
/// overlay, the other way directly.
/// </summary>
internal static class ReversePathCheck
{
    private const string Name = "rp_filter";

    public static void Run(Findings to, NetworkView network)
    {
        if (!network.Conf.Backend.HasDevice || network.OverlayDevices.Count == 0)
        {
            return;
        }

        to.Look(
            Name,
            () =>
            {
                foreach (
                    string? device in (List<string?>)
                        [.. network.OverlayDevices.ConvertAll(overlay => overlay.Name), network.Node?.Interface]
                )
                {
                    if (string.IsNullOrEmpty(device) || !IsStrict(device))
                    {
                        continue;
                    }

                    to.Warn(
                        Name,
                        $"rp_filter is strict on {device}: connections between other hosts themselves and containers here are dropped, "
                            + "as one way goes through the overlay and the other does not",
                        $"sysctl -w net/ipv4/conf/{device}/rp_filter=2 (loose), and in /etc/sysctl.d to keep it"
                    );
                }
            },
            () => "no strict reverse path filtering in the way"
        );
    }

    /// <summary>The kernel takes the higher of the device's and of all devices' value (ip-sysctl, rp_filter): 2 is loose.</summary>
    private static bool IsStrict(string device) => Math.Max(Value("all"), Value(device)) == 1;

    private static int Value(string device) => int.Parse(Sysctl.Read($"net/ipv4/conf/{device}/rp_filter"));
}
