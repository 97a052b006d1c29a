using System.Net;
using Twill.Linux;
using Twill.Linux.Routes;
using Twill.Testing;

namespace Kernel.Tests.Namespaces;

public sealed class NetlinkMonitorTests
{
    private static readonly TimeSpan s_soon = TimeSpan.FromSeconds(5);

    private static NetlinkMonitor Open(TestNetns ns, MonitorGroups groups = MonitorGroups.All, int receiveBuffer = 4 << 20)
    {
        using NetNs opened = NetNs.Open(ns.Path);
        return NetlinkMonitor.Open(opened, groups, receiveBuffer);
    }

    // Everything that is heard until nothing more comes.
    private static List<NetworkChange> Drain(NetlinkMonitor monitor)
    {
        List<NetworkChange> changes = [];
        while (monitor.Wait(TimeSpan.FromMilliseconds(200)))
        {
            while (monitor.TryRead(out NetworkChange change))
            {
                changes.Add(change);
            }
        }
        return changes;
    }

    [RequiresRootFact]
    public void What_someone_does_with_ip_is_heard_by_kind_link_and_maker()
    {
        using TestNetns ns = TestNetns.Create();
        using NetlinkMonitor monitor = Open(ns);

        ns.Ip("link add vx0 index 900 up type vxlan id 7 dstport 4789");
        ns.Ip("addr add 10.0.0.1/24 dev vx0");
        ns.Ip("route add 10.1.0.0/16 via 10.0.0.2 proto 116");
        ns.Ip("nexthop add id 7 via 10.0.0.3 dev vx0 proto 116");
        ns.Ip("neigh add 10.244.9.0 lladdr 02:00:00:00:00:09 dev vx0 protocol 116");
        ns.Bridge("fdb add 02:00:00:00:00:09 dev vx0 dst 10.0.0.9 self");
        List<NetworkChange> made = Drain(monitor);
        ns.Ip("route del 10.1.0.0/16");
        ns.Ip("nexthop del id 7");
        ns.Ip("link del vx0");
        List<NetworkChange> removed = Drain(monitor);

        made.Should().OnlyContain(c => !c.IsRemoval);
        made.Should().Contain(c => c.Kind == NetworkChangeKind.Link && c.Index == 900);
        made.Should().Contain(c => c.Kind == NetworkChangeKind.Address && c.Index == 900);
        made.Should().Contain(c => c.Kind == NetworkChangeKind.Route && c.Index == 900 && c.Protocol == 116);
        made.Should()
            .Contain(c =>
                c.Kind == NetworkChangeKind.Nexthop && c.Index == 900 && c.Protocol == 116 && c.Nexthop!.Id == 7 && c.PortId != 0
            );
        made.Should().Contain(c => c.Kind == NetworkChangeKind.Neighbour && c.Index == 900 && c.Protocol == 116);
        made.Should()
            .Contain(c =>
                c.Kind == NetworkChangeKind.FdbEntry
                && c.Index == 900
                && $"{c.Entry!.Mac} {c.Entry.Address}" == "02:00:00:00:00:09 10.0.0.9"
            );
        made.Should().Contain(c => c.Route != null && c.Route.Destination.ToString() == "10.1.0.0/16");
        made.Should().Contain(c => c.Link != null && c.Link.Name == "vx0" && c.Link.IsUp);
        removed.Should().Contain(c => c.Kind == NetworkChangeKind.Route && c.IsRemoval && c.Protocol == 116);
        removed.Should().Contain(c => c.Kind == NetworkChangeKind.Nexthop && c.IsRemoval && c.Nexthop!.Id == 7);
        removed.Should().Contain(c => c.Kind == NetworkChangeKind.Link && c.IsRemoval && c.Index == 900);
    }

    [RequiresRootFact]
    public void Only_what_was_subscribed_to_is_heard()
    {
        using TestNetns ns = TestNetns.Create();
        using NetlinkMonitor monitor = Open(ns, MonitorGroups.IPv4Routes);

        ns.Ip("link add br0 up type bridge");
        ns.Ip("route add 10.1.0.0/16 dev br0");

        Drain(monitor).Should().NotBeEmpty().And.OnlyContain(c => c.Kind == NetworkChangeKind.Route);
    }

