using System.Text.Json;
using System.Text.RegularExpressions;
using Twill.Testing;

namespace Twill.EndToEnd.Tests;

/// <summary>Two hosts with a container each.</summary>
public sealed class TwoHosts : IDisposable
{
    public TwoHosts()
    {
        if (!Environment.IsPrivilegedProcess)
        {
            return;
        }

        Cluster = Cluster.Start(2);
        From = Cluster.Hosts[0].AddContainer("from");
        To = Cluster.Hosts[1].AddContainer("to");
    }

    internal Cluster Cluster { get; } = null!;

    internal LabContainer From { get; } = null!;

    internal LabContainer To { get; } = null!;

    public void Dispose() => Cluster?.Dispose();
}

/// <summary>Two hosts with a container each, and an agent on the first that looks when the kernel tells of a change, and not from time to
/// time.</summary>
public sealed class EventDrivenHosts : IDisposable
{
    private readonly TwoHosts _hosts = new();

    public EventDrivenHosts()
    {
        if (!Environment.IsPrivilegedProcess)
        {
            return;
        }

        try
        {
            Cluster.Hosts[0].StartAgent("--interval", "3600");
            Cluster.WaitUntilJoined();
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    internal Cluster Cluster => _hosts.Cluster;

    internal LabContainer From => _hosts.From;

    internal LabContainer To => _hosts.To;

    public void Dispose() => _hosts.Dispose();
}

/// <summary>Somebody changes by hand what the agent keeps.</summary>
public sealed partial class MendingTests(EventDrivenHosts hosts) : IClassFixture<EventDrivenHosts>
{
    [RequiresRootTheory]
    [InlineData("ip link delete twill.1")]
    [InlineData("ip link delete twill.1; ip link add twill.1 type vxlan id 77 dstport 4790")]
    [InlineData("ip link set twill.1 down")]
    [InlineData("ip link set twill.1 mtu 1300")]
    [InlineData("ip link set twill.1 address 02:00:00:00:00:99")]
    [InlineData("ip address flush dev twill.1")]
    [InlineData("ip address add 10.244.99.9/24 dev twill.1")]
    [InlineData("ip route del $PEERNET")]
    [InlineData("ip route add 10.244.99.0/24 via $GATEWAY proto 116")]
    [InlineData("ip nexthop flush proto 116")]
    [InlineData("ip nexthop replace id $NHID via 10.244.99.0 dev twill.1 onlink proto 116")]
    [InlineData("ip nexthop replace id $NHID via $GATEWAY dev eth0 proto 116")]
    [InlineData("ip nexthop add id 9 via $NEXTHOP dev twill.1 onlink; ip route change $PEERNET nhid 9 proto 116; ip nexthop del id 9")]
    [InlineData("ip neigh del $NEXTHOP dev twill.1")]
    [InlineData("bridge fdb del $PEER dev twill.1")]
    [InlineData("bridge fdb replace $PEER dev twill.1 dst 192.168.50.99")]
    [InlineData("nft delete table inet twill-twill")]
    [InlineData("ip link set twill0 down")]
    [InlineData("echo 0 >/proc/sys/net/ipv4/ip_forward")]
    [InlineData("echo 0 >/proc/sys/net/ipv4/conf/twill.1/forwarding")]
    [InlineData("nft flush ruleset")]
    [InlineData("nft flush chain inet twill-twill postrouting")]
    [InlineData("nft flush set inet twill-twill peers")]
    [InlineData("nft add element inet twill-twill peers { 192.168.50.99 }")]
    [InlineData("nft add table inet twill-twill '{ flags dormant; }'")]
    [InlineData("ip link delete twill0")]
    [InlineData("ip link delete twill0; ip link add twill0 up type bridge")]
    [InlineData("ip link set twill0 address 02:00:00:00:00:98")]
    [InlineData("ip address flush dev twill0")]
    [InlineData("ip link set $END nomaster")]
    [InlineData("ip link set $END down")]
    [InlineData("ip nexthop flush proto 116; ip address flush dev twill.1; ip address flush dev twill0")]
    [InlineData(
        "ip address flush dev eth0; ip link set eth0 down; ip link set eth0 up; ip address add $SELF/24 dev eth0; ip route add default "
            + "via $GATEWAY; ip link set twill.1 down"
    )]
    public void What_someone_changed_is_put_back(string change)
    {
        LabHost host = hosts.Cluster.Hosts[0];
        Eventually.True("the containers reach each other", () => hosts.From.CanPing(hosts.To.Address));
        string before = StateOf(host);

        // Asleep meanwhile, or it would mend before we have looked.
        host.Agent!.Send(Signal.Stop);
        try
        {
            host.Sh($"{Variables(host)}; {change}");
            StateOf(host).Should().NotBe(before, "the change is one");
        }
        finally
        {
            host.Agent!.Send(Signal.Cont);
        }

        Eventually.Pass(() => StateOf(host).Should().Be(before, host.Agent!.Log), TimeSpan.FromSeconds(20));
        Eventually.True("the containers reach each other", () => hosts.From.CanPing(hosts.To.Address));
    }

    /// <summary>All that the agent answers for, as `ip`, `bridge` and `nft` tell it, without what changes by itself. They are asked in one
    /// run of a shell, and what they say is sifted here: tests look often.</summary>
    private static string StateOf(LabHost host)
    {
        const string End = "----";
        string[] commands =
        [
            "ip -j -d link show",
            "ip -4 -br address show dev twill.1",
            "ip -4 -br address show dev twill0",
            "ip route show proto 116",
            "ip neigh show dev twill.1 nud permanent",
            "bridge fdb show dev twill.1",
            "nft --stateless list ruleset",
            "cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv4/conf/twill.1/forwarding",
            "bridge -d link show",
        ];
        string[] told = host.Run("sh", "-c", string.Join($"; echo {End}; ", commands)).Stdout.Split($"{End}\n");
        told.Should().HaveCount(commands.Length);

        using JsonDocument links = JsonDocument.Parse(told[0]);
        return string.Join(
            '\n',
            [
                .. links
                    .RootElement.EnumerateArray()
                    .Where(l => NameOf(l) is "twill.1" or "twill0")
                    .OrderBy(NameOf, StringComparer.Ordinal)
                    .Select(l => $"{NameOf(l)} {l.GetProperty("address")} mtu {l.GetProperty("mtu")} {IsUp(l)} {Vxlan(l)}"),
                .. Lines(told[1]),
                .. Lines(told[2]),
                .. Lines(NexthopNumber().Replace(told[3], "nhid")), // whatever number its object has
                .. Lines(told[4]),
                .. Lines(told[5]).Where(l => l.Contains("dst", StringComparison.Ordinal)),
                .. Lines(told[6]),
                .. Lines(told[7]),
                .. Ports(told[8]).Order(StringComparer.Ordinal),
            ]
        );
    }

    /// <summary>Of each port of a bridge its name, the bridge and state, and hairpin, which stands in the line after.</summary>
    private static IEnumerable<string> Ports(string told)
    {
        bool isPort = false;
        foreach (string line in told.Split('\n'))
        {
            bool begins = line.Contains("master", StringComparison.Ordinal);
            if (begins || isPort)
            {
                foreach (Match match in PortProperty().Matches(line))
                {
                    yield return match.Value.TrimEnd();
                }
            }

            isPort = begins;
        }
    }

    /// <summary>What the changes refer to: the entries for the other host, and a router.</summary>
    private static string Variables(LabHost host)
    {
        JsonElement peer = host.IpJson("neigh show dev twill.1 nud permanent")[0];
        string end = host.Sh("ip -o link show master twill0 | cut -d: -f2 | cut -d@ -f1").Trim();
        return $"END={end} SELF={host.Address} NEXTHOP={peer.GetProperty("dst")} PEER={peer.GetProperty("lladdr")} "
            + $"PEERNET={peer.GetProperty("dst")}/24 NHID={host.IpJson("nexthop show dev twill.1")[0].GetProperty("id")} "
            + $"GATEWAY={Lab.GatewayAddress}";
    }

    private static string NameOf(JsonElement link) => link.GetProperty("ifname").GetString()!;

    private static string IsUp(JsonElement link) =>
        link.GetProperty("flags").EnumerateArray().Any(f => f.GetString() == "UP") ? "up" : "down";

    private static string Vxlan(JsonElement link)
    {
        JsonElement info = link.GetProperty("linkinfo");
        if (info.GetProperty("info_kind").GetString() != "vxlan")
        {
            return "";
        }

        JsonElement data = info.GetProperty("info_data");
        string[] keys = ["id", "local", "port", "learning"];
        return string.Join(' ', keys.Select(key => data.TryGetProperty(key, out JsonElement value) ? $"{key} {value}" : $"no {key}"));
    }

    private static IEnumerable<string> Lines(string told) => told.Split('\n').Select(l => l.TrimEnd()).Order(StringComparer.Ordinal);

    [GeneratedRegex("nhid [0-9]*")]
    private static partial Regex NexthopNumber();

    [GeneratedRegex("^[0-9]+: [^@]*|master.*|hairpin [a-z]*")]
    private static partial Regex PortProperty();
}
