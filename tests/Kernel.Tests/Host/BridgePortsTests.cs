using System.Text.Json;
using Twill.Host;
using Twill.Linux;
using Twill.Linux.Links;
using Twill.Testing;

namespace Kernel.Tests.Host;

public sealed class BridgePortsTests : IDisposable
{
    private readonly TestNetns _ns = TestNetns.Create();

    public BridgePortsTests()
    {
        if (Environment.IsPrivilegedProcess)
        {
            _ns.Ip("link add twill0 up type bridge");
            _ns.Ip("link add tw0123456789abc up type veth peer name inside");
            _ns.Ip("link set tw0123456789abc alias 'twill pods c1 eth0'");
        }
    }

    [RequiresRootTheory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_host_end_on_no_bridge_is_put_back_with_its_hairpin_mode(bool hairpin)
    {
        using RouteSocket route = Netns.OpenRouteSocket(_ns);
        Link end = route.GetLink("tw0123456789abc");
        BridgePorts.IsHostEnd(end, "pods").Should().BeTrue();
        BridgePorts.IsDetached(end).Should().BeTrue();

        BridgePorts.Reattach(route, _ns.IndexOf("twill0"), hairpin, [end]).Should().BeEmpty();

        JsonElement port = _ns.IpJson("link show dev tw0123456789abc")[0];
        port.GetProperty("master").GetString().Should().Be("twill0");
        port.GetProperty("linkinfo").GetProperty("info_slave_data").GetProperty("hairpin").GetBoolean().Should().Be(hairpin);
        BridgePorts.IsDetached(route.GetLink("tw0123456789abc")).Should().BeFalse();
    }

    [RequiresRootFact]
    public void One_that_is_down_is_set_up_and_stays_on_the_bridge_it_is_on()
    {
        _ns.Ip("link add other up type bridge");
        _ns.Ip("link set tw0123456789abc master other down");
        using RouteSocket route = Netns.OpenRouteSocket(_ns);
        Link end = route.GetLink("tw0123456789abc");
        BridgePorts.IsDetached(end).Should().BeTrue();

        BridgePorts.Reattach(route, _ns.IndexOf("twill0"), true, [end]).Should().BeEmpty();

        JsonElement port = _ns.IpJson("link show dev tw0123456789abc")[0];
        port.GetProperty("master").GetString().Should().Be("other");
        port.GetProperty("flags").EnumerateArray().Select(f => f.GetString()).Should().Contain("UP");
    }

    [RequiresRootFact]
    public void One_past_the_bridges_ports_is_on_none_and_only_set_up()
    {
        _ns.Ip($"link set tw0123456789abc group {RoutedVeth.Group}");
        using RouteSocket route = Netns.OpenRouteSocket(_ns);
        BridgePorts.IsDetached(route.GetLink("tw0123456789abc")).Should().BeFalse();
        _ns.Ip("link set tw0123456789abc down");
        Link end = route.GetLink("tw0123456789abc");
        BridgePorts.IsDetached(end).Should().BeTrue();

        BridgePorts.Reattach(route, _ns.IndexOf("twill0"), true, [end]).Should().BeEmpty();

        JsonElement link = _ns.IpJson("link show dev tw0123456789abc")[0];
        link.TryGetProperty("master", out _).Should().BeFalse();
        link.GetProperty("flags").EnumerateArray().Select(f => f.GetString()).Should().Contain("UP");
    }

    [RequiresRootFact]
    public void One_that_vanished_meanwhile_is_no_trouble_and_a_bridge_that_vanished_is_told()
    {
        using RouteSocket route = Netns.OpenRouteSocket(_ns);
        Link end = route.GetLink("tw0123456789abc");

        BridgePorts.Reattach(route, 4711, true, [end]).Should().NotBeEmpty();
        _ns.Ip("link del tw0123456789abc");
        BridgePorts.Reattach(route, _ns.IndexOf("twill0"), true, [end]).Should().BeEmpty();
    }

    [RequiresRootFact]
    public void Links_of_others_and_of_other_networks_are_none_of_ours()
    {
        using RouteSocket route = Netns.OpenRouteSocket(_ns);

        BridgePorts.IsHostEnd(route.GetLink("tw0123456789abc"), "pod").Should().BeFalse();
        BridgePorts.IsHostEnd(route.GetLink("inside"), "pods").Should().BeFalse();
    }

    public void Dispose() => _ns.Dispose();
}
