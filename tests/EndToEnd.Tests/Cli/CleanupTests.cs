using System.Text.Json;
using System.Text.Json.Nodes;
using Twill.EndToEnd.Tests.Capabilities;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Cli;

/// <summary>A host is as it was before twill came, and what others made there is as it was.</summary>
public sealed class CleanupTests
{
    /// <summary>Devices, addresses, routes and tables of somebody else, some of them close to ours.</summary>
    private const string Foreign = """
        ip link add name br9 address 02:99:00:00:00:01 type bridge && ip link set br9 up && ip address add 172.20.0.1/24 dev br9
        ip link add name twforeign type veth peer name twother && ip link set twforeign master br9 up
        ip link add name vx9 type vxlan id 9 dstport 4790 local 192.168.50.11
        ip route add 172.21.0.0/16 via 192.168.50.254 proto static
        ip route add 10.244.0.0/15 via 192.168.50.254 metric 900
        nft add table inet admin
        nft add chain inet admin gate '{ type filter hook forward priority 0; }'
        mkdir -p /var/lib/cni/networks/other && echo kept >/var/lib/cni/networks/other/10.1.0.2
        """;

    [RequiresRootTheory]
    [InlineData("vxlan")]
    [InlineData("host-gw")]
    public void Cleanup_leaves_nothing_of_ours_and_all_of_others(string backend)
    {
        using Cluster cluster = Cluster.Start(2, conf => SetBackend(conf, backend));
        LabHost other = cluster.Hosts[1],
            host = cluster.NewHost("late", conf => SetBackend(conf, backend));
        host.Sh(Foreign.Replace("192.168.50.11", host.Address));
        string before = StateOf(host);
        host.StartAgent();
        cluster.WaitUntilJoined();
        LabContainer container = host.AddContainer("c1");
        string peer = other.AddContainer("c2").Address;
        Eventually.True("they reach each other", () => container.CanPing(peer));
        StateOf(host).Should().NotBe(before);

        CmdResult refused = host.Twill("cleanup --yes --addresses");
        refused.ExitCode.Should().Be(1);
        refused
            .Stdout.Should()
            .Contain("stop the agent (twilld, pid")
            .And.Contain("stop the 1 container attached here")
            .And.Contain("nothing was removed");
        host.Agent!.Kill();
        host.Twill("cleanup --yes --addresses").Stdout.Should().NotContain("stop the agent").And.Contain("nothing was removed");
        string running = StateOf(host);
        host.Twill("cleanup --force --addresses").ExitCode.Should().Be(0);
        StateOf(host).Should().Be(running, "without --yes nothing is done");

        CmdResult done = host.Twill("cleanup --yes --force --addresses");
        done.ExitCode.Should().Be(0, done.ToString());
        StateOf(host).Should().Be(before);
        host.Run("ls", "/run/twill").ExitCode.Should().NotBe(0);
        host.Run("ls", "/var/lib/cni/twill").ExitCode.Should().NotBe(0);
        host.Sh("cat /var/lib/cni/networks/other/10.1.0.2").Should().Be("kept\n");
        container.HasLink("eth0").Should().BeFalse();
        cluster.LeaseOf(host).Should().NotBeNull("etcd is not touched");
        done.Stdout.Should().Contain($"{Cluster.Subnets}{cluster.LeaseOf(host)!.Replace('/', '-')} stays");

        CmdResult again = host.Twill("cleanup --yes --addresses");
        again.ExitCode.Should().Be(0);
        again.Stdout.Should().Contain("nothing of twill's is here to be removed");
    }

    [RequiresRootTheory]
    [InlineData("twilld", "")]
    [InlineData("etcdctl", " --addresses")]
    public void The_commands_that_cleanup_names_free_the_keys_in_etcd(string command, string option)
    {
        using Cluster cluster = Cluster.Start(1);
        LabHost host = cluster.Hosts[0];
        Eventually.True("the lease is written down", () => host.Twill("status").ExitCode == 0);
        host.Agent!.Kill();
        string lease = cluster.LeaseOf(host)!;
        foreach (string line in host.Twill($"cleanup --yes{option}").OrThrow().Stdout.Split('\n').Where(l => l.Contains($": {command}")))
        {
            host.Sh($"export ETCDCTL_API=3 PATH=$PATH:/opt/cni/bin; {line[line.LastIndexOf(command, StringComparison.Ordinal)..]}");
        }

        lease.Should().NotBeNull();
        cluster.LeaseOf(host).Should().BeNull();
        cluster.Etcd.List("/twill/twill/twill/nodes/").Should().BeEmpty();
    }

    [RequiresRootFact]
    public void What_a_network_left_whose_configuration_is_gone_is_found_and_removed()
    {
        using Cluster cluster = Cluster.Start(1);
        LabHost host = cluster.Hosts[0];
        host.AddContainer("c1");
        host.Plugin("twill", host.NewContainer("limited"))
            .Run(
                "ADD",
                SampleConf
                    .Cluster(cluster.Etcd.Endpoint)
                    .ForPlugin()
                    .WithRuntimeConfig("""{"bandwidth":{"egressRate":20000000,"egressBurst":1000000}}""")
                    .ToJsonString()
            )
            .OrThrow();
        host.Ip("link show type ifb").Should().Contain(": tb");
        host.Agent!.Kill();
        host.Sh("rm /etc/cni/net.d/*");

        host.Twill("doctor").Stdout.Should().Contain("no network of twill's");
        host.Twill("cleanup --yes --network other").ExitCode.Should().Be(2);
        host.Twill("cleanup --yes --force --addresses --network twill").OrThrow();

        host.HasLink("twill0").Should().BeFalse();
        host.HasLink("twill.1").Should().BeFalse();
        host.Ip("link show type ifb").Should().BeEmpty();
        Leftovers.Of(host).Should().BeEmpty();
        host.Nft("list tables").Should().NotContain("twill");
        host.Sh("ls /run").Should().NotContain("twill");
    }

