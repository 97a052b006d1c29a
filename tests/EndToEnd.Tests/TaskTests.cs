using Twill.EndToEnd.Tests.Packages;
using Twill.Testing;

namespace Twill.EndToEnd.Tests;

/// <summary>The commands of conf/TASKS.md do what it says.</summary>
public sealed class TaskTests
{
    private const string Guide = "conf/TASKS.md";

    [RequiresRootFact]
    public void Machines_of_a_golden_image_are_hosts_of_their_own()
    {
        using Cluster cluster = Cluster.Start(0);
        LabHost template = cluster.Join("template");
        cluster.WaitUntilJoined();
        string former = template.Sh("cat /var/lib/cni/twill/node-id");
        template.Agent!.Stop().Should().Be(0);
        template.Sh("twill=/opt/cni/bin/twill; $twill cleanup --yes >&2 && mkdir -p /var/lib/cni/twill && touch /var/lib/cni/twill/left");

        template.Type(CommandBlocks.Of(Guide, "## A golden image"), "/");

        template.Sh("ls /var/lib/cni 2>/dev/null || true").Should().BeEmpty("a copy of this disk has nothing of its host");
        template.StartAgent();
        LabHost other = cluster.Join("other");
        Eventually.True("the machine has a node id", () => File.Exists(template.At("/var/lib/cni/twill/node-id")));
        template.Sh("cat /var/lib/cni/twill/node-id").Should().NotBe(former);
        Eventually.True("both have subnets", () => cluster.LeaseOf(other) is not null && cluster.LeaseOf(template) is not null);
    }

    [RequiresRootFact]
    public void The_machine_in_the_place_of_a_dead_one_has_its_address_after_the_key_is_deleted()
    {
        using Cluster cluster = Cluster.Start(2);
        LabHost died = cluster.Hosts[0],
            other = cluster.Hosts[1];
        string subnet = cluster.LeaseOf(died)!;
        died.Agent!.Kill();
        // The machine that comes in its place knows nothing of it.
        died.Sh("ip link delete twill.1; ip link delete twill0; nft delete table inet twill-twill; rm -rf /var/lib/cni /run/twill");
        string command = CommandBlocks.Of(Guide, "## Drain a host, or replace it").Single();

        cluster.Etcd.Etcdctl(Cmd.Split(command.Replace("10.244.7.0-24", subnet.Replace('/', '-')))[1..]);
        died.StartAgent();

        cluster.WaitUntilJoined();
        died.AddContainer("new").CanPing(other.AddContainer("there").Address).Should().BeTrue();
    }

    [RequiresRootFact]
    public void After_an_old_copy_of_etcd_is_restored_leases_are_written_again_and_no_ping_is_lost()
    {
        using Cluster cluster = Cluster.Start(1);
        string[] commands =
        [
            .. CommandBlocks
                .Of(Guide, "## Save and restore etcd")
                .Select(line =>
                    line.Replace("/var/lib/etcd/default", cluster.Etcd.DataDirectory)
                        .Replace("/var/lib/etcd/before", $"{cluster.Etcd.DataDirectory}-before")
                        .Replace("/root/etcd.db", $"{cluster.Etcd.DataDirectory}.db")
                )
                .Select(line => $"ETCDCTL_API=3 ETCDCTL_ENDPOINTS={cluster.Etcd.Endpoint} {line}"),
        ];
        commands.Should().HaveCount(4);
        LabHost host = cluster.Hosts[0];
        host.Type(commands[..1], "/");
        LabHost later = cluster.Join("later"); // whose lease the copy has not
        cluster.WaitUntilJoined();
        Dictionary<LabHost, string> leases = cluster.Hosts.ToDictionary(h => h, h => cluster.LeaseOf(h)!);
        LabContainer here = host.AddContainer("here");
        using Traffic traffic = Traffic.Start(here, later.AddContainer("there").Address);

        cluster.Etcd.Stop();
        host.Type(commands[1..], "/");
        cluster.Etcd.Start();

        Eventually.Pass(() => cluster.LeaseOf(later).Should().Be(leases[later], later.Agent!.Log), TimeSpan.FromSeconds(60));
        cluster.LeaseOf(host).Should().Be(leases[host]);
        LabHost third = cluster.Join("third"); // hosts hear of each other by the restored one
        cluster.WaitUntilJoined();
        third.AddContainer("new").CanPing(here.Address).Should().BeTrue();
        traffic.WaitForMore(10);
        traffic.Lost().Should().BeEmpty();
    }

    [RequiresRootFact]
    public void What_stays_after_a_removal_is_forwarding_which_the_guides_commands_turn_off()
    {
        using SingleHost single = new();
        LabContainer container = single.Host.AddContainer("c1");
        single.Host.Cnitool("del", "twill", container).OrThrow();
        single.Host.Run("/opt/cni/bin/twill", "cleanup", "--yes").OrThrow();
        string Forwarding() => single.Host.Sh("cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding");
        Forwarding().Should().StartWith("1\n");

        single.Host.Type(CommandBlocks.Of(Guide, "## What stays after a removal"), "/");

        Forwarding().Should().Be("0\n0\n");
    }
}
