using System.Net;
using System.Text;
using Twill.Cluster;
using Twill.Linux;
using Twill.Linux.Addresses;
using Twill.Linux.Netlink;
using Twill.Linux.Nftables;
using Twill.Linux.Routes;

namespace Twill.Agent.Tests;

public sealed class KernelEventFilterTests
{
    private const int Underlay = 2,
        Bridge = 3,
        Overlay = 5,
        Other = 9;

    private const uint OwnPort = 4711;

    private static readonly NetworkSnapshot s_known = new(TestNetwork.Conf)
    {
        Lease = new LeaseStatus { Held = new HeldLease(7, 60, 100, SubnetKey.Pairs([IPNetwork.Parse("10.244.7.0/24")])) },
        Host = new HostFindings
        {
            UnderlayIndex = Underlay,
            BridgeIndex = Bridge,
            Overlays = new Dictionary<int, string> { [Overlay] = "twill.1" },
            NetlinkPortId = OwnPort,
            NftPortId = OwnPort,
        },
    };

    private readonly LinkEvents _links = new();
    private readonly KernelEventFilter _filter;

    public KernelEventFilterTests() =>
        _filter = new KernelEventFilter(
            TestNetwork.Conf,
            needsMainRoutes: false,
            new BridgeReconciler(TestNetwork.Conf),
            new OverlayEntryEvents(),
            new NexthopEvents(),
            _links
        );

    [Theory]
    [InlineData(Overlay, 5u, 0u, (int)ReconcileReason.KernelEvents)] // on our device, whatever its number
    [InlineData(Other, 0x7400_0005u, 0u, (int)ReconcileReason.KernelEvents)] // ours may have been moved there
    [InlineData(Other, 5u, 0u, (int)ReconcileReason.None)]
    [InlineData(Overlay, 0x7400_0005u, OwnPort, (int)ReconcileReason.None)]
    public void Of_nexthop_objects_those_on_our_device_and_of_our_range_count(int index, uint id, uint port, int reason) =>
        Take(NexthopEventsTests.Change(false, id, "10.244.7.0", index, portId: port)).Should().Be((ReconcileReason)reason);

    [Fact]
    public void After_lost_events_everything_is_compared() => Take(NetworkChange.Everything).Should().Be(ReconcileReason.Everything);

    [Theory]
    [InlineData(Underlay, "eth0", (int)ReconcileReason.KernelEvents)]
    [InlineData(Bridge, "twill0", (int)ReconcileReason.KernelEvents)]
    [InlineData(Overlay, "twill.1", (int)ReconcileReason.KernelEvents)]
    [InlineData(Other, "eth1", (int)ReconcileReason.None)]
    [InlineData(Other, "twill0", (int)ReconcileReason.Everything)] // another link has taken the name
    [InlineData(Other, "twill.1", (int)ReconcileReason.Everything)]
    public void Of_links_those_that_the_network_uses_count(int index, string name, int reason) =>
        Take(LinkChange(index, name)).Should().Be((ReconcileReason)reason);

    [Fact]
    public void Any_link_may_become_the_underlay_while_there_is_none()
    {
        NetworkSnapshot without = s_known with { Host = s_known.Host with { UnderlayIndex = 0 } };

        _filter.Take(LinkChange(Other, "eth1"), without).Should().Be(ReconcileReason.Everything);
    }

    [Fact]
    public void A_containers_host_end_off_the_bridge_is_a_reason_once()
    {
        NetworkChange detached = LinkChange(Other, "tw0123456789abc", "twill pods 1 eth0");

        Take(detached).Should().Be(ReconcileReason.Host);
        Take(detached).Should().Be(ReconcileReason.None, "it is on record already");
    }

    [Fact]
    public void A_host_end_of_another_network_is_none() =>
        Take(LinkChange(Other, "tw0123456789abc", "twill other 1 eth0")).Should().Be(ReconcileReason.None);

    [Theory]
    [InlineData("10.1.2.3", (int)ReconcileReason.Everything)]
    [InlineData("fe80::1", (int)ReconcileReason.None)]
    public void Of_addresses_all_but_link_local_ones_count_once(string address, int first)
    {
        NetworkChange change = new(NetworkChangeKind.Address, false, Other, 0, 0)
        {
            Address = new InterfaceAddress
            {
                Index = Other,
                Address = IPAddress.Parse(address),
                PrefixLength = 24,
                Scope = RouteScope.Universe,
                Flags = AddressFlags.Permanent,
            },
        };

        Take(change).Should().Be((ReconcileReason)first);
        Take(change).Should().Be(ReconcileReason.None, "it is the same address");
    }

    [Theory]
    [InlineData("0.0.0.0/0", 0, (int)ReconcileReason.Everything)]
    [InlineData("10.244.9.0/24", 0, (int)ReconcileReason.Everything)]
    [InlineData("10.244.9.0/24", OwnPort, (int)ReconcileReason.None)] // written by the agent itself
    [InlineData("10.244.7.0/24", 0, (int)ReconcileReason.Everything)] // the local subnet itself
    [InlineData("10.244.7.5/32", 0, (int)ReconcileReason.None)] // a container of this host
    [InlineData("192.168.9.0/24", 0, (int)ReconcileReason.None)]
    public void Of_routes_the_default_route_and_those_to_other_hosts_count(string destination, uint port, int reason) =>
        Take(RouteChange(destination, port)).Should().Be((ReconcileReason)reason);