    [RequiresRootFact]
    public void Only_the_network_that_is_named_goes()
    {
        using Lab lab = Lab.Create();
        LabHost host = lab.AddHost("host");
        host.Configure(SampleConf.Single());
        JsonObject second = SampleConf.Single();
        second["name"] = "second";
        second.Plugin()["bridge"] = "second0";
        second.Ipam()["subnet"] = "10.245.0.0/24";
        host.Configure(second);
        LabContainer stays = host.AddContainer("stays");
        host.AddContainer("goes", "second");

        host.Twill("cleanup --network second --yes --force --addresses").OrThrow();

        host.HasLink("second0").Should().BeFalse();
        host.Nft("list tables").Should().Contain("twill-twill").And.NotContain("twill-second");
        Leftovers.Links(host).Should().ContainSingle();
        Leftovers.Records(host, "second").Should().BeEmpty();
        Eventually.True("the other network's container reaches its gateway", () => stays.CanPing("10.244.0.1"));
    }

    [RequiresRootFact]
    public void A_bridge_that_somebody_else_made_or_uses_stays()
    {
        using Lab lab = Lab.Create();
        LabHost host = lab.AddHost("host");
        host.Configure(SampleConf.Single());
        host.Sh("ip link add name twill0 address 02:99:00:00:00:01 type bridge && ip address add 172.20.0.1/24 dev twill0");
        string config = SampleConf.Single()
            .ForPlugin()
            .WithRuntimeConfig("""{"portMappings":[{"hostPort":8080,"containerPort":80,"protocol":"tcp"}]}""")
            .ToJsonString();
        host.Plugin("twill", host.NewContainer("c1")).Add(config).OrThrow();
        host.Sh("cat /proc/sys/net/ipv4/conf/twill0/route_localnet").Trim().Should().Be("1");
        CmdResult done = host.Twill("cleanup --yes --force").OrThrow();
        done.Stdout.Should().Contain("kept  bridge twill0: its hardware address 02:99:00:00:00:01 is not the one twill gives");
        host.Sh("cat /proc/sys/net/ipv4/conf/twill0/route_localnet").Trim().Should().Be("0", "nothing of ours watches it any more");
        host.Ip("-4 -br address show dev twill0").Should().Contain("172.20.0.1/24").And.NotContain("10.244.0.1");
        Leftovers.Links(host).Should().BeEmpty();

        host.Sh("ip link delete twill0");
        host.AddContainer("c2");
        host.Sh("ip link add name alien type veth peer name alien1 && ip link set alien master twill0");
        host.Twill("cleanup --yes --force").OrThrow().Stdout.Should().Contain("kept  bridge twill0: alien on it is not of this network");
        host.HasLink("twill0").Should().BeTrue();
    }

    [RequiresRootFact]
    public void On_one_host_alone_everything_goes_and_comes_again()
    {
        using Lab lab = Lab.Create();
        LabHost host = lab.AddHost("host");
        host.Configure(SampleConf.Single());
        host.Twill("doctor").OrThrow();
        string before = StateOf(host);
        LabContainer container = host.AddContainer("c1");
        host.Twill("doctor").OrThrow();
        host.Twill("status").OrThrow().Stdout.Should().Contain("10.244.0.0/24, 1 used, 252 free");
        host.Cnitool("del", "twill", container).OrThrow();

        (int code, JsonElement json) = host.TwillJson("cleanup --yes --addresses");

        (code, json.GetProperty("done").GetBoolean()).Should().Be((0, true));
        StateOf(host).Should().Be(before);
        LabContainer next = host.AddContainer("c2");
        Eventually.True("the next container reaches its gateway", () => next.CanPing("10.244.0.1"));
    }

    private static void SetBackend(JsonObject conf, string backend)
    {
        if (backend != "vxlan")
        {
            conf.Plugin()["backend"] = new JsonObject { ["type"] = backend };
        }
    }

    /// <summary>
    /// All of the host's network as its tools show it, less what numbers and clocks change, and less carriers, of which the kernel takes
    /// note a moment later.
    /// </summary>
    private static string StateOf(LabHost host) =>
        string.Join(
            '\n',
            new[]
            {
                "ip -o link show | sed 's/^[0-9]*: //; s/@if[0-9]*/@/; s/ state [A-Z]* / /; s/NO-CARRIER,//; s/,LOWER_UP//; s/,M-DOWN//'",
                "ip -o -4 address show | sed 's/^[0-9]*: //'",
                "ip -4 route show table main | sed 's/ linkdown//'",
                "ip -4 neigh show nud permanent",
                "bridge fdb show | grep dst",
                "nft --stateless list ruleset",
                "ls -R /run/twill /var/lib/cni/twill /var/lib/cni/networks 2>&1",
            }.Select(command => host.Run("sh", "-c", command).Stdout)
        );
}
