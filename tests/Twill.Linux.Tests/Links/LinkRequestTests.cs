using System.Net;
using Twill.Linux.Links;

namespace Twill.Linux.Tests.Links;

public sealed class LinkRequestTests
{
    private static readonly MacAddress s_mac1 = MacAddress.Parse("02:00:00:00:00:01");

    [Fact]
    public void NewVeth_is_what_ip_link_add_type_veth_sends() =>
        Captured.Equal(
            "links/new-veth",
            new NewVeth("tw0", "eth0")
            {
                Index = 77,
                Master = 10,
                Up = true,
                Mtu = 1450,
                Mac = s_mac1,
                PeerNetns = Fd.Number(4),
                PeerIndex = 88,
                PeerMac = MacAddress.Parse("02:00:00:00:00:02"),
            }
        );

    [Fact]
    public void NewVeth_with_names_alone_leaves_the_rest_to_the_kernel() =>
        Captured.Equal("links/new-veth-plain", new NewVeth("tw0", "tw1"));

    [Fact]
    public void NewVeth_puts_its_near_end_into_a_group() =>
        Captured.Equal("links/new-veth-group", new NewVeth("tw0", "tw1") { Group = 116 });

    [Fact]
    public void SetLink_changes_the_group() => Captured.Equal("links/set-link-group", new SetLink(10) { Group = 116 });

    [Fact]
    public void NewBridge_is_what_ip_link_add_type_bridge_sends() =>
        Captured.Equal(
            "links/new-bridge",
            new NewBridge("br0")
            {
                Index = 10,
                Mac = s_mac1,
                Mtu = 1450,
                Up = true,
                VlanFiltering = false,
                MulticastSnooping = false,
            }
        );

    [Fact]
    public void NewBridge_with_a_name_alone_sends_no_parameters() => Captured.Equal("links/new-bridge-plain", new NewBridge("br0"));

    [Fact]
    public void NewWireGuard_is_what_ip_link_add_type_wireguard_sends() =>
        Captured.Equal("links/new-wireguard", new NewWireGuard("twill-wg.51820") { Mtu = 1440 });

    [Fact]
    public void NewVxlan_is_what_ip_link_add_type_vxlan_sends() =>
        Captured.Equal(
            "links/new-vxlan",
            new NewVxlan("twill.1", 1, 4789)
            {
                Mac = s_mac1,
                Mtu = 1450,
                Up = true,
                Local = IPAddress.Parse("10.0.0.1"),
            }
        );

    [Fact]
    public void NewVxlan_over_IPv6_says_so_by_its_local_address() =>
        Captured.Equal(
            "links/new-vxlan-ipv6",
            new NewVxlan("twill.1", 16777215, 8472)
            {
                Local = IPAddress.Parse("fd00::1"),
                Udp6ZeroChecksum = true,
                GroupPolicy = true,
            }
        );

    [Fact]
    public void NewIfb_is_what_ip_link_add_type_ifb_sends() =>
        Captured.Equal(
            "links/new-ifb",
            new NewIfb("tb0")
            {
                Index = 14,
                Mtu = 1450,
                Up = true,
            }
        );

    [Fact]
    public void SetLink_up_means_one_flag() => Captured.Equal("links/set-link-up", new SetLink(10) { Up = true });

    [Fact]
    public void SetLink_down_means_the_same_flag() => Captured.Equal("links/set-link-down", new SetLink(10) { Up = false });

    [Fact]
    public void SetLink_promiscuous_is_another_flag() =>
        Captured.Equal("links/set-link-promisc", new SetLink(10) { Promiscuous = true });

    [Fact]
    public void SetLink_sends_all_that_is_asked_for() =>
        Captured.Equal(
            "links/set-link-all",
            new SetLink(13)
            {
                Up = true,
                Mac = MacAddress.Parse("02:00:00:00:00:03"),
                Mtu = 1400,
                Master = 10,
                Alias = "pod-7",
            }
        );

    [Fact]
    public void SetLink_takes_a_port_off_its_bridge_by_master_0() =>
        Captured.Equal("links/set-link-nomaster", new SetLink(12) { Master = 0 });

    [Fact]
    public void SetLink_renames_by_index() => Captured.Equal("links/set-link-name", new SetLink(10) { Name = "br1" });

    [Fact]
    public void SetLink_refuses_to_rename_by_name()
    {
        Action write = () => Captured.Equal("links/set-link-name", new SetLink("br0") { Name = "br1" });

        write.Should().Throw<ArgumentException>().WithMessage("Link br0 is to become br1*");
    }

    [Fact]
    public void SetLink_moves_to_a_namespace_by_its_descriptor() =>
        Captured.Equal("links/set-link-netns", new SetLink(13) { Netns = Fd.Number(4) });

    [Fact]
    public void DeleteLink_is_what_ip_link_del_sends() => Captured.Equal("links/delete-link", new DeleteLink(10));

    [Fact]
    public void GetLink_asks_by_name_as_ip_link_show_does() => Captured.Equal("links/get-link", new GetLink("br0"));

    [Fact]
    public void ListLinks_asks_the_kernel_to_filter() => Captured.Equal("links/list-links", new ListLinks { Master = 10, Kind = "veth" });

    [Fact]
    public void SetBridgePort_is_what_bridge_link_set_sends() =>
        Captured.Equal(
            "links/set-bridge-port",
            new SetBridgePort(12)
            {
                Hairpin = true,
                Learning = false,
                Flood = false,
                MulticastFlood = false,
                NeighbourSuppression = true,
                Isolated = true,
            }
        );
}
