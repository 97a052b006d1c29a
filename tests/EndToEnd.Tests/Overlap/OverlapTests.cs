using System.Text.Json.Nodes;
using Twill.EndToEnd.Tests.Cli;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Overlap;

/// <summary>A network that contains the hosts' own LAN: whatever is leased in it, the LAN and etcd stay reachable.</summary>
public sealed class OverlapTests
{
    private const string Subnets = Cluster.Subnets;

    [RequiresRootFact]
    public void A_peers_subnet_that_is_the_LAN_gets_no_route_and_is_named_everywhere_and_hinders_nobody()
    {
        using Cluster cluster = Cluster.Start(2, conf => conf.Ipam()["network"] = "192.168.0.0/16");
        (LabHost host, LabHost other) = (cluster.Hosts[0], cluster.Hosts[1]);
        host.StartAgent("--listen", "127.0.0.1:9116");
        LabContainer from = host.AddContainer("c1"),
            to = other.AddContainer("c2");
        Eventually.True("containers reach each other", () => from.CanPing(to.Address), TimeSpan.FromSeconds(20));

        cluster.Etcd.Put($"{Subnets}192.168.50.0-24", Value(other.Address, "02:00:00:00:00:99"));

        Eventually.Pass(() => host.Twill("peers").Stdout.Should().Contain("192.168.50.0-24 does not count: it overlaps 192.168.50."));
        host.Sh("ip route show proto 116").Should().NotContain("192.168.50.0/24");
        host.Run("ping", "-n", "-q", "-c", "1", "-W", "2", other.Address).ExitCode.Should().Be(0, "the LAN is there");
        host.Run("ping", "-n", "-q", "-c", "1", "-W", "2", Lab.EtcdAddress).ExitCode.Should().Be(0, "etcd is there");
        host.Complaints().Should().Contain(c => c.Check == "keys" && c.Text.Contains("192.168.50.0-24 does not count"));
        host.Complaints().Should().Contain(c => c.Check == "overlap" && c.Outcome == "warning" && c.Text.Contains("contains what this"));
        host.Complaints().Should().NotContain(c => c.Outcome == "failed");
        host.Sh("curl -s -w '%{http_code}' http://127.0.0.1:9116/healthz").Should().Contain("192.168.50.0-24").And.EndWith("200");
        host.Twill("status").Should().Match<CmdResult>(s => s.ExitCode == 0 && !s.Stdout.Contains("all is well"));
        from.CanPing(to.Address).Should().BeTrue();
        host.Agent!.Log.Split('\n').Where(line => line.Contains("lease 192.168.50.0/24")).Should().HaveCount(1, "it is told once");

        host.Sh(host.Complaints().First(c => c.Check == "keys").Remedy.Split("if there is none: ")[1]);
        Eventually.Pass(() => host.Complaints().Should().NotContain(c => c.Check == "keys"));
    }

    [RequiresRootFact]
    public void Keys_that_are_no_leases_lead_nowhere_and_are_named_and_new_hosts_get_subnets()
    {
        using Cluster cluster = Cluster.Start(2);
        (LabHost host, LabHost other) = (cluster.Hosts[0], cluster.Hosts[1]);
        string established = cluster.LeaseOf(other)!;
        string[] junk =
        [
            "0.0.0.0-0",
            "10.244.0.0-16",
            established.Replace(".0/24", ".2-32"),
            $"0{established.Replace('/', '-')}",
            $"{established.Replace('/', '-')}&fc00:1:2::-64",
            "10.244.0.0-24\u001b[31m",
        ];
        foreach (string key in junk)
        {
            cluster.Etcd.Put($"{Subnets}{key}", Value("192.168.50.77", "02:00:00:00:00:77"));
        }

        string mac = host.IpJson("neigh show dev twill.1 nud permanent")[0].GetProperty("lladdr").GetString()!;
        foreach ((string subnet, string address, string with) in (ReadOnlySpan<(string, string, string)>)
            [
                ("10.244.0.0-24", "192.168.50.88", mac), // another's hardware address, in a lower subnet
                ("10.244.250.0-24", "192.168.50.255", "02:00:00:00:00:01"),
                ("10.244.251.0-24", "192.168.50.0", "02:00:00:00:00:02"),
                ("10.244.252.0-24", "0.1.2.3", "02:00:00:00:00:03"),
                ("10.244.253.0-24", "10.244.9.9", "02:00:00:00:00:04"),
                ("10.244.254.0-24", "127.0.0.1", "02:00:00:00:00:05"),
            ])
        {
            cluster.Etcd.Put($"{Subnets}{subnet}", Value(address, with));
        }

        Eventually.Pass(() =>
            host.TwillJson("peers").Json.GetProperty("networks")[0].GetProperty("refusedCount").GetInt32().Should().Be(12)
        );
        Cluster.RoutesOf(host).Should().Equal([established], "only the established host counts");
        host.Sh("bridge fdb show dev twill.1").Should().Contain($"{mac} dst {other.Address}");
        host.Twill("peers").Stdout.Should().Contain("\\u001b[31m").And.NotContain("\u001b[31m");
        host.Agent!.Log.Should().NotContain("\u001b");

        LabHost third = cluster.Join("host2");
        Eventually.True("it leases", () => cluster.LeaseOf(third) is not null, TimeSpan.FromSeconds(20), () => third.Agent!.Log);
        Eventually.True("it is reached", () => Cluster.RoutesOf(host).Contains(cluster.LeaseOf(third)));
    }

