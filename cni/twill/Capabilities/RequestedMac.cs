using Twill.Cni;
using Twill.Host;
using Twill.Linux;
using Twill.Linux.Links;

namespace Twill.Plugin.Capabilities;

/// <summary>
/// The hardware address that a runtime asks for, in the three ways of the specification's CONVENTIONS.md, of which the first found counts:
/// <c>runtimeConfig.mac</c> (capability <c>mac</c>), <c>args.cni.mac</c>, <c>MAC=</c> in CNI_ARGS.
/// </summary>
internal static class RequestedMac
{
    private const string Expected = "a hardware address like 02:74:0a:f4:07:02, neither of a group nor zero";

    /// <summary>Reads it.</summary>
    /// <returns>null when none is asked for</returns>
    /// <exception cref="CniException">code 7 or 4: it is none that an interface can have</exception>
    public static MacAddress? Read(CniRequest request) =>
        (request.RuntimeConfig is { } runtimeConfig ? Read(runtimeConfig["mac"]) : null)
        ?? Read(request.Reader["args"]["cni"]["mac"])
        ?? (request.Args["MAC"] is { Length: > 0 } text ? ReadArgument(text) : null);

    /// <summary>Refuses the hardware addresses of the bridge and of the host end: what is sent to the host would go to the
    /// container.</summary>
    /// <exception cref="CniException">code 7: it is one of them</exception>
    public static void RefuseHosts(MacAddress? requested, Link bridge, PodLinkSpec spec)
    {
        if (requested is not { } mac || (mac != bridge.Mac && mac != spec.HostMac))
        {
            return;
        }

        throw new CniException(
            CniErrorCode.InvalidNetworkConfig,
            $"the container cannot have the hardware address {mac}",
            $"mac: expected one that nobody else has: {mac} is that of "
                + $"{(mac == bridge.Mac ? $"bridge {bridge.Name}" : $"host end {spec.HostName}")}"
        );
    }

    private static MacAddress? Read(ConfigReader at)
    {
        if (at.OptionalString() is not { } text)
        {
            return null;
        }

        return TryParse(text, out MacAddress mac) ? mac : at.Complain<MacAddress?>(Expected, null);
    }

    private static MacAddress ReadArgument(string text) =>
        TryParse(text, out MacAddress mac)
            ? mac
            : throw new CniException(
                CniErrorCode.InvalidEnvironment,
                "invalid environment variables: CNI_ARGS",
                $"CNI_ARGS: MAC: expected {Expected}, got '{text}'"
            );

    private static bool TryParse(string text, out MacAddress mac) =>
        MacAddress.TryParse(text.Replace('-', ':'), out mac) && !mac.IsMulticast && mac != MacAddress.Zero;
}
