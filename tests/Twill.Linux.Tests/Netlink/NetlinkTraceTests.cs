using System.Net;
using System.Net.Sockets;
using Twill.Linux.Addresses;
using Twill.Linux.Conntrack;
using Twill.Linux.GenericNetlink;
using Twill.Linux.Links;
using Twill.Linux.Neighbours;
using Twill.Linux.Netlink;
using Twill.Linux.Nexthops;
using Twill.Linux.Nftables;
using Twill.Linux.Routes;
using Twill.Linux.Rules;
using Twill.Linux.TrafficControl;
using Twill.Linux.WireGuard;
using Twill.System;

namespace Twill.Linux.Tests.Netlink;

/// <summary>TWILL_TRACE=netlink: each message as the command that it equals. Those with golden bytes are compared with the command that
/// sent the bytes, where the bytes are.</summary>
public class NetlinkTraceTests
{
    private static readonly TableId s_table = new(NftFamily.Inet, "t");
    private static readonly NftSet s_set = new(s_table, "s", NftType.Concat(NftType.InetProto, NftType.InetService));
    private static readonly SetElement s_element = SetElement.Of(NftData.Of(6), NftData.OfPort(80));
    private static readonly IPAddress s_four = IPAddress.Parse("10.244.7.5");
    private static readonly IPAddress s_six = IPAddress.Parse("fd00::5");
    private static readonly MacAddress s_mac = MacAddress.Parse("02:00:00:00:00:09");
    private static readonly Flow s_flow = new(
        new FlowTuple(IPAddress.Parse("192.0.2.1"), s_four, 17, 4000, 53),
        new FlowTuple(s_four, IPAddress.Parse("192.0.2.1"), 17, 53, 4000)
    );

