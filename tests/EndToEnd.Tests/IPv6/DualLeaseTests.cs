using System.Text.Json.Nodes;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.IPv6;

/// <summary>Subnets and addresses of both families from etcd, by the published programs and conf/10-twill-dual.conflist; judged by
/// etcdctl.</summary>
public sealed class DualLeaseTests
{
    [RequiresRootFact]
    public void A_host_leases_a_subnet_of_each_family_and_its_containers_have_an_address_of_each()
    {
        using Cluster cluster = Cluster.Start(0);
        LabHost host = NewHost(cluster, "host");
        host.StartAgent();
        Eventually.True("it leases", () => cluster.LeasesOf(host).Count == 2, onFailure: () => host.Agent!.Log);

        LabContainer a = host.AddContainer("a"),
            b = host.AddContainer("b");

        string[] subnets = [.. cluster.LeasesOf(host)];
        string key = cluster.Etcd.List(Cluster.Subnets).Keys.Single();
        key.Should().MatchRegex(@"^/twill/twill/subnets/10\.244\.\d+\.0-24&fd00:244:0:[0-9a-f]+::-64$");
        cluster
            .Etcd.Get(key)
            .Should()
            .StartWith($$"""{"PublicIP":"{{host.Address}}","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":""");
        cluster.Etcd.Get("/twill/twill/config").Should().Contain("\"EnableIPv6\":true").And.Contain("\"IPv6Network\":\"fd00:244::/48\"");
        a.Addresses.Should().Equal(subnets[0].Replace(".0/24", ".2"), subnets[1].Replace("::/64", "::2"));
        foreach (string address in b.Addresses)
        {
            a.CanPing(address).Should().BeTrue($"{address} is on the same host");
        }

        host.Cnitool("check", "twill", a).OrThrow();
        foreach (LabContainer container in new[] { a, b })
        {
            host.Cnitool("del", "twill", container).OrThrow();
        }

        Leftovers.Records(host).Should().BeEmpty();
    }

    [RequiresRootFact]
    public void Twill_ipam_gives_both_families_under_the_reference_bridge()
    {
        using Cluster cluster = Cluster.Start(0);
        LabHost host = cluster.NewHost("host");
        JsonObject conf = SampleConf.Dual(cluster.Etcd.Endpoint);
        conf["plugins"] = new JsonArray(
            new JsonObject
            {
                ["type"] = "bridge",
                ["bridge"] = "ref0",
                ["isGateway"] = true,
                ["ipam"] = conf.Ipam().DeepClone(),
            }
        );
        LabContainer a = host.NewContainer("a"),
            b = host.NewContainer("b");

        foreach (LabContainer container in new[] { a, b })
        {
            container.Result = host.Plugin("bridge", container).Add(conf.ForPlugin().ToJsonString()).OrThrow().Stdout;
        }

        a.Addresses.Should().HaveCount(2);
        foreach (string address in b.Addresses)
        {
            Eventually.True($"{address} is reached", () => a.CanPing(address));
        }

        cluster.Etcd.List(Cluster.Subnets).Values.Should().Equal($$"""{"PublicIP":"{{host.Address}}","PublicIPv6":null}""");
        foreach (LabContainer container in new[] { a, b })
        {
            host.Plugin("bridge", container).Check(conf.ForPlugin(container.Result).ToJsonString()).OrThrow();
            host.Plugin("bridge", container).Del(conf.ForPlugin(container.Result).ToJsonString()).OrThrow();
        }

        Leftovers.Records(host).Should().BeEmpty();
    }

