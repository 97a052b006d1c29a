using System.Text.Json.Nodes;
using Twill.Testing;

namespace Twill.EndToEnd.Tests;

/// <summary>What still works while etcd does not, and what happens when it is back.</summary>
public sealed class EtcdOutageTests
{
    [RequiresRootFact]
    public void An_etcd_restart_disturbs_no_traffic_and_hosts_find_each_other_afterwards()
    {
        using Cluster cluster = Cluster.Start(2);
        LabContainer from = cluster.Hosts[0].AddContainer("from"),
            to = cluster.Hosts[1].AddContainer("to");
        string?[] subnets = [.. cluster.Hosts.Select(cluster.LeaseOf)];

        using Traffic traffic = Traffic.Start(from, to.Address);
        cluster.Etcd.Kill();
        traffic.WaitForMore(50);
        cluster.Etcd.Start();
        cluster.Join("newcomer");
        cluster.WaitUntilJoined();

        traffic.Lost().Should().BeEmpty();
        cluster.Hosts.Take(2).Select(cluster.LeaseOf).Should().Equal(subnets);
    }

    [RequiresRootTheory]
    [InlineData(false)]
    [InlineData(true)]
    public void Containers_come_and_go_while_etcd_is_down(bool frozen)
    {
        using Cluster cluster = Cluster.Start(2);
        LabHost host = cluster.Hosts[0];
        LabContainer remote = cluster.Hosts[1].AddContainer("remote");
        host.AddContainer("first");
        if (frozen)
        {
            cluster.Etcd.Pause();
        }
        else
        {
            cluster.Etcd.Kill();
        }

        // The agent sleeps, so that whoever opens a connection to etcd is one of the plugins.
        host.Agent!.Send(Signal.Stop);
        host.Nft(
            $"add table ip asked; add chain ip asked output {{ type filter hook output priority 0; }}; "
                + $"add rule ip asked output ip daddr {Lab.EtcdAddress} tcp flags & (syn | ack) == syn counter"
        );
        LabContainer second = host.AddContainer("second");
        host.Cnitool("del", "twill", second).OrThrow();
        LabContainer third = host.AddContainer("third");
        host.Nft("list table ip asked").Should().Contain("counter packets 0 ", "adding and removing asks no other machine");
        host.Agent.Send(Signal.Cont);
        third.CanPing(remote.Address).Should().BeTrue();
    }

    [RequiresRootTheory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_first_container_of_a_host_gets_try_again_later_while_etcd_is_down(bool frozen)
    {
        using Cluster cluster = Cluster.Start(0);
        LabHost host = cluster.NewHost("fresh");
        if (frozen)
        {
            cluster.Etcd.Pause();
        }
        else
        {
            cluster.Etcd.Kill();
        }

        LabContainer container = host.NewContainer("first");
        JsonObject config = SampleConf.Cluster(cluster.Etcd.Endpoint).ForPlugin();
        CniAnswer answer = host.Plugin("twill", container).Add(config.ToJsonString());

        answer.ExitCode.Should().NotBe(0);
        answer.ErrorCode.Should().Be(11, answer.ToString());
        answer.ErrorText.Should().Contain(Lab.EtcdAddress, "the operator needs to know which etcd");
        Leftovers.Of(host).Should().BeEmpty();

        if (frozen)
        {
            cluster.Etcd.Resume();
        }
        else
        {
            cluster.Etcd.Start();
        }

        host.Plugin("twill", container).Add(config.ToJsonString()).OrThrow();
    }
}