    [RequiresRootFact]
    public void Forwarding_that_is_turned_off_is_heard_for_all_and_for_one_interface()
    {
        using TestNetns ns = TestNetns.Create();
        ns.Ip("link add br0 index 900 up type bridge");
        ns.Sh("echo 1 >/proc/sys/net/ipv4/ip_forward");
        using NetlinkMonitor monitor = Open(ns, MonitorGroups.IPv4Settings);

        ns.Sh("echo 0 >/proc/sys/net/ipv4/conf/br0/forwarding");
        List<NetworkChange> one = Drain(monitor);
        ns.Sh("echo 0 >/proc/sys/net/ipv4/ip_forward");

        one.Should().ContainSingle().Which.Should().Match<NetworkChange>(c => c.Kind == NetworkChangeKind.Forwarding && c.Index == 900);
        Drain(monitor).Should().Contain(c => c.Kind == NetworkChangeKind.Forwarding && c.Index < 0);
    }

    [RequiresRootTheory]
    [InlineData("nft add chain ip some more", false)]
    [InlineData("nft add rule ip some way accept", false)]
    [InlineData("nft add element ip some few { 10.0.0.1 }", false)]
    [InlineData("nft flush chain ip some way", true)]
    [InlineData("nft delete table ip some", true)]
    [InlineData("nft flush ruleset", true)]
    public void A_change_of_nftables_is_heard_with_its_table(string command, bool removal)
    {
        using TestNetns ns = TestNetns.Create();
        ns.Sh("nft 'add table ip some; add chain ip some way; add set ip some few { type ipv4_addr; }; add rule ip some way drop'");
        using NetlinkMonitor monitor = Open(ns);

        ns.Sh(command);

        Drain(monitor)
            .Should()
            .NotBeEmpty()
            .And.OnlyContain(c =>
                c.Kind == NetworkChangeKind.Nftables && c.Table!.Value.ToString() == "ip some" && c.PortId != 0 && c.IsRemoval == removal
            );
    }

    [RequiresRootFact]
    public void Ones_own_routes_are_told_from_those_of_others_by_the_port_id()
    {
        using TestNetns ns = TestNetns.Create();
        ns.Ip("link add br0 index 900 up type bridge");
        using RouteSocket route = Netns.OpenRouteSocket(ns);
        using NetlinkMonitor monitor = Open(ns, MonitorGroups.IPv4Routes);

        route.Execute(new NewRoute(IPNetwork.Parse("10.1.0.0/16")) { Index = 900, Protocol = 116 });
        ns.Ip("route add 10.2.0.0/16 dev br0 proto 117");

        List<NetworkChange> changes = Drain(monitor);
        route.PortId.Should().NotBe(0);
        changes.Single(c => c.Protocol == 116).PortId.Should().Be(route.PortId);
        changes.Single(c => c.Protocol == 117).PortId.Should().NotBe(route.PortId);
    }

    [RequiresRootFact]
    public void What_was_lost_is_told_as_everything_and_hearing_goes_on()
    {
        using TestNetns ns = TestNetns.Create();
        ns.Ip("link add br0 index 900 up type bridge");
        using NetlinkMonitor monitor = Open(ns, MonitorGroups.IPv4Routes, receiveBuffer: 4096);
        using RouteSocket route = Netns.OpenRouteSocket(ns);
        RouteBatch batch = route.NewBatch();
        for (int i = 0; i < 500; i++)
        {
            batch.Add(new NewRoute(new IPNetwork(new IPAddress([10, 1, (byte)(i >> 8), (byte)i]), 32)) { Index = 900 });
        }

        batch.Send();
        List<NetworkChange> flood = Drain(monitor);
        ns.Ip("route add 10.9.0.0/16 dev br0 proto 117");
        List<NetworkChange> after = Drain(monitor);

        flood.Should().Contain(c => c.Kind == NetworkChangeKind.Everything);
        after.Should().ContainSingle().Which.Protocol.Should().Be(117);
    }

    [RequiresRootFact]
    public void Waiting_ends_with_the_time_with_an_interrupt_and_with_cancellation()
    {
        using TestNetns ns = TestNetns.Create();
        using NetlinkMonitor monitor = Open(ns);
        Drain(monitor);

        monitor.Wait(TimeSpan.FromMilliseconds(20)).Should().BeFalse();

        monitor.Interrupt();
        monitor.Wait(s_soon).Should().BeFalse("an interrupt before the wait ends it");
        monitor.Wait(TimeSpan.FromMilliseconds(20)).Should().BeFalse("an interrupt counts once");

        using CancellationTokenSource cancel = new(TimeSpan.FromMilliseconds(50));
        monitor.Wait(Timeout.InfiniteTimeSpan, cancel.Token).Should().BeFalse();
        monitor.TryRead(out _).Should().BeFalse();
    }
}
