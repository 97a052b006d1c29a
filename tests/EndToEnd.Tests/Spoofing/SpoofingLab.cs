using System.Text.Json;
using System.Text.Json.Nodes;
using Twill.EndToEnd.Tests.IPv6;
using Twill.Linux;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Spoofing;

/// <summary>
/// One host with two networks of both families: <c>open</c> with <c>"antiSpoof": false</c>, and <c>kept</c> as it is without a word about
/// it. In each there are two containers on the bridge, one that attacks and its neighbour, and one past the bridge's ports that attacks.
/// </summary>
public sealed class SpoofingLab : IDisposable
{
    private readonly TempDir _directory = TempDir.Create();

    public SpoofingLab()
    {
        if (!Environment.IsPrivilegedProcess)
        {
            return;
        }

        Lab = Lab.Create();
        try
        {
            Host = Lab.AddHost("host");
            string source = Path.Combine(RepoPaths.Root, "tests/EndToEnd.Tests/Spoofing/frames.c");
            Cmd.Run("gcc", ["-O1", "-Wall", "-Wextra", "-Werror", "-o", Program, source], TimeSpan.FromMinutes(1)).OrThrow();
            Open = new SpoofedNetwork(this, "open", "twopen", 61, antiSpoof: false);
            Kept = new SpoofedNetwork(this, "kept", "twkept", 62, antiSpoof: null);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    internal Lab Lab { get; } = null!;

    internal LabHost Host { get; } = null!;

    internal string Program => _directory.At("frames");

    internal SpoofedNetwork Open { get; } = null!;

    internal SpoofedNetwork Kept { get; } = null!;

    public void Dispose()
    {
        Lab?.Dispose();
        _directory.Dispose();
    }
}

/// <summary>A network of the lab.</summary>
internal sealed class SpoofedNetwork
{
    private readonly SpoofingLab _lab;

    internal SpoofedNetwork(SpoofingLab lab, string name, string bridge, int number, bool? antiSpoof)
    {
        (_lab, Name, BridgeName, Number) = (lab, name, bridge, number);
        Conf = DualHost.Configuration(name, bridge, $"10.{number}.0.0/24", $"fd00:{number}::/64");
        if (antiSpoof is { } wanted)
        {
            Conf.Plugin()["antiSpoof"] = wanted;
        }

        lab.Host.Configure(Conf);
        Attacker = lab.Host.AddContainer($"{name}-a", name);
        Neighbour = lab.Host.AddContainer($"{name}-b", name);
        lab.Host.Sh($"echo 1 >/proc/sys/net/ipv4/conf/{bridge}/proxy_arp"); // as on a bridge that has no port left
        Routed = lab.Host.AddContainer($"{name}-r", name);
        lab.Host.Sh($"echo 0 >/proc/sys/net/ipv4/neigh/{bridge}/locktime");
        Neighbour.Sh("echo 0 >/proc/sys/net/ipv4/neigh/eth0/locktime");
    }

    internal JsonObject Conf { get; }

    internal string Name { get; }

    internal string BridgeName { get; }

    internal int Number { get; }

    internal LabContainer Attacker { get; }

    internal LabContainer Neighbour { get; }

    internal LabContainer Routed { get; }

    internal string Gateway => $"10.{Number}.0.1";

    internal string GatewayV6 => $"fd00:{Number}::1";

    /// <summary>The hardware address of an interface.</summary>
    internal static MacAddress MacOf(NetnsShell place, string link) =>
        MacAddress.Parse(place.IpJson($"link show dev {link}")[0].GetProperty("address").GetString()!);

    /// <summary>The host's interface that a container's packets arrive by.</summary>
    internal string HostEndOf(LabContainer container)
    {
        int index = container.IpJson("link show dev eth0")[0].GetProperty("link_index").GetInt32();
        return _lab.Host.IpJson("link show type veth")
            .EnumerateArray()
            .Single(link => link.GetProperty("ifindex").GetInt32() == index)
            .GetProperty("ifname")
            .GetString()!;
    }

    /// <summary>Has a container send a frame.</summary>
    internal void Send(LabContainer from, string frame, int? count = null) =>
        from.Run([_lab.Program, "eth0", frame, .. count is { } many ? (string[])[$"{many}"] : []]).OrThrow();

    /// <summary>Where a place believes a neighbour to be; null while it does not know.</summary>
    internal static MacAddress? BelievedAt(NetnsShell place, string address, string device)
    {
        foreach (JsonElement entry in place.IpJson($"neigh show to {address} dev {device}").EnumerateArray())
        {
            if (entry.TryGetProperty("lladdr", out JsonElement mac))
            {
                return MacAddress.Parse(mac.GetString()!);
            }
        }

        return null;
    }

    /// <summary>The ports behind which the bridge believes a hardware address to be.</summary>
    internal IEnumerable<(string Mac, string Port, bool IsLearned)> Fdb() =>
        _lab.Host.BridgeJson($"fdb show br {BridgeName}")
            .EnumerateArray()
            .Where(entry => entry.TryGetProperty("master", out _))
            .Select(entry =>
                (
                    entry.GetProperty("mac").GetString()!,
                    entry.GetProperty("ifname").GetString()!,
                    entry.GetProperty("state").GetString()!.Length == 0
                )
            );
}
