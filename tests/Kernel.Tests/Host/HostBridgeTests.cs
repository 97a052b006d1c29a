using System.Text.Json;
using Twill.Host;
using Twill.Linux;
using Twill.Linux.Links;
using Twill.Testing;

namespace Kernel.Tests.Host;

public sealed class HostBridgeTests : IDisposable
{
    private readonly TestNetns _ns = TestNetns.Create();

    [RequiresRootFact]
    public void Is_made_up_with_its_mtu_and_found_again()
    {
        using RouteSocket route = Netns.OpenRouteSocket(_ns);

        Link made = HostBridge.Ensure(route, "twill0", 1450);
        Link found = HostBridge.Ensure(route, "twill0", 1450);

        JsonElement seen = Seen();
        seen.GetProperty("linkinfo").GetProperty("info_kind").GetString().Should().Be("bridge");
        seen.GetProperty("flags").EnumerateArray().Select(f => f.GetString()).Should().Contain("UP");
        seen.GetProperty("mtu").GetInt32().Should().Be(1450);
        found.Index.Should().Be(made.Index).And.Be(seen.GetProperty("ifindex").GetInt32());
        made.Mac.ToString().Should().Be(seen.GetProperty("address").GetString());
    }

    [RequiresRootFact]
    public void Its_hardware_address_does_not_follow_its_ports_and_is_the_same_when_it_is_made_again()
    {
        using RouteSocket route = Netns.OpenRouteSocket(_ns);
        HostBridge.Ensure(route, "twill0", 1500);
        string first = Mac();

        _ns.Ip("link add p0 address 02:00:00:00:00:01 type veth peer name p1");
        _ns.Ip("link set p0 master twill0");
        Mac().Should().Be(first, "a port with a lower address joined");
        _ns.Ip("link delete p0");
        Mac().Should().Be(first, "the last port left");
        _ns.Ip("link delete twill0");
        HostBridge.Ensure(route, "twill0", 1500);
        Mac().Should().Be(first, "neighbours have it cached");
    }

    [RequiresRootFact]
    public void Its_mtu_does_not_follow_its_ports()
    {
        using RouteSocket route = Netns.OpenRouteSocket(_ns);
        HostBridge.Ensure(route, "twill0", 1450);

        _ns.Ip("link add p0 mtu 1400 type veth peer name p1");
        _ns.Ip("link set p0 master twill0");
        Seen().GetProperty("mtu").GetInt32().Should().Be(1450, "a port with a smaller one joined");
        _ns.Ip("link delete p0");
        Seen().GetProperty("mtu").GetInt32().Should().Be(1450, "the last port left");
    }

    [RequiresRootFact]
    public void One_that_is_down_or_of_another_mtu_is_corrected()
    {
        using RouteSocket route = Netns.OpenRouteSocket(_ns);
        HostBridge.Ensure(route, "twill0", 1450);
        _ns.Ip("link set twill0 down mtu 1300");

        HostBridge.Ensure(route, "twill0", 1450);

        Seen().GetProperty("mtu").GetInt32().Should().Be(1450);
        Seen().GetProperty("flags").EnumerateArray().Select(f => f.GetString()).Should().Contain("UP");
    }

    [RequiresRootFact]
    public void Another_kind_of_device_of_that_name_is_left_alone_and_named()
    {
        _ns.Ip("link add twill0 type veth peer name other");
        using RouteSocket route = Netns.OpenRouteSocket(_ns);

        Action ensure = () => HostBridge.Ensure(route, "twill0", 1450);

        ensure.Should().Throw<HostException>().WithMessage("device twill0 exists and is of kind 'veth', not a bridge*");
        Seen().GetProperty("linkinfo").GetProperty("info_kind").GetString().Should().Be("veth");
    }

    public void Dispose() => _ns.Dispose();

    private JsonElement Seen() => _ns.IpJson("-d link show dev twill0")[0];

    private string Mac() => Seen().GetProperty("address").GetString()!;
}