    [Theory]
    [InlineData(-1, (int)ReconcileReason.Host)] // all interfaces
    [InlineData(Bridge, (int)ReconcileReason.Host)]
    [InlineData(Overlay, (int)ReconcileReason.Host)]
    [InlineData(Other, (int)ReconcileReason.None)]
    public void Forwarding_counts_where_the_networks_packets_pass(int index, int reason) =>
        Take(new NetworkChange(NetworkChangeKind.Forwarding, false, index, 0, 0)).Should().Be((ReconcileReason)reason);

    [Theory]
    [InlineData(NftFamily.Inet, "twill-pods", (int)ReconcileReason.Host)]
    [InlineData(NftFamily.Inet, "twill-other", (int)ReconcileReason.None)]
    [InlineData(NftFamily.Inet, "filter", (int)ReconcileReason.Host)]
    [InlineData(NftFamily.Ip, "twill-other", (int)ReconcileReason.None)]
    [InlineData(NftFamily.Bridge, "twill-pods", (int)ReconcileReason.Host)]
    [InlineData(NftFamily.Bridge, "twill-other", (int)ReconcileReason.None)]
    [InlineData(NftFamily.Bridge, "filter", (int)ReconcileReason.Host)]
    [InlineData(NftFamily.Arp, "filter", (int)ReconcileReason.None)]
    public void Of_nftables_all_count_but_those_of_our_other_networks(NftFamily family, string name, int reason) =>
        Take(new NetworkChange(NetworkChangeKind.Nftables, false, 0, 0, 0) { Table = new TableId(family, name) })
            .Should()
            .Be((ReconcileReason)reason);

    [Theory]
    [InlineData("peers", 0, (int)ReconcileReason.Everything)]
    [InlineData("peers6", 0, (int)ReconcileReason.Everything)]
    [InlineData("peers", OwnPort, (int)ReconcileReason.None)] // written by the agent itself
    [InlineData("ports", 0, (int)ReconcileReason.Host)]
    public void Of_the_networks_table_the_addresses_of_peers_are_compared_with_all_else_of_them(string set, uint port, int reason) =>
        Take(
                new NetworkChange(NetworkChangeKind.Nftables, false, 0, 0, port)
                {
                    Table = new TableId(NftFamily.Inet, "twill-pods"),
                    Set = set,
                }
            )
            .Should()
            .Be((ReconcileReason)reason);

    [Theory]
    [InlineData(Overlay, 0, (int)ReconcileReason.KernelEvents)]
    [InlineData(Overlay, OwnPort, (int)ReconcileReason.None)]
    [InlineData(Other, 0, (int)ReconcileReason.None)]
    public void Of_entries_those_of_the_overlay_count_unless_the_agent_wrote_them(int index, uint port, int reason) =>
        Take(new NetworkChange(NetworkChangeKind.Neighbour, false, index, 0, port)).Should().Be((ReconcileReason)reason);

    private ReconcileReason Take(in NetworkChange change) => _filter.Take(in change, s_known);

    private static NetworkChange LinkChange(int index, string name, string alias = "") =>
        Decode(
            type: 16,
            port: 0,
            [0, 0, 1, 0, .. BitConverter.GetBytes(index), 1, 0, 0, 0, 0, 0, 0, 0, .. Attribute(3, name), .. Attribute(20, alias)]
        );

    private static NetworkChange RouteChange(string destination, uint port)
    {
        IPNetwork to = IPNetwork.Parse(destination);
        byte[] attributes = to.PrefixLength == 0 ? [] : Attribute(1, to.BaseAddress.GetAddressBytes());
        return Decode(type: 24, port, [2, (byte)to.PrefixLength, 0, 0, 254, 3, 0, 1, 0, 0, 0, 0, .. attributes]);
    }

    private static byte[] Attribute(ushort type, string text) =>
        text.Length == 0 ? [] : Attribute(type, Encoding.ASCII.GetBytes(text + "\0"));

    private static byte[] Attribute(ushort type, byte[] value) =>
        [.. BitConverter.GetBytes((ushort)(4 + value.Length)), .. BitConverter.GetBytes(type), .. value, .. new byte[-value.Length & 3]];

    /// <summary>A notification, by way of the message that the kernel would send.</summary>
    private static NetworkChange Decode(ushort type, uint port, byte[] payload)
    {
        byte[] datagram =
        [
            .. BitConverter.GetBytes(16 + payload.Length),
            .. BitConverter.GetBytes(type),
            0,
            0,
            0,
            0,
            0,
            0,
            .. BitConverter.GetBytes(port),
            .. payload,
        ];
        NetlinkMessages messages = new(datagram);
        messages.TryRead(out NetlinkMessage message).Should().BeTrue();
        NetworkChange.TryDecode(in message, out NetworkChange change).Should().BeTrue();
        return change;
    }
}
