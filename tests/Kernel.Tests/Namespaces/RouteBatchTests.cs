using System.Net;
using Twill.Linux;
using Twill.Linux.Addresses;
using Twill.Linux.Links;
using Twill.Linux.Neighbours;
using Twill.Linux.Netlink;
using Twill.Linux.Routes;
using Twill.System;
using Twill.Testing;

namespace Kernel.Tests.Namespaces;

public sealed class RouteBatchTests
{
    [RequiresRootFact]
    public void Each_refusal_is_told_in_the_kernels_words_and_the_others_are_done()
    {
        using TestNetns ns = TestNetns.Create();
        using RouteSocket route = Netns.OpenRouteSocket(ns);
        RouteBatch batch = route.NewBatch();
        batch.Add(new NewBridge("br0") { Index = 900, Up = true });
        batch.Add(new NewBridge("br0"), tolerate: Errno.EEXIST);
        batch.Add(new NewRoute(IPNetwork.Parse("10.1.0.0/16")) { Gateway = IPAddress.Parse("10.99.0.1") });
        batch.Add(new NewAddress(900, IPAddress.Parse("10.0.0.1"), 24));
        batch.Add(new DeleteLink("nosuch"));

        Action send = batch.Send;

        send.Should().Throw<NetlinkException>().WithMessage("new route 10.1.0.0/16 via 10.99.0.1: * - Nexthop has invalid gateway*");
        Enumerable.Range(0, 5).Select(batch.ErrnoOf).Should().Equal(Errno.None, Errno.EEXIST, Errno.ENETUNREACH, Errno.None, Errno.ENODEV);
        ns.Ip("addr show dev br0").Should().Contain("10.0.0.1/24");
    }

    [RequiresRootFact]
    public void When_thousands_are_refused_each_refusal_arrives()
    {
        const int count = 3000;
        using TestNetns ns = TestNetns.Create();
        using RouteSocket route = Netns.OpenRouteSocket(ns);
        RouteBatch batch = route.NewBatch();
        for (int i = 0; i < count; i++)
        {
            batch.Add(
                new NewRoute(new IPNetwork(new IPAddress([10, (byte)(i >> 8), (byte)i, 0]), 24)) { Gateway = IPAddress.Parse("10.99.0.1") }
            );
        }

        batch.TrySend().Should().Be(count);

        batch.ErrnoOf(0).Should().Be(Errno.ENETUNREACH);
        batch.ErrorOf(count - 1)!.Message.Should().StartWith("new route 10.11.183.0/24 via 10.99.0.1: Network is unreachable");
    }

    [RequiresRootFact]
    public void A_thousand_hosts_are_programmed_listed_and_removed()
    {
        const int hosts = 1000;
        using TestNetns ns = TestNetns.Create();
        using RouteSocket route = Netns.OpenRouteSocket(ns);
        route.Execute(new NewVxlan("vx0", 7, 4789) { Index = 900, Up = true });
        RouteBatch batch = route.NewBatch();
        for (int i = 0; i < hosts; i++)
        {
            IPAddress subnet = new([10, (byte)(i >> 8), (byte)i, 0]);
            MacAddress mac = new([2, 0, 0, 0, (byte)(i >> 8), (byte)i]);
            batch.Add(new NewFdbEntry(900, mac) { Destination = new IPAddress([192, 168, (byte)(i >> 8), (byte)i]) });
            batch.Add(new NewNeighbour(900, subnet, mac) { Protocol = 116 });
            batch.Add(
                new NewRoute(new IPNetwork(subnet, 24))
                {
                    Gateway = subnet,
                    Index = 900,
                    Onlink = true,
                    Protocol = 116,
                }
            );
        }

        batch.Send();

        ns.IpJson("route show proto 116 dev vx0").GetArrayLength().Should().Be(hosts);
        ns.IpJson("neigh show dev vx0 proto 116").GetArrayLength().Should().Be(hosts);
        ns.BridgeJson("fdb show dev vx0").GetArrayLength().Should().Be(hosts);
        List<Route> routes = route.ListRoutes(new ListRoutes { Protocol = 116, Index = 900 });
        routes.Should().HaveCount(hosts);
        route.ListNeighbours(900).Count(n => n.Protocol == 116).Should().Be(hosts);
        route.ListFdb(900).Should().HaveCount(hosts);
        foreach (Route each in routes)
        {
            batch.Add(new DeleteRoute(each.Destination) { Protocol = 116 });
        }

        batch.Send();
        ns.IpJson("route show proto 116").GetArrayLength().Should().Be(0);
    }
}
