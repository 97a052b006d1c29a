using System.Text.Json;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Cli;

/// <summary>`twill trace` on two hosts: where a way ends that somebody broke, and that nothing is said of one that is whole.</summary>
public sealed class TraceTests
{
    private static readonly string[] s_hops =
    [
        "container",
        "host end",
        "gateway",
        "forward chains",
        "route",
        "tunnel",
        "neighbour",
        "firewall",
        "underlay",
        "agents",
        "other host",
        "port",
        "address",
        "full size",
    ];

    [RequiresRootFact]
    public void It_goes_the_whole_way_and_names_the_hop_where_a_broken_one_ends()
    {
        using Cluster cluster = Cluster.Start(2);
        LabHost host = cluster.Hosts[0],
            other = cluster.Hosts[1];
        LabContainer here = host.AddContainer("here"),
            there = other.AddContainer("there");
        Eventually.True("they reach each other", () => here.CanPing(there.Address));
        string[] subnet = cluster.LeaseOf(other)!.Split('.', '/');
        string Of(int last) => $"{subnet[0]}.{subnet[1]}.{subnet[2]}.{last}";

        // All is well: to the container and a port of its, to the other host, to a container of this one, and outside.
        JsonElement whole = default;
        Eventually.Pass(
            () =>
            {
                (int code, whole) = host.TwillJson($"trace {there.Address} 81");
                code.Should().Be(0, whole.ToString());
                whole.GetProperty("hops").EnumerateArray().Select(hop => Operator.Text(hop, "hop")).Should().Equal(s_hops);
            },
            TimeSpan.FromSeconds(20) // until the agent has measured
        );
        TextOf(whole, "port").Should().Contain("refused");
        TextOf(whole, "neighbour").Should().EndWith($"on host {other.Address}");
        End(host, other.Address).Should().BeNull();
        End(host, here.Address).Should().BeNull();
        End(host, Lab.OutsideAddress).Should().BeNull();
        host.Twill($"trace {there.Address}").OrThrow().Stdout.Should().EndWith($"{there.Address} answers\n");

        // Addresses that nobody has: in the other host's subnet, in this one's, and in no host's.
        End(host, Of(77)).Should().Be("address");
        End(host, $"{here.Address[..(here.Address.LastIndexOf('.') + 1)]}77").Should().Be("address");
        string[] leased = [.. cluster.Hosts.Select(one => cluster.LeaseOf(one)!.Split('.')[2])];
        string free = Enumerable.Range(1, 9).Select(i => $"{i}").First(i => !leased.Contains(i));
        End(host, $"10.244.{free}.2").Should().Be("lease");

        // The tunnel's port dropped here, and there.
        const string Drop = "udp dport 4789 drop";
        host.Nft($"add table ip f; add chain ip f o {{ type filter hook output priority 0; }}; add rule ip f o {Drop}");
        End(host, there.Address).Should().Be("firewall");
        host.Nft("delete table ip f");
        other.Nft($"add table ip f; add chain ip f i {{ type filter hook input priority 0; }}; add rule ip f i {Drop}");
        JsonElement closed = host.TwillJson($"trace {there.Address}").Json;
        Operator.Text(closed, "endsAt").Should().Be("other host");
        closed.GetProperty("hops").EnumerateArray().First(IsFailed).GetProperty("remedy").GetString().Should().Contain("UDP port 4789");
        other.Nft("delete table ip f");

        // The route deleted while nobody mends it.
        host.Agent!.Send(Signal.Stop);
        host.Ip($"route del {cluster.LeaseOf(other)}");
        End(host, there.Address).Should().Be("route");
        host.Agent.Send(Signal.Cont);
        Eventually.Pass(() => End(host, there.Address).Should().BeNull("the agent mends it"));
    }

    [RequiresRootFact]
    public void What_it_cannot_understand_is_named()
    {
        using SingleHost single = new();
        LabHost host = single.Host;
        host.Twill("trace --help").OrThrow().Stdout.Should().StartWith("twill trace: ");
        foreach (
            (string arguments, string told) in new[]
            {
                ("", "expected a host, a container or an address"),
                ("10.244.0.2 0", "expected a TCP port from 1 to 65535, got '0'"),
                ("nobody", "'nobody' is no address, and no container of this host begins so"),
                ("10.244.0.2 --network none", "no network 'none' in /etc/cni/net.d"),
                ("10.244.0.2 --what", "unknown option '--what'"),
            }
        )
        {
            CmdResult refused = host.Twill($"trace {arguments}");
            refused.ExitCode.Should().Be(2);
            refused.Stderr.Should().StartWith("twill trace: ").And.Contain(told);
            refused.Stdout.Should().BeEmpty();
        }
    }

    /// <summary>Where the way to an address ends; null: it is answered.</summary>
    private static string? End(LabHost host, string address)
    {
        (int code, JsonElement json) = host.TwillJson($"trace {address}");
        code.Should().Be(json.GetProperty("answers").GetBoolean() ? 0 : 1, json.ToString());
        return json.TryGetProperty("endsAt", out JsonElement end) ? end.GetString() : null;
    }

    private static string TextOf(JsonElement trace, string hop) =>
        Operator.Text(trace.GetProperty("hops").EnumerateArray().Single(one => Operator.Text(one, "hop") == hop), "text");

    private static bool IsFailed(JsonElement hop) => Operator.Text(hop, "state") == "failed";
}