    [RequiresRootFact]
    public void A_subnet_that_the_host_needs_is_not_leased_and_that_is_told()
    {
        using Lab lab = Lab.Create();
        lab.StartEtcd();
        LabHost host = lab.AddHost("host0");
        JsonObject conf = SampleConf.Cluster(lab.Etcd!.Endpoint);
        conf.Ipam()["network"] = "192.168.0.0/16";
        (conf.Ipam()["subnetMin"], conf.Ipam()["subnetMax"]) = ("192.168.48.0", "192.168.50.0");
        host.Configure(conf);
        host.Sh("ip link add docker0 up type bridge; ip address add 192.168.48.1/24 dev docker0");

        LabContainer first = host.AddContainer("c1"); // leased by twill-ipam: no agent runs
        first.Address.Should().StartWith("192.168.49.");
        host.StartAgent();
        Eventually.Pass(() => host.Agent!.Log.Should().Contain("no subnet is leased that overlaps what this host needs itself"));

        LabHost second = lab.AddHost("host1");
        second.Configure(conf);
        second.Sh("ip link add docker0 up type bridge; ip address add 192.168.48.1/24 dev docker0");
        CmdResult refused = second.Cnitool("add", "twill", second.NewContainer("c2"));
        (refused.Stdout + refused.Stderr).Should().Contain("or overlap what this host needs itself (192.168.");

        second.Sh("ip link delete docker0");
        second.AddContainer("c3").Address.Should().StartWith("192.168.48.", "it is free there");
    }

    [RequiresRootFact]
    public void An_address_that_the_host_gets_later_takes_the_way_to_a_peer_there_and_gives_it_back()
    {
        using Cluster cluster = Cluster.Start(2);
        LabHost host = cluster.Hosts[0];
        string peer = cluster.LeaseOf(cluster.Hosts[1])!,
            own = cluster.LeaseOf(host)!;
        string inPeer = peer.Replace(".0/24", ".77/24"),
            inOwn = own.Replace(".0/24", ".77/28");

        host.Sh($"ip link add lan2 up type bridge; ip address add {inPeer} dev lan2");
        Eventually.Pass(() => Cluster.RoutesOf(host).Should().NotContain(peer));
        host.Twill("peers").Stdout.Should().Contain("this host's own address on lan2");
        host.Twill("status").ExitCode.Should().Be(1, "no other host is reached");
        host.Sh($"ip address del {inPeer} dev lan2");
        Eventually.Pass(() => Cluster.RoutesOf(host).Should().Contain(peer));

        LabContainer container = host.AddContainer("c1"); // its subnet is kept
        host.Sh($"ip address add {inOwn} dev lan2");
        Eventually.Pass(() => host.Twill("status").Stdout.Should().Contain($"{own} of bridge twill0 overlaps"));
        host.Complaints().Should().Contain(c => c.Check == "overlap" && c.Outcome == "failed");
        host.Sh("ip link delete lan2");
        Eventually.Pass(() => host.Twill("status").Stdout.Should().Contain("all is well"), TimeSpan.FromSeconds(40));
        container.CanPing(Lab.GatewayAddress).Should().BeTrue();
    }

    [RequiresRootTheory]
    [InlineData("vxlan")]
    [InlineData("host-gw")]
    public void Another_host_with_this_ones_address_is_told_by_status_doctor_and_healthz(string backend)
    {
        using Cluster cluster = Cluster.Start(1, conf => conf.Plugin()["backend"] = new JsonObject { ["type"] = backend });
        LabHost host = cluster.Hosts[0];
        host.StartAgent("--listen", "127.0.0.1:9116");
        string key = cluster.LeaseOf(host) == "10.244.9.0/24" ? "10.244.8.0-24" : "10.244.9.0-24";

        cluster.Etcd.PutLeased(
            $"{Subnets}{key}",
            backend == "vxlan" ? Value(host.Address, "02:00:00:00:00:15") : $$"""{"PublicIP":"{{host.Address}}","BackendType":"host-gw"}"""
        );

        string told = $"another node publishes this host's address {host.Address}";
        Eventually.Pass(() => host.Twill("status").Should().Match<CmdResult>(s => s.ExitCode == 1 && s.Stdout.Contains(told)));
        host.Complaints().Should().Contain(c => c.Check == "keys" && c.Outcome == "failed" && c.Text.Contains(told));
        host.Sh("curl -s -w '%{http_code}' http://127.0.0.1:9116/healthz").Should().Contain(told).And.EndWith("503");
        cluster.Etcd.Etcdctl("del", $"{Subnets}{key}");
        Eventually.Pass(() => host.Twill("status").Stdout.Should().Contain("all is well"), TimeSpan.FromSeconds(40));
    }

    private static string Value(string publicIP, string mac) =>
        new JsonObject
        {
            ["PublicIP"] = publicIP,
            ["PublicIPv6"] = null,
            ["BackendType"] = "vxlan",
            ["BackendData"] = new JsonObject { ["VNI"] = 1, ["VtepMAC"] = mac },
        }.ToJsonString();
}
