using System.Net;
using System.Text.Json;
using Twill.Host;
using Twill.Testing;

namespace Kernel.Tests.Reconcile;

public sealed class VxlanDeviceTests : IDisposable
{
    private readonly OverlayHost _host = new();

    [RequiresRootFact]
    public void A_missing_device_is_made_with_exactly_the_wanted_parameters()
    {
        OverlayDevice.Result result = _host.Ensure();

        result.IsNew.Should().BeTrue();
        ShouldBeAsWanted();
        JsonElement link = _host.Link();
        link.GetProperty("ifindex").GetInt32().Should().Be(result.Index);
        link.GetProperty("ifalias").GetString().Should().Be("twill overlay of pods");
    }

    [RequiresRootFact]
    public void It_sends_nothing_of_its_own_accord_and_has_no_IPv6_address()
    {
        _host.Ensure();

        _host.Ns.Ip("-6 address show dev twill.1").Should().BeEmpty();
        _host.Ns.Sh("cat /proc/sys/net/ipv6/conf/twill.1/accept_ra").Trim().Should().Be("0");
    }

    [RequiresRootFact]
    public void A_device_that_is_as_it_should_be_is_left_alone()
    {
        OverlayDevice.Result first = _host.Ensure(),
            second = _host.Ensure();

        second.Should().BeEquivalentTo(new OverlayDevice.Result("twill.1", first.Index, IsNew: false, []));
    }

    [RequiresRootTheory]
    [InlineData("ip link set twill.1 mtu 1400", "MTU 1400")]
    [InlineData("ip link set twill.1 address 02:00:00:00:00:99", "02:00:00:00:00:99")]
    [InlineData("ip link set twill.1 down", "set up again")]
    [InlineData("ip link set twill.1 alias mine", "alias")]
    [InlineData("ip address del 10.244.1.0/32 dev twill.1", "10.244.1.0/32 added")]
    [InlineData("ip address add 10.244.1.0/24 dev twill.1", "10.244.1.0/24 removed")]
    [InlineData("ip address add 10.9.9.9/32 dev twill.1", "10.9.9.9/32 removed")]
    public void What_can_be_corrected_is_corrected_on_the_living_device(string damage, string told)
    {
        int index = _host.Ensure().Index;
        _host.Ns.Sh(damage);

        OverlayDevice.Result result = _host.Ensure();

        result.Index.Should().Be(index);
        result.IsNew.Should().BeFalse();
        result.Changes.Should().ContainMatch($"*{told}*");
        ShouldBeAsWanted();
        _host.Ensure().Changes.Should().BeEmpty();
    }

    [RequiresRootTheory]
    [InlineData("ip link set twill.1 type vxlan learning", "learned")]
    [InlineData("ip link set twill.1 type vxlan local 192.168.64.9", "192.168.64.9")]
    [InlineData("ip link del twill.1; ip link add twill.1 type vxlan id 7 local 192.168.64.2 dstport 4789 nolearning", "VNI was 7")]
    [InlineData("ip link del twill.1; ip link add twill.1 type vxlan id 1 local 192.168.64.2 dstport 8472 nolearning", "port was 8472")]
    [InlineData("ip link del twill.1; ip link add twill.1 type vxlan id 1 dstport 4789 nolearning", "local address was unset")]
    [InlineData(
        "ip link del twill.1; ip link add twill.1 type vxlan id 1 local 192.168.64.2 dstport 4789 nolearning dev eth0",
        "lower device"
    )]
    [InlineData("ip link del twill.1; ip link add twill.1 type vxlan external dstport 4789", "VNI was 0")]
    [InlineData("ip link set twill.1 type vxlan remote 192.168.64.9", "sent to 192.168.64.9")]
    [InlineData("ip link set twill.1 type vxlan ttl 1", "at most 1 hops")]
    [InlineData(
        "ip link del twill.1; ip link add twill.1 type vxlan id 1 local 192.168.64.2 dstport 4789 nolearning gbp",
        "group policies"
    )]
    public void What_cannot_be_corrected_is_made_anew(string damage, string told)
    {
        _host.Ensure();
        _host.Ns.Sh(damage);

        OverlayDevice.Result result = _host.Ensure();

        result.IsNew.Should().BeTrue();
        result.Changes.Should().ContainMatch($"*{told}*");
        ShouldBeAsWanted();
    }

    [RequiresRootFact]
    public void A_new_address_of_the_host_makes_a_device_with_that_address()
    {
        _host.Ensure();

        _host.Ensure(OverlayHost.Spec with { Local = IPAddress.Parse("192.168.64.3") });

        _host.Vxlan("twill.1").GetProperty("local").GetString().Should().Be("192.168.64.3");
    }

    [RequiresRootFact]
    public void It_outlives_the_interface_that_carries_its_packets()
    {
        _host.Ensure();

        _host.Ns.Ip("link del eth0");

        ShouldBeAsWanted();
    }

    [RequiresRootFact]
    public void A_device_of_another_kind_under_its_name_is_refused_and_left()
    {
        _host.Ns.Ip("link add twill.1 type bridge");

        FluentActions.Invoking(() => _host.Ensure()).Should().Throw<HostException>().WithMessage("*twill.1 is a bridge*");
        _host.Link().GetProperty("linkinfo").GetProperty("info_kind").GetString().Should().Be("bridge");
    }

    [RequiresRootFact]
    public void Another_device_with_its_VNI_and_port_is_named_and_left()
    {
        _host.Ns.Ip("link add flannel.1 type vxlan id 1 dstport 4789");

        FluentActions.Invoking(() => _host.Ensure()).Should().Throw<HostException>().WithMessage("*flannel.1*VNI 1*4789*");
        _host.Ns.HasLink("flannel.1").Should().BeTrue();
        _host.Ns.HasLink("twill.1").Should().BeFalse();
    }

    [RequiresRootFact]
    public void Devices_that_the_network_had_before_are_deleted_and_no_others()
    {
        _host.Ensure(OverlayHost.Spec with { Name = "twill.5", Vni = 5 });
        _host.Ensure(OverlayHost.Spec with { Name = "twill.6", Vni = 6, NetworkName = "others" });
        _host.Ns.Ip("link add vxlan9 type vxlan id 9 dstport 4789");
        _host.Ensure();

        _host.Run(route => OverlayDevice.DeleteOthers(route, "pods", keep: ["twill.1"])).Should().Equal("twill.5");

        _host.Ns.HasLink("twill.5").Should().BeFalse();
        new[] { "twill.1", "twill.6", "vxlan9" }.Should().OnlyContain(name => _host.Ns.HasLink(name));
    }

    public void Dispose() => _host.Dispose();

    private void ShouldBeAsWanted()
    {
        JsonElement link = _host.Link(),
            vxlan = _host.Vxlan("twill.1");
        link.GetProperty("address").GetString().Should().Be(OverlayHost.Mac.ToString());
        link.GetProperty("mtu").GetInt32().Should().Be(1450);
        link.GetProperty("flags").EnumerateArray().Select(f => f.GetString()).Should().Contain("UP");
        vxlan.GetProperty("id").GetInt32().Should().Be(1);
        vxlan.GetProperty("local").GetString().Should().Be("192.168.64.2");
        vxlan.GetProperty("port").GetInt32().Should().Be(4789);
        vxlan.GetProperty("learning").GetBoolean().Should().BeFalse();
        vxlan.TryGetProperty("link", out _).Should().BeFalse("it is bound to no lower device");
        vxlan.TryGetProperty("external", out _).Should().BeFalse();
        _host.Addresses().Should().Equal("10.244.1.0/32");
    }
}
