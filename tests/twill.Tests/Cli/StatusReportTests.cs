using System.Net;
using System.Text.Json;
using Twill.Host.Backends;
using Twill.Network.State;
using Twill.Plugin.Cli;
using Twill.System;

namespace Twill.Plugin.Tests.Cli;

public sealed class StatusReportTests
{
    private static readonly NetworkStatus s_healthy = new()
    {
        Name = "twill",
        File = "/etc/cni/net.d/10-twill.conflist",
        Backend = "vxlan",
        BackendFields = new VxlanBackend().Status(node: null),
        PublicAddresses = [IPAddress.Parse("192.168.50.11")],
        Interface = "eth0",
        Bridge = "twill0",
        BridgeState = "up",
        Mtu = 1450,
        Containers = 2,
        Subnets = [new SubnetUse(IPNetwork.Parse("10.244.7.0/24"), 2, 251)],
        IsLeased = true,
        Lease = new LeaseStatus(0x2ac, 86_400, 3.25, 86_396.75),
        Agent = new AgentStatus
        {
            Needed = true,
            Pid = 4711,
            ReportAge = 2,
            EtcdAge = 3,
            PeersWanted = 2,
            PeersProgrammed = 2,
        },
    };

    [Fact]
    public void A_network_is_a_block_of_aligned_lines()
    {
        Print(s_healthy)
            .Should()
            .Be(
                """
                twill  /etc/cni/net.d/10-twill.conflist
                  backend  vxlan, VNI 1, UDP port 4789, 192.168.50.11 on eth0
                  bridge   twill0, up, 2 containers
                  MTU      1450
                  subnet   10.244.7.0/24, 2 used, 251 free
                  lease    00000000000002ac, renewed 3 s ago, 23 h 59 min left
                  agent    runs (pid 4711), reported 2 s ago
                  etcd     answered 3 s ago
                  peers    2 of 2

                all is well

                """
            );
    }

    [Fact]
    public void Why_peers_are_not_measured_is_told_once_and_all_is_not_well()
    {
        const string Reason = "this host has no address in its subnet";
        ReachabilityFile file = new()
        {
            BootId = BootClock.BootId,
            Time = BootClock.Now,
            NotMeasured = Reason,
            Peers = [],
        };

        string text = Print(s_healthy with { Measured = MeasuredPeers.From(file, null, agentRuns: true) });

        text.Should().Contain($"whether peers answer is not known: {Reason}").And.NotContain("all is well");
        text.Split(Reason).Should().HaveCount(2, text);
    }

    [Fact]
    public void Both_families_of_a_network_are_shown_and_nobody_counts_the_addresses_of_an_IPv6_subnet()
    {
        NetworkStatus dual = s_healthy with
        {
            PublicAddresses = [IPAddress.Parse("192.168.50.11"), IPAddress.Parse("fd00:50::11")],
            Subnets = [.. s_healthy.Subnets, new SubnetUse(IPNetwork.Parse("fc00:1:0:7::/64"), 2, SubnetUse.Countless)],
        };

        Print(dual)
            .Should()
            .Contain("192.168.50.11 and fd00:50::11 on eth0\n")
            .And.Contain("  subnet   fc00:1:0:7::/64, 2 used, countless free\n");
        JsonElement network = Json(w =>
                StatusReport.Write(w, [dual, s_healthy with { PublicAddresses = [IPAddress.Parse("fd00:50::11")] }], [])
            )
            .GetProperty("networks")[0];
        (network.GetProperty("publicIP").GetString(), network.GetProperty("publicIPv6").GetString())
            .Should()
            .Be(("192.168.50.11", "fd00:50::11"));
        network.GetProperty("subnets")[1].GetProperty("free").GetInt64().Should().Be(9007199254740991);
    }

    [Fact]
    public void One_host_alone_has_no_lease_agent_or_peers()
    {
        NetworkStatus single = s_healthy with
        {
            Backend = "none",
            BackendFields = [],
            PublicAddresses = [],
            Lease = null,
            IsLeased = false,
            Agent = new AgentStatus(),
        };
        Print(single)
            .Should()
            .Contain("backend  none\n")
            .And.NotContain("lease")
            .And.NotContain("agent")
            .And.NotContain("peers")
            .And.Contain("all is well");
    }

    public static TheoryData<string> Troubles =>
        ["dead", "stale", "never", "error", "peers", "late", "expired", "reboot", "lost", "full", "bridge"];

