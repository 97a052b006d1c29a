using Twill.Testing;

namespace Twill.EndToEnd.Tests;

/// <summary>What the agents do while containers talk: come, go, and mend.</summary>
public sealed class AgentTests
{
    private static readonly TimeSpan s_soon = TimeSpan.FromSeconds(1);

    [RequiresRootFact]
    public void Restarting_and_killing_agents_under_traffic_loses_no_ping()
    {
        using Cluster cluster = Cluster.Start(2);
        LabHost a = cluster.Hosts[0],
            b = cluster.Hosts[1];
        LabContainer from = a.AddContainer("from"),
            to = b.AddContainer("to");
        string? subnet = cluster.LeaseOf(a);

        using Traffic traffic = Traffic.Start(from, to.Address);
        a.Agent!.Stop().Should().Be(0);
        traffic.WaitForMore(25);
        a.StartAgent();
        traffic.WaitForMore(25);
        b.Agent!.Kill();
        traffic.WaitForMore(25);
        b.StartAgent();
        traffic.WaitForMore(50);

        traffic.Lost().Should().BeEmpty();
        cluster.LeaseOf(a).Should().Be(subnet, "a returning agent keeps its subnet");
    }

    [RequiresRootFact]
    public void A_host_that_joins_and_one_that_leaves_show_on_the_others_within_a_second()
    {
        using Cluster cluster = Cluster.Start(2);
        LabHost newcomer = cluster.Join("newcomer");
        cluster.WaitUntilJoined();
        newcomer.Agent!.Stop();
        string subnet = cluster.LeaseOf(newcomer)!,
            key = Cluster.Subnets + subnet.Replace('/', '-'),
            lease = cluster.Etcd.Get(key)!;

        // It goes and comes until that was quick enough: a stall of the machine is not the agents'.
        List<TimeSpan> left = [],
            joined = [];
        for (int i = 0; i < 5 && (i == 0 || left.Min() > s_soon || joined.Min() > s_soon); i++)
        {
            cluster.Etcd.Etcdctl("del", key);
            left.Add(OnBoth("has no route", host => !Cluster.RoutesOf(host).Contains(subnet)));
            OnBoth("has no forwarding entry", host =>
                !host.Bridge("fdb show dev twill.1").Contains(newcomer.Address, StringComparison.Ordinal)
            );
            OnBoth("has no neighbour", host => !host.Ip("neigh show dev twill.1").Contains(subnet.Split('/')[0], StringComparison.Ordinal));

            cluster.Etcd.Put(key, lease);
            joined.Add(OnBoth("has the route", host => Cluster.RoutesOf(host).Contains(subnet)));
        }

        left.Min().Should().BeLessThan(s_soon);
        joined.Min().Should().BeLessThan(s_soon);

        TimeSpan OnBoth(string what, Func<LabHost, bool> isTrue) =>
            cluster
                .Hosts.Take(2)
                .Select(host => Eventually.True($"{host.Name} {what}", () => isTrue(host), onFailure: () => host.Agent!.Log))
                .Aggregate((a, b) => a + b);
    }

    [RequiresRootFact]
    public void Entries_of_a_host_that_left_while_the_agent_was_down_are_removed_at_its_start()
    {
        using Cluster cluster = Cluster.Start(3);
        LabHost host = cluster.Hosts[0],
            gone = cluster.Hosts[2];
        string subnet = cluster.LeaseOf(gone)!;
        host.Agent!.Stop();
        gone.Agent!.Stop();
        cluster.Etcd.Etcdctl("del", Cluster.Subnets + subnet.Replace('/', '-'));
        Cluster.RoutesOf(host).Should().Contain(subnet, "nobody is there to remove it");

        host.StartAgent();
        Eventually.True("the route is gone", () => !Cluster.RoutesOf(host).Contains(subnet));
        Eventually.Pass(() => host.Bridge("fdb show dev twill.1").Should().NotContain(gone.Address));
        Cluster.RoutesOf(host).Should().Equal(cluster.LeaseOf(cluster.Hosts[1]));
    }

    [RequiresRootFact]
    public void Routes_of_others_are_left_alone()
    {
        using Cluster cluster = Cluster.Start(2);
        LabHost host = cluster.Hosts[0];
        host.Ip($"route add 10.99.0.0/24 via {Lab.GatewayAddress}");
        host.Ip($"route add 10.244.250.0/24 via {Lab.GatewayAddress} proto static");
        cluster.Join("newcomer");
        Eventually.True("the newcomer shows", () => Cluster.RoutesOf(host).Count == 2);
        host.Ip("route show").Should().Contain("10.99.0.0/24").And.Contain("10.244.250.0/24");
    }
}
