using System.Net;
using Twill.Network;

namespace Twill.Host.Tests;

public sealed class HostNamesTests
{
    [Fact]
    public void A_host_ends_name_never_changes_between_versions() =>
        DeviceNames.Veth("c1", "eth0").Should().Be("twepnut2omcn42u", "a DEL after an upgrade must find what the old version made");

    [Theory]
    [InlineData("c1", "eth0")]
    [InlineData("", "")]
    [InlineData("a-very-long-container-id-0123456789abcdef0123456789abcdef0123456789abcdef", "a23456789012345")]
    public void A_host_ends_name_fits_into_an_interface_name_and_is_recognised(string id, string ifName)
    {
        string name = DeviceNames.Veth(id, ifName);

        name.Should().HaveLength(15).And.StartWith("tw");
        DeviceNames.IsVeth(name).Should().BeTrue();
    }

    [Fact]
    public void An_ifb_has_the_name_of_its_host_end_but_for_the_prefix()
    {
        string ifb = DeviceNames.Ifb("c1", "eth0");

        ifb.Should().Be("tbepnut2omcn42u");
        DeviceNames.IsIfb(ifb).Should().BeTrue();
        DeviceNames.IsVeth(ifb).Should().BeFalse();
        DeviceNames.IsIfb(DeviceNames.Veth("c1", "eth0")).Should().BeFalse();
        DeviceNames.VethOfIfb(ifb).Should().Be(DeviceNames.Veth("c1", "eth0"));
    }

    [Fact]
    public void Id_and_interface_do_not_run_together()
    {
        DeviceNames.Veth("c1", "eth0").Should().NotBe(DeviceNames.Veth("c1e", "th0"));
        DeviceNames.Veth("c1", "eth0").Should().NotBe(DeviceNames.Veth("c1", "eth1"));
    }

    [Fact]
    public void A_hundred_thousand_attachments_have_a_hundred_thousand_names()
    {
        HashSet<string> names = [];
        for (int i = 0; i < 50_000; i++)
        {
            names.Add(DeviceNames.Veth(i.ToString(), "eth0"));
            names.Add(DeviceNames.Veth(i.ToString(), "eth1"));
        }

        names.Should().HaveCount(100_000);
    }

    [Theory]
    [InlineData("eth0")]
    [InlineData("twill0")]
    [InlineData("twepnut2omcn42z")]
    [InlineData("twepnut2omcn42")]
    public void Other_names_are_not_taken_for_a_host_end(string name) => DeviceNames.IsVeth(name).Should().BeFalse();

    [Fact]
    public void An_alias_is_cut_to_what_the_kernel_keeps() =>
        DeviceNames.VethAlias("net1", new string('c', 400), "eth0").Should().HaveLength(255).And.StartWith("twill net1 ccc");

    [Fact]
    public void Hardware_addresses_are_derived_local_and_unicast()
    {
        HostMacs.ForContainer(IPAddress.Parse("10.244.7.5")).ToString().Should().Be("02:74:0a:f4:07:05");
        foreach (
            Linux.MacAddress mac in new[]
            {
                HostMacs.ForHostEnd("c1", "eth0"),
                HostMacs.ForBridge("twill0"),
                HostMacs.ForContainer(IPAddress.Loopback),
                HostMacs.ForContainer(IPAddress.Parse("fd00::5")),
            }
        )
        {
            mac.IsLocallyAdministered.Should().BeTrue();
            mac.IsMulticast.Should().BeFalse();
        }
        HostMacs
            .ForContainer(IPAddress.Parse("fd00::5"))
            .Should()
            .Be(HostMacs.ForContainer(IPAddress.Parse("fd00:0::5")))
            .And.NotBe(HostMacs.ForContainer(IPAddress.Parse("fd00::1:0:0:5")));
        HostMacs.ForBridge("twill0").Should().Be(HostMacs.ForBridge("twill0")).And.NotBe(HostMacs.ForBridge("twill1"));
    }
}
