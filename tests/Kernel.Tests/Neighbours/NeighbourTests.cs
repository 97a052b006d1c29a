using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Twill.Linux;
using Twill.Linux.Neighbours;
using Twill.System;
using Twill.Testing;

namespace Kernel.Tests.Neighbours;

public sealed class NeighbourTests
{
    private static readonly IPAddress s_base = IPAddress.Parse("10.244.9.0");
    private static readonly MacAddress s_mac = MacAddress.Parse("02:00:00:00:00:09");
    private static readonly MacAddress s_other = MacAddress.Parse("02:00:00:00:00:0a");

    private static TestNetns WithVxlan()
    {
        TestNetns ns = TestNetns.Create();
        ns.Ip("link add vx0 up type vxlan id 7 dstport 4789 nolearning");
        return ns;
    }

    private static JsonElement[] Neighbours(TestNetns ns) => [.. ns.IpJson("neigh show dev vx0").EnumerateArray()];

    private static JsonElement[] Fdb(TestNetns ns, string device) => [.. ns.BridgeJson($"fdb show dev {device}").EnumerateArray()];

    [RequiresRootFact]
    public void A_neighbour_is_permanent_and_marked_and_is_replaced_in_place()
    {
        using TestNetns ns = WithVxlan();
        using RouteSocket route = Netns.OpenRouteSocket(ns);
        int index = ns.IndexOf("vx0");

        route.Execute(new NewNeighbour(index, s_base, s_other) { Protocol = 116 });
        route.Execute(new NewNeighbour(index, s_base, s_mac) { Protocol = 116 });

        JsonElement shown = Neighbours(ns).Single();
        shown.GetProperty("dst").GetString().Should().Be("10.244.9.0");
        shown.GetProperty("lladdr").GetString().Should().Be("02:00:00:00:00:09");
        shown.GetProperty("state")[0].GetString().Should().Be("PERMANENT");
        ns.Ip("neigh show dev vx0 proto 116").Should().Contain("10.244.9.0");
    }

    [RequiresRootFact]
    public void A_neighbour_that_must_be_new_is_refused_the_second_time()
    {
        using TestNetns ns = WithVxlan();
        using RouteSocket route = Netns.OpenRouteSocket(ns);
        NewNeighbour add = new(ns.IndexOf("vx0"), IPAddress.Parse("fd00::9"), s_mac) { MustBeNew = true, State = NeighbourState.Stale };

        route.Execute(add);

        route.TryExecute(add, Errno.EEXIST).Should().BeFalse();
        ns.IpJson("-6 neigh show dev vx0")[0].GetProperty("state")[0].GetString().Should().Be("STALE");
    }

    [RequiresRootFact]
    public void A_deleted_neighbour_is_gone_and_a_second_delete_says_so()
    {
        using TestNetns ns = WithVxlan();
        ns.Ip("neigh add 10.244.9.0 lladdr 02:00:00:00:00:09 dev vx0");
        using RouteSocket route = Netns.OpenRouteSocket(ns);
        DeleteNeighbour delete = new(ns.IndexOf("vx0"), s_base);

        route.Execute(delete);

        Neighbours(ns).Should().BeEmpty();
        route.TryExecute(delete, Errno.ENOENT).Should().BeFalse();
    }

    [RequiresRootFact]
    public void An_FDB_entry_says_at_which_host_an_address_is_and_is_replaced_in_place()
    {
        using TestNetns ns = WithVxlan();
        using RouteSocket route = Netns.OpenRouteSocket(ns);
        int index = ns.IndexOf("vx0");

        route.Execute(new NewFdbEntry(index, s_mac) { Destination = IPAddress.Parse("10.0.0.8") });
        route.Execute(new NewFdbEntry(index, s_mac) { Destination = IPAddress.Parse("10.0.0.9") });

        JsonElement shown = Fdb(ns, "vx0").Single();
        shown.GetProperty("mac").GetString().Should().Be("02:00:00:00:00:09");
        shown.GetProperty("dst").GetString().Should().Be("10.0.0.9");
        shown.GetProperty("state").GetString().Should().Be("permanent");
        shown.GetProperty("flags").EnumerateArray().Select(f => f.GetString()).Should().Contain("self");
    }