    private static readonly Dictionary<string, (string Command, Func<CommandNames, string> Of)> s_samples = new()
    {
        [nameof(DeleteLink)] = ("ip link del dev br0", new DeleteLink(10).ToCommand),
        [nameof(GetLink)] = ("ip link show dev eth0", new GetLink("eth0").ToCommand),
        [nameof(ListLinks)] = ("ip link show master br0 type veth", new ListLinks { Master = 10, Kind = "veth" }.ToCommand),
        [nameof(NewBridge)] = (
            "ip link add br0 index 10 address 02:00:00:00:00:09 mtu 1450 up type bridge vlan_filtering 0 mcast_snooping 1",
            new NewBridge("br0")
            {
                Index = 10,
                Mac = s_mac,
                Mtu = 1450,
                Up = true,
                VlanFiltering = false,
                MulticastSnooping = true,
            }.ToCommand
        ),
        [nameof(NewIfb)] = ("ip link add tb0 mtu 1450 up type ifb", new NewIfb("tb0") { Mtu = 1450, Up = true }.ToCommand),
        [nameof(NewVeth)] = (
            "ip link add tw0 mtu 1450 up master br0 group 116 type veth peer name eth0 index 2 address 02:00:00:00:00:09 mtu 1450 "
                + "netns pod",
            new NewVeth("tw0", "eth0")
            {
                Master = 10,
                Group = 116,
                Up = true,
                Mtu = 1450,
                PeerIndex = 2,
                PeerMac = s_mac,
                PeerNetns = Fd.Number(4),
            }.ToCommand
        ),
        [nameof(NewVxlan)] = (
            "ip link add twill.1 mtu 1450 type vxlan id 0 local 10.244.7.5 dstport 4789 nolearning noudpcsum udp6zerocsumtx "
                + "udp6zerocsumrx gbp",
            new NewVxlan("twill.1", 0, 4789)
            {
                Mtu = 1450,
                Local = s_four,
                UdpChecksum = false,
                Udp6ZeroChecksum = true,
                GroupPolicy = true,
            }.ToCommand
        ),
        [nameof(NewWireGuard)] = (
            "ip link add twill-wg.1 mtu 1420 type " + "wireguard",
            new NewWireGuard("twill-wg.1") { Mtu = 1420 }.ToCommand
        ),
        [nameof(SetLink)] = (
            "ip link set dev br0 down promisc off mtu 0 nomaster group 0 alias 'a pod'\\''s end'",
            new SetLink(10)
            {
                Up = false,
                Promiscuous = false,
                Mtu = 0,
                Master = 0,
                Group = 0,
                Alias = "a pod's end",
            }.ToCommand
        ),
        [nameof(SetBridgePort)] = (
            "bridge link set dev tw0 hairpin on learning off isolated on",
            new SetBridgePort(12)
            {
                Hairpin = true,
                Learning = false,
                Isolated = true,
            }.ToCommand
        ),
        [nameof(NewAddress)] = (
            "ip addr add fd00::5/64 dev br0 " + "nodad",
            new NewAddress(10, s_six, 64) { AddressFlags = AddressFlags.NoDad }.ToCommand
        ),
        [nameof(DeleteAddress)] = ("ip addr del 10.244.7.5/24 dev br0", new DeleteAddress(10, s_four, 24).ToCommand),
        [nameof(ListMulticastGroups)] = ("ip -6 maddr show dev br0", new ListMulticastGroups(10).ToCommand),
        [nameof(ListAddresses)] = (
            "ip -6 addr show dev br0",
            new ListAddresses { Index = 10, Family = AddressFamily.InterNetworkV6 }.ToCommand
        ),
        [nameof(NewRoute)] = (
            "ip route replace unreachable 10.244.0.0/16 metric 4278198272",
            new NewRoute(IPNetwork.Parse("10.244.0.0/16"))
            {
                Mode = RouteMode.Replace,
                RouteType = RouteType.Unreachable,
                Metric = 4278198272,
            }.ToCommand
        ),
        [nameof(DeleteRoute)] = (
            "ip -6 route del default via fe80::1 dev br0 proto 116",
            new DeleteRoute(IPNetwork.Parse("::/0"))
            {
                Gateway = IPAddress.Parse("fe80::1"),
                Index = 10,
                Protocol = 116,
            }.ToCommand
        ),
        [nameof(NewNexthop)] = (
            "ip nexthop add id 5 via 10.244.7.5 dev br0 onlink proto 116",
            new NewNexthop(5, s_four, 10) { Onlink = true, Protocol = 116 }.ToCommand
        ),
        [nameof(DeleteNexthop)] = ("ip nexthop del id 5", new DeleteNexthop(5).ToCommand),
        [nameof(ListNexthops)] = ("ip nexthop show dev br0", new ListNexthops { Index = 10 }.ToCommand),
        [nameof(GetRoute)] = ("ip route get 10.244.7.5", new GetRoute(s_four).ToCommand),
        [nameof(ListRoutes)] = ("ip route show table all proto 116", new ListRoutes { Protocol = 116 }.ToCommand),
        [nameof(ListRules)] = ("ip -6 rule show", new ListRules(AddressFamily.InterNetworkV6).ToCommand),
        [nameof(NewPolicyRule)] = (
            "ip -4 rule add from 10.2.0.2/32 lookup 116003 proto 116",
            new NewPolicyRule(IPNetwork.Parse("10.2.0.2/32"), 116_003) { Protocol = 116 }.ToCommand
        ),
        [nameof(DeletePolicyRule)] = (
            "ip -6 rule del from fd00:2::/64 lookup 100",
            new DeletePolicyRule(IPNetwork.Parse("fd00:2::/64"), 100).ToCommand
        ),
        [nameof(NewNeighbour)] = (
            "ip neigh add 10.244.7.5 lladdr 02:00:00:00:00:09 dev br0 nud noarp",
            new NewNeighbour(10, s_four, s_mac) { MustBeNew = true, State = NeighbourState.NoArp }.ToCommand
        ),
        [nameof(NewProxyNeighbour)] = (
            "ip neigh replace proxy fd00::5 dev br0 protocol " + "116",
            new NewProxyNeighbour(10, s_six) { Protocol = 116 }.ToCommand
        ),
        [nameof(DeleteNeighbour)] = ("ip neigh del 10.244.7.5 dev if99", new DeleteNeighbour(99, s_four).ToCommand),
        [nameof(ListNeighbours)] = ("ip neigh show nud all", new ListNeighbours().ToCommand),
        [nameof(NewFdbEntry)] = (
            "bridge fdb append 02:00:00:00:00:09 dev vx0 dst fd00::5 port 8472 vni 9 self extern_learn permanent",
            new NewFdbEntry(11, s_mac)
            {
                Append = true,
                Destination = s_six,
                Port = 8472,
                Vni = 9,
                EntryFlags = NeighbourFlags.Self | NeighbourFlags.ExternallyLearned,
            }.ToCommand
        ),
        [nameof(DeleteFdbEntry)] = (
            "bridge fdb del 02:00:00:00:00:09 dev tw0 vlan 5 master",
            new DeleteFdbEntry(12, s_mac) { Vlan = 5, EntryFlags = NeighbourFlags.Master }.ToCommand
        ),
        [nameof(ListFdb)] = ("bridge fdb show br br0", new ListFdb { Master = 10 }.ToCommand),
        [nameof(ListFilters)] = ("tc filter show dev tw0 parent ffff:", new ListFilters(12, TcHandle.IngressQdisc).ToCommand),
        [nameof(DeleteQdisc)] = ("tc qdisc del dev tw0 root", new DeleteQdisc(12, TcHandle.Root).ToCommand),
        [nameof(GetQdisc)] = ("tc qdisc show dev tw0 ingress", new GetQdisc(12, TcHandle.Ingress).ToCommand),
        [nameof(NewTbf)] = (
            "tc qdisc add dev tw0 root handle 1: tbf rate 8000bit burst 2000 limit " + "3000",
            new NewTbf(12, 1000, 2000, 3000).ToCommand
        ),
        [nameof(NewIngress)] = ("tc qdisc add dev tw0 ingress", new NewIngress(12).ToCommand),
        [nameof(NewRedirect)] = (
            "tc filter add dev tw0 parent ffff: protocol all prio 1 u32 match u32 0 0 action mirred egress redirect dev tb0",
            new NewRedirect(12, 14).ToCommand
        ),
        [nameof(ListFlows)] = (
            "conntrack -L -f ipv4 -p 17 --orig-port-dst 53 --reply-src 10.244.7.5 --reply-port-src 53",
            new ListFlows(new FlowFilter(17, 53, s_four, 53)).ToCommand
        ),
        [nameof(DeleteFlow)] = (
            "conntrack -D -f ipv4 -p 17 --orig-src 192.0.2.1 --orig-dst 10.244.7.5 --orig-port-src 4000 --orig-port-dst 53",
            new DeleteFlow(s_flow).ToCommand
        ),
        [nameof(GetFamily)] = ("genl ctrl get name wireguard", new GetFamily("wireguard").ToCommand),
        [nameof(GetWireGuard)] = ("wg show wg0 dump", new GetWireGuard("wg0").ToCommand),
        [nameof(SetWireGuard)] = (
            "wg set wg0 listen-port 51820 fwmark " + "1",
            new SetWireGuard("wg0") { ListenPort = 51820, FirewallMark = 1 }.ToCommand
        ),
        [nameof(GetGeneration)] = ("# nftables: which generation of the ruleset?", new GetGeneration().ToCommand),
        [nameof(NftBatch.BatchBegin)] = ("# nftables: begin of a transaction", new NftBatch.BatchBegin(null).ToCommand),
        [nameof(NftBatch.BatchEnd)] = ("# nftables: end of the transaction", new NftBatch.BatchEnd().ToCommand),
        [nameof(NewTable)] = ("nft 'add table inet t { comment \"c\"; }'", new NewTable(s_table, "c").ToCommand),
        [nameof(DeleteTable)] = ("nft delete table inet t", new DeleteTable(s_table).ToCommand),
        [nameof(GetTable)] = ("nft list tables ip6", new GetTable(NftFamily.Ip6, null).ToCommand),
        [nameof(NewChain)] = (
            "nft 'add chain inet t c { type nat hook output priority -100; policy accept; }'",
            new NewChain(s_table, "c", new BaseChain(ChainType.Nat, NftHook.Output, ChainPriority.Dstnat, ChainPolicy.Accept)).ToCommand
        ),
        [nameof(DeleteChain)] = ("nft delete chain inet t c", new DeleteChain(s_table, "c").ToCommand),
        [nameof(GetChains)] = ("nft list chains", new GetChains(0).ToCommand),
        [nameof(GetChain)] = ("nft list chain inet t c", new GetChain(s_table, "c").ToCommand),
        [nameof(NewRule)] = (
            "nft add rule inet t c iifgroup 116 " + "accept",
            new NewRule(s_table, "c", Rule.For(s_table).IifGroup(116).Accept()).ToCommand
        ),
        [nameof(InsertRule)] = (
            "nft insert rule inet t c handle 7 meta l4proto . th dport vmap @s",
            new InsertRule(s_table, "c", Rule.For(s_table).Vmap(s_set, KeyPart.L4Proto, KeyPart.Dport), 7).ToCommand
        ),
        [nameof(ReplaceRule)] = (
            "nft replace rule inet t c handle 7 " + "counter",
            new ReplaceRule(s_table, "c", 7, Rule.For(s_table).Counter()).ToCommand
        ),
        [nameof(DeleteRule)] = ("nft delete rule inet t c handle 7", new DeleteRule(s_table, "c", 7).ToCommand),
        [nameof(FlushChain)] = ("nft flush chain inet t c", new FlushChain(s_table, "c").ToCommand),
        [nameof(GetRules)] = ("nft -a list table inet t", new GetRules(s_table, null).ToCommand),
        [nameof(NewSet)] = ("nft 'add set inet t s { type inet_proto . inet_service; }'", new NewSet(s_set).ToCommand),
        [nameof(DeleteSet)] = ("nft delete set inet t s", new DeleteSet(s_table, "s").ToCommand),
        [nameof(GetSets)] = ("nft list sets table inet t", new GetSets(s_table).ToCommand),
        [nameof(NewSetElements)] = ("nft 'add element inet t s { tcp . 80 }'", new NewSetElements(s_set, s_element).ToCommand),
        [nameof(DeleteSetElements)] = ("nft 'delete element inet t s { tcp . 80 }'", new DeleteSetElements(s_set, s_element).ToCommand),
        [nameof(DestroySetElements)] = ("nft 'destroy element inet t s { tcp . 80 }'", new DestroySetElements(s_set, s_element).ToCommand),
        [nameof(FlushSet)] = ("nft flush set inet t s", new FlushSet(s_table, "s").ToCommand),
        [nameof(GetSetElement)] = ("nft 'get element inet t s { tcp . 80 }'", new GetSetElement(s_set, s_element).ToCommand),
        [nameof(GetSetElements)] = ("nft list set inet t s", new GetSetElements(s_table, "s").ToCommand),
    };

