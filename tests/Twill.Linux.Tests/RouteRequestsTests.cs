using System.Net;
using System.Net.Sockets;
using Twill.Linux.Addresses;
using Twill.Linux.Links;
using Twill.Linux.Neighbours;
using Twill.Linux.Netlink;
using Twill.Linux.Nexthops;
using Twill.Linux.Routes;
using Twill.Linux.Rules;
using Twill.Linux.TrafficControl;

namespace Twill.Linux.Tests;

public sealed class RouteRequestsTests
{
    private static string Describe<T>(T request)
        where T : struct, INetlinkRequest
    {
        MessageBuffer buffer = new();
        buffer.Append(in request, 1);
        return RouteRequests.Describe(buffer.Bytes);
    }

    [Fact]
    public void Requests_are_named_by_what_they_are_about()
    {
        MacAddress mac = MacAddress.Parse("02:00:00:00:00:09");
        IPAddress address = IPAddress.Parse("10.244.9.0");
        IPNetwork net = IPNetwork.Parse("10.244.9.0/24");

        Describe(new NewVeth("tw0", "eth0")).Should().Be("new link tw0 (veth)");
        Describe(new NewVxlan("twill.1", 1, 4789)).Should().Be("new link twill.1 (vxlan)");
        Describe(new SetLink("tw0") { Up = true }).Should().Be("set link tw0");
        Describe(new SetLink(7) { Name = "eth0" }).Should().Be("set link #7 name eth0");
        Describe(new DeleteLink(7)).Should().Be("delete link #7");
        Describe(new DeleteLink("tw0")).Should().Be("delete link tw0");
        Describe(new GetLink("a-name-of-more-than-15-bytes")).Should().Be("get link a-name-of-more-than-15-bytes");
        Describe(new ListLinks()).Should().Be("list links");
        Describe(new SetBridgePort(7) { Hairpin = true }).Should().Be("set bridge port #7");
        Describe(new NewAddress(7, address, 24)).Should().Be("new address 10.244.9.0/24 dev #7");
        Describe(new DeleteAddress(7, address, 24)).Should().Be("delete address 10.244.9.0/24 dev #7");
        Describe(new ListAddresses()).Should().Be("list addresses");
        Describe(new ListMulticastGroups(7)).Should().Be("list multicast groups");
        Describe(new NewRoute(net) { Gateway = address, Index = 7 }).Should().Be("new route 10.244.9.0/24 via 10.244.9.0 dev #7");
        Describe(new NewRoute(IPNetwork.Parse("::/0")) { Index = 7, Table = 300 }).Should().Be("new route ::/0 dev #7 table 300");
        Describe(new DeleteRoute(net)).Should().Be("delete route 10.244.9.0/24");
        Describe(new NewRoute(net) { NexthopId = 5 }).Should().Be("new route 10.244.9.0/24 nhid 5");
        Describe(new NewNexthop(5, address, 7)).Should().Be("new nexthop 5 via 10.244.9.0 dev #7");
        Describe(new DeleteNexthop(5)).Should().Be("delete nexthop 5");
        Describe(new ListNexthops()).Should().Be("list nexthops");
        Describe(new ListRoutes()).Should().Be("list routes");
        Describe(new ListRules(AddressFamily.InterNetwork)).Should().Be("list policy rules");
        Describe(new NewPolicyRule(IPNetwork.Parse("10.2.0.2/32"), 116_003)).Should().Be("new policy rule from 10.2.0.2/32 lookup 116003");
        Describe(new DeletePolicyRule(IPNetwork.Parse("fd00:2::/64"), 100)).Should().Be("delete policy rule from fd00:2::/64 lookup 100");
        Describe(new NewNeighbour(7, address, mac)).Should().Be("new neighbour 10.244.9.0 lladdr 02:00:00:00:00:09 dev #7");
        Describe(new DeleteNeighbour(7, address)).Should().Be("delete neighbour 10.244.9.0 dev #7");
        Describe(new NewFdbEntry(7, mac) { Destination = IPAddress.Parse("10.0.0.9") })
            .Should()
            .Be("new FDB entry 02:00:00:00:00:09 dst 10.0.0.9 dev #7");
        Describe(new DeleteFdbEntry(7, mac)).Should().Be("delete FDB entry 02:00:00:00:00:09 dev #7");
        Describe(new ListFdb()).Should().Be("list FDB entries");
        Describe(new NewIfb("tb0")).Should().Be("new link tb0 (ifb)");
        Describe(new NewTbf(7, 1, 2, 3)).Should().Be("new qdisc tbf root dev #7");
        Describe(new NewIngress(7)).Should().Be("new qdisc ingress dev #7");
        Describe(new DeleteQdisc(7, TcHandle.Root)).Should().Be("delete qdisc root dev #7");
        Describe(new GetQdisc(7, TcHandle.Ingress)).Should().Be("get qdisc ingress dev #7");
        Describe(new NewRedirect(7, 8)).Should().Be("new filter u32 ingress dev #7");
        Describe(new ListFilters(7, TcHandle.IngressQdisc)).Should().Be("list filters ingress dev #7");
    }
}