    [Theory]
    [MemberData(nameof(Troubles))]
    public void What_is_wrong_is_told_in_words(string trouble)
    {
        AgentStatus agent = s_healthy.Agent;
        (NetworkStatus network, string words) = trouble switch
        {
            "dead" => (s_healthy with { Agent = agent with { Pid = null } }, "the agent (twilld) is not running; it reported 2 s ago"),
            "stale" => (
                s_healthy with
                {
                    Agent = agent with { ReportAge = 200 },
                },
                "the agent (twilld, pid 4711) has not reported for 3 min"
            ),
            "never" => (
                s_healthy with
                {
                    Agent = agent with { ReportAge = null, Pid = null },
                },
                "no agent (twilld) has run since this host started"
            ),
            "error" => (s_healthy with { Agent = agent with { Error = "lease: etcd is away" } }, "the agent reports: lease: etcd is away"),
            "peers" => (s_healthy with { Agent = agent with { PeersProgrammed = 1 } }, "the way to 1 of 2 remote subnets is not made"),
            "late" => (
                s_healthy with
                {
                    Lease = new LeaseStatus(1, 100, 70, 30),
                },
                "the lease was not renewed for 70 s: in 30 s no address is handed out any more"
            ),
            "expired" => (s_healthy with { Lease = new LeaseStatus(1, 100, 110, -10) }, "the lease ran out 10 s ago"),
            "reboot" => (s_healthy with { Lease = new LeaseStatus(1, 100, null, null) }, "the lease is of an earlier boot"),
            "lost" => (s_healthy with { Lost = [IPNetwork.Parse("10.244.9.0/24")] }, "subnet 10.244.9.0/24 is another host's now"),
            "full" => (
                s_healthy with
                {
                    IsLeased = false,
                    Subnets = [new SubnetUse(IPNetwork.Parse("10.1.0.0/30"), 1, 0)],
                },
                "every address is taken"
            ),
            _ => (s_healthy with { BridgeState = "down" }, "bridge twill0 is down"),
        };
        network.Problems.Should().ContainSingle().Which.Should().StartWith(words);
        Print(network).Should().Contain($"  problem   {words}").And.NotContain("all is well");
    }

    [Fact]
    public void A_host_without_networks_and_a_broken_file_are_problems()
    {
        ConsoleOutput screen = new(colours: false);
        StatusReport.Print(screen, [], ["/x/a.conf: it is empty"], "/x");
        screen
            .Text.Should()
            .Contain("no network of twill's in /x")
            .And.Contain("problem  /x/a.conf: it is empty")
            .And.NotContain("all is well");
    }

    [Fact]
    public void Programs_get_numbers()
    {
        JsonElement root = Json(w =>
            StatusReport.Write(w, [s_healthy, s_healthy with { Lease = new LeaseStatus(1, 100, null, null), Mtu = null }], ["p"])
        );
        JsonElement network = root.GetProperty("networks")[0];
        network.GetProperty("network").GetString().Should().Be("twill");
        network.GetProperty("mtu").GetInt32().Should().Be(1450);
        network.GetProperty("subnets")[0].GetProperty("free").GetInt32().Should().Be(251);
        network.GetProperty("lease").GetProperty("secondsLeft").GetDouble().Should().Be(86_396.75);
        network.GetProperty("agent").GetProperty("peersProgrammed").GetInt32().Should().Be(2);
        network.GetProperty("problems").GetArrayLength().Should().Be(0);
        root.GetProperty("networks")[1].GetProperty("lease").GetProperty("secondsLeft").ValueKind.Should().Be(JsonValueKind.Null);
        root.GetProperty("networks")[1].GetProperty("mtu").ValueKind.Should().Be(JsonValueKind.Null);
        root.GetProperty("problems")[0].GetString().Should().Be("p");
    }

    internal static JsonElement Json(Action<Utf8JsonWriter> write)
    {
        ConsoleOutput screen = new(colours: false);
        screen.Json(write);
        using JsonDocument document = JsonDocument.Parse(screen.Text);
        return document.RootElement.Clone();
    }

    private static string Print(NetworkStatus network)
    {
        ConsoleOutput screen = new(colours: false);
        StatusReport.Print(screen, [network], [], "/etc/cni/net.d");
        return screen.Text;
    }
}