    public static TheoryData<string> RequestTypes() =>
        [
            .. typeof(INetlinkRequest)
                .Assembly.GetTypes()
                .Where(static type => type.IsValueType && type.IsAssignableTo(typeof(INetlinkRequest)))
                .Select(static type => type.Name)
                .Order(StringComparer.Ordinal),
        ];

    [Theory, MemberData(nameof(RequestTypes))]
    public void Every_request_says_the_command_that_it_equals(string type)
    {
        s_samples.Should().ContainKey(type, "a new request needs a sample here");
        s_samples[type].Of(Commands.Names).Should().Be(s_samples[type].Command);
    }

    [Fact]
    public void What_is_sent_is_printed_and_what_is_refused_with_the_kernels_words()
    {
        List<string> lines = [];
        ScriptedChannel channel = new(
            static (channel, request) => channel.Answer(ScriptedChannel.Ack(ScriptedChannel.SequenceOf(request), Errno.EEXIST))
        );
        using NetlinkSocket socket = new(channel, static _ => "new link", new NetlinkTrace(lines.Add, null, "nsenter --net=/run/netns/a "));

        socket.TryExecute(new NewBridge("br0"), Errno.EEXIST).Should().BeFalse();

        lines
            .Should()
            .Equal(
                "nsenter --net=/run/netns/a ip link add br0 type bridge",
                "# File exists (errno 17): nsenter --net=/run/netns/a ip link add br0 type bridge"
            );
    }