    [RequiresRootFact]
    public void All_unlisted_addresses_may_be_at_several_hosts()
    {
        using TestNetns ns = WithVxlan();
        using RouteSocket route = Netns.OpenRouteSocket(ns);
        int index = ns.IndexOf("vx0");

        route.Execute(new NewFdbEntry(index, MacAddress.Zero) { Append = true, Destination = IPAddress.Parse("10.0.0.8") });
        route.Execute(
            new NewFdbEntry(index, MacAddress.Zero)
            {
                Append = true,
                Destination = IPAddress.Parse("10.0.0.9"),
                Port = 8472,
                Vni = 9,
            }
        );

        Fdb(ns, "vx0").Select(e => e.GetProperty("dst").GetString()).Should().BeEquivalentTo("10.0.0.8", "10.0.0.9");
        JsonElement second = Fdb(ns, "vx0").Single(e => e.GetProperty("dst").GetString() == "10.0.0.9");
        second.GetProperty("port").GetInt32().Should().Be(8472);
        second.GetProperty("vni").GetInt32().Should().Be(9);
        route.Execute(new DeleteFdbEntry(index, MacAddress.Zero) { Destination = IPAddress.Parse("10.0.0.8") });
        Fdb(ns, "vx0").Select(e => e.GetProperty("dst").GetString()).Should().Equal("10.0.0.9");
    }

    [RequiresRootFact]
    public void A_deleted_FDB_entry_is_gone_and_a_second_delete_says_so()
    {
        using TestNetns ns = WithVxlan();
        ns.Bridge("fdb add 02:00:00:00:00:09 dev vx0 dst 10.0.0.9 self");
        using RouteSocket route = Netns.OpenRouteSocket(ns);
        DeleteFdbEntry delete = new(ns.IndexOf("vx0"), s_mac);

        route.Execute(delete);

        Fdb(ns, "vx0").Should().BeEmpty();
        route.TryExecute(delete, Errno.ENOENT).Should().BeFalse();
    }

    [RequiresRootFact]
    public void A_bridges_FDB_entry_names_a_port()
    {
        using TestNetns ns = TestNetns.Create();
        ns.Ip("link add br0 type bridge");
        ns.Ip("link add tw0 master br0 type veth peer name tw1");
        using RouteSocket route = Netns.OpenRouteSocket(ns);
        int port = ns.IndexOf("tw0");

        route.Execute(new NewFdbEntry(port, s_mac) { EntryFlags = NeighbourFlags.Master, State = NeighbourState.Reachable });

        JsonElement shown = Fdb(ns, "tw0").Single(e => e.GetProperty("mac").GetString() == "02:00:00:00:00:09");
        shown.GetProperty("master").GetString().Should().Be("br0");
        shown.GetProperty("state").GetString().Should().Be("static");
        route.ListFdb(master: ns.IndexOf("br0")).Should().Contain(e => e.Mac == s_mac && e.Index == port);
    }

    [RequiresRootFact]
    public void Lists_hold_what_was_asked_for()
    {
        using TestNetns ns = WithVxlan();
        ns.Ip("link add vx1 up type vxlan id 8 dstport 4789");
        ns.Ip("neigh add 10.244.9.0 lladdr 02:00:00:00:00:09 dev vx0 protocol 116");
        ns.Ip("neigh add fd00::9 lladdr 02:00:00:00:00:09 dev vx0");
        ns.Ip("neigh add 10.244.8.0 lladdr 02:00:00:00:00:08 dev vx1");
        ns.Bridge("fdb add 02:00:00:00:00:09 dev vx0 dst 10.0.0.9 self");
        ns.Bridge("fdb add 02:00:00:00:00:08 dev vx1 dst 10.0.0.8 self");
        using RouteSocket route = Netns.OpenRouteSocket(ns);
        int index = ns.IndexOf("vx0");

        route
            .ListNeighbours(index, AddressFamily.InterNetwork)
            .Should()
            .ContainSingle()
            .Which.Should()
            .BeEquivalentTo(
                new
                {
                    Address = s_base,
                    Mac = s_mac,
                    Protocol = (byte)116,
                    Index = index,
                    IsPermanent = true,
                }
            );
        route.ListNeighbours(index, AddressFamily.InterNetworkV6).Should().Contain(n => Equals(n.Address, IPAddress.Parse("fd00::9")));
        route.ListNeighbours().Should().Contain(n => Equals(n.Address, IPAddress.Parse("10.244.8.0")));
        route
            .ListFdb(index)
            .Should()
            .ContainSingle()
            .Which.Should()
            .BeEquivalentTo(
                new
                {
                    Mac = s_mac,
                    Address = IPAddress.Parse("10.0.0.9"),
                    IsFdbEntry = true,
                }
            );
    }
}
