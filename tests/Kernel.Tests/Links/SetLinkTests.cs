using System.Text.Json;
using Twill.Linux;
using Twill.Linux.Links;
using Twill.Linux.Netlink;
using Twill.Testing;

namespace Kernel.Tests.Links;

public sealed class SetLinkTests
{
    private static bool IsUp(JsonElement link) => link.GetProperty("flags").EnumerateArray().Any(f => f.GetString() == "UP");

    [RequiresRootFact]
    public void What_is_given_changes_and_what_is_left_out_stays()
    {
        using TestNetns ns = TestNetns.Create();
        ns.Ip("link add br0 type bridge");
        ns.Ip("link add tw0 type veth peer name tw1");
        using RouteSocket route = Netns.OpenRouteSocket(ns);

        route.Execute(
            new SetLink("tw0")
            {
                Up = true,
                Mac = MacAddress.Parse("02:00:00:00:00:03"),
                Mtu = 1400,
                Master = ns.IndexOf("br0"),
                Alias = "pod-7",
            }
        );
        JsonElement all = ns.IpJson("link show dev tw0")[0];
        route.Execute(new SetLink(ns.IndexOf("tw0")) { Mtu = 1300 });
        JsonElement mtu = ns.IpJson("link show dev tw0")[0];
        route.Execute(
            new SetLink("tw0")
            {
                Up = false,
                Master = 0,
                Alias = "",
            }
        );
        JsonElement none = ns.IpJson("link show dev tw0")[0];

        IsUp(all).Should().BeTrue();
        all.GetProperty("address").GetString().Should().Be("02:00:00:00:00:03");
        all.GetProperty("mtu").GetInt32().Should().Be(1400);
        all.GetProperty("master").GetString().Should().Be("br0");
        all.GetProperty("ifalias").GetString().Should().Be("pod-7");
        mtu.GetProperty("mtu").GetInt32().Should().Be(1300);
        IsUp(mtu).Should().BeTrue();
        mtu.GetProperty("master").GetString().Should().Be("br0");
        IsUp(none).Should().BeFalse();
        none.TryGetProperty("master", out _).Should().BeFalse();
        none.TryGetProperty("ifalias", out _).Should().BeFalse();
    }

    [RequiresRootFact]
    public void A_link_moves_to_another_namespace_and_takes_another_name()
    {
        using TestNetns from = TestNetns.Create(),
            to = TestNetns.Create();
        from.Ip("link add tw0 type veth peer name tw1");
        using RouteSocket route = Netns.OpenRouteSocket(from);
        using NetNs target = NetNs.Open(to.Path);

        route.Execute(new SetLink(from.IndexOf("tw1")) { Netns = target.Handle, Name = "eth0" });

        to.HasLink("eth0").Should().BeTrue();
        from.HasLink("tw1").Should().BeFalse();
    }

    [RequiresRootFact]
    public void A_link_that_is_not_there_is_refused_with_its_name()
    {
        using TestNetns ns = TestNetns.Create();
        using RouteSocket route = Netns.OpenRouteSocket(ns);

        Action set = () => route.Execute(new SetLink("nosuch") { Up = true });

        set.Should().Throw<NetlinkException>().WithMessage("set link nosuch: No such device (errno 19)*");
    }

    [RequiresRootFact]
    public void Bridge_port_parameters_are_what_bridge_link_shows()
    {
        using TestNetns ns = TestNetns.Create();
        ns.Ip("link add br0 type bridge");
        ns.Ip("link add tw0 master br0 type veth peer name tw1");
        using RouteSocket route = Netns.OpenRouteSocket(ns);

        route.Execute(
            new SetBridgePort(ns.IndexOf("tw0"))
            {
                Hairpin = true,
                Learning = false,
                Flood = false,
                MulticastFlood = false,
                NeighbourSuppression = true,
                Isolated = true,
            }
        );

        JsonElement port = ns.BridgeJson("link show dev tw0")[0];
        port.GetProperty("hairpin").GetBoolean().Should().BeTrue();
        port.GetProperty("learning").GetBoolean().Should().BeFalse();
        port.GetProperty("flood").GetBoolean().Should().BeFalse();
        port.GetProperty("mcast_flood").GetBoolean().Should().BeFalse();
        port.GetProperty("neigh_suppress").GetBoolean().Should().BeTrue();
        port.GetProperty("isolated").GetBoolean().Should().BeTrue();
    }

    [RequiresRootFact]
    public void A_link_that_is_no_port_of_a_bridge_takes_no_port_parameters()
    {
        using TestNetns ns = TestNetns.Create();
        ns.Ip("link add tw0 type veth peer name tw1");
        using RouteSocket route = Netns.OpenRouteSocket(ns);
        int index = ns.IndexOf("tw0");

        Action set = () => route.Execute(new SetBridgePort(index) { Hairpin = true });

        set.Should().Throw<NetlinkException>().WithMessage($"set bridge port #{index}: *");
    }
}