    [Fact]
    public void A_link_that_is_made_under_a_chosen_number_is_named_at_once()
    {
        List<string> lines = [];
        ScriptedChannel channel = new(
            static (channel, request) => channel.Answer(ScriptedChannel.Ack(ScriptedChannel.SequenceOf(request), Errno.None))
        );
        using NetlinkSocket socket = new(channel, static _ => "", new NetlinkTrace(lines.Add, null, ""));

        socket.Execute(new NewBridge("br7") { Index = 7 });
        socket.Execute(new NewAddress(7, s_four, 24));

        lines.Should().Equal("ip link add br7 index 7 type bridge", "ip addr add 10.244.7.5/24 dev br7");
    }

    [Fact]
    public void Secrets_of_WireGuard_are_not_in_its_command()
    {
        byte[] bytes = [.. Enumerable.Range(1, 32).Select(static i => (byte)i)];
        WireGuardSecret secret = WireGuardSecret.Of(bytes);
        string command = new SetWireGuard("wg0")
        {
            PrivateKey = secret,
            Peers =
            [
                new WireGuardPeerChange(new WireGuardKey(bytes.Reverse().ToArray())) { PresharedKey = secret },
                new WireGuardPeerChange(new WireGuardKey(bytes.Reverse().ToArray())) { PresharedKey = WireGuardSecret.None },
            ],
        }.ToCommand(Commands.Names);

        string peer = Convert.ToBase64String([.. bytes.Reverse()]);
        command.Should().Be($"wg set wg0 private-key '(secret)' peer {peer} preshared-key '(secret)' peer {peer} preshared-key /dev/null");
    }

    [Fact]
    public void Without_a_wish_for_it_nothing_is_kept()
    {
        ScriptedChannel channel = new(
            static (channel, request) => channel.Answer(ScriptedChannel.Ack(ScriptedChannel.SequenceOf(request), Errno.None))
        );
        using NetlinkSocket socket = new(channel, static _ => "");
        MessageBuffer messages = new();

        socket.Append(messages, new DeleteLink(7), socket.NextSequence());

        NetlinkTrace.IsOn.Should().BeFalse();
        messages.Commands.Should().BeEmpty();
    }
}