    /// <summary>There are IPv4 subnets for all of them: what etcd compares differs, whichever IPv6 subnet they take.</summary>
    [RequiresRootFact]
    public async Task Of_eight_hosts_that_want_one_of_four_IPv6_subnets_four_win_distinct_ones()
    {
        using Cluster cluster = Cluster.Start(0);
        LabHost[] hosts =
        [
            .. Enumerable.Range(0, 8).Select(i => NewHost(cluster, $"host{i}", ipam => ipam["ipv6SubnetMax"] = "fd00:244:0:4::")),
        ];
        (LabHost Host, LabContainer Container)[] containers = [.. hosts.Select(host => (host, host.NewContainer("c")))];

        CmdResult[] results = await Task.WhenAll(containers.Select(c => Task.Run(() => c.Host.Cnitool("add", "twill", c.Container))));

        CmdResult[] won = [.. results.Where(r => r.ExitCode == 0)],
            lost = [.. results.Where(r => r.ExitCode != 0)];
        won.Should().HaveCount(4, string.Join('\n', lost.Select(r => r.ToString())));
        won.Select(r => LabContainer.AddressesOf(r.Stdout)[1])
            .Should()
            .BeEquivalentTo("fd00:244:0:1::2", "fd00:244:0:2::2", "fd00:244:0:3::2", "fd00:244:0:4::2");
        cluster.Etcd.List(Cluster.Subnets).Keys.Should().HaveCount(4);
        lost.Should().AllSatisfy(r => (r.Stdout + r.Stderr).Should().Contain("all 4 subnets").And.Contain("fd00:244::/48"));
        foreach (LabHost host in hosts.Zip(results).Where(p => p.Second.ExitCode != 0).Select(p => p.First))
        {
            Leftovers.Records(host).Should().BeEmpty("a failed ADD leaves nothing");
        }
    }

    [RequiresRootFact]
    public void A_network_that_gets_IPv6_leaves_hosts_their_IPv4_subnets_and_containers_their_addresses()
    {
        using Cluster cluster = Cluster.Start(1);
        LabHost host = cluster.Hosts[0];
        string subnet = cluster.LeaseOf(host)!;
        LabContainer before = host.AddContainer("before");

        host.Configure(SampleConf.Dual(cluster.Etcd.Endpoint));
        host.Agent!.Send(Signal.Hup);
        LabContainer refused = host.NewContainer("refused");
        CmdResult answer = host.Cnitool("add", "twill", refused);
        (answer.Stdout + answer.Stderr).Should().Contain("EnableIPv6 is true here and false in etcd").And.Contain("etcdctl put");
        Eventually.True("the agent says so", () =>
            host.Agent!.Log.Contains("EnableIPv6 is true here and false in etcd", StringComparison.Ordinal)
        );

        cluster.Etcd.Put(
            "/twill/twill/config",
            cluster
                .Etcd.Get("/twill/twill/config")!
                .Replace(
                    "\"EnableIPv6\":false",
                    "\"EnableIPv6\":true,\"IPv6Network\":\"fd00:244::/48\",\"IPv6SubnetLen\":64",
                    StringComparison.Ordinal
                )
        );
        Eventually.True(
            "it leases an IPv6 subnet as well",
            () => cluster.LeasesOf(host).Count == 2,
            TimeSpan.FromSeconds(20),
            () => host.Agent!.Log
        );

        cluster.LeaseOf(host).Should().Be(subnet);
        cluster.Etcd.List(Cluster.Subnets).Keys.Should().ContainSingle();
        before.CanPing(Lab.OutsideAddress).Should().BeTrue();
        LabContainer after = host.AddContainer("after");
        after.Addresses.Should().HaveCount(2);
        after.CanPing(before.Address).Should().BeTrue();
        foreach (LabContainer container in new[] { before, after })
        {
            host.Cnitool("del", "twill", container).OrThrow();
        }

        Leftovers.Records(host).Should().BeEmpty();
    }

    private static LabHost NewHost(Cluster cluster, string name, Action<JsonObject>? ipam = null)
    {
        LabHost host = cluster.Lab.AddHost(name);
        JsonObject conf = SampleConf.Dual(cluster.Etcd.Endpoint);
        ipam?.Invoke(conf.Ipam());
        host.Configure(conf);
        return host;
    }
}
