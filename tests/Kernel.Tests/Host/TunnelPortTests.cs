using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using Kernel.Tests.Host.Ports;
using Twill.Host;
using Twill.Linux;
using Twill.Network.Configuration;
using Twill.Testing;
using static Kernel.Tests.Host.Ports.PortLab;

namespace Kernel.Tests.Host;

/// <summary>
/// Who may put frames into the overlay. A frame is a UDP packet, which anybody sends who has a socket; what it holds would reach a
/// container with any source address.
/// </summary>
public sealed class TunnelPortTests : IDisposable
{
    private const int Vxlan = 4789;
    private static readonly FirewallSpec s_spec = DualSpec with { TunnelPort = new TunnelPort(Vxlan, 1) };

    private readonly PortLab _lab = new(withIPv6: true);
    private readonly TunnelPeers _peers = new(Network);

    public TunnelPortTests()
    {
        if (!Environment.IsPrivilegedProcess)
        {
            return;
        }

        _lab.Host.Sh(
            $"ip link add twill.1 address 02:00:00:00:00:01 type vxlan id 1 local {HostAddress} dstport {Vxlan} nolearning; "
                + $"ip link add twill-v6.1 address 02:00:00:00:00:01 type vxlan id 1 local {HostAddress6} dstport {Vxlan} nolearning; "
                + "ip link set twill.1 up; ip link set twill-v6.1 up; ip route add 10.244.9.0/24 dev twill.1; "
                + "for i in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 0 >$i; done"
        );
        _lab.Do(nft => Firewall.Ensure(nft, s_spec));
        Count(_lab.Pods[0], "ip saddr 10.244.9.9");
    }

    [RequiresRootTheory]
    [InlineData("pod", BridgeAddress, false)]
    [InlineData("pod", HostAddress, false)]
    [InlineData("pod", BridgeAddress6, false)]
    [InlineData("pod", HostAddress, true)]
    [InlineData("pod", HostAddress6, true)]
    [InlineData("neighbour", HostAddress, false)]
    [InlineData("neighbour", HostAddress6, false)]
    public void Nobody_but_a_peer_puts_frames_into_the_overlay(string who, string to, bool isRouted)
    {
        TestNetns from = who == "pod" ? _lab.Pods[1] : _lab.Outside;
        if (isRouted)
        {
            Route(1);
        }

        SendFrame(from, to, vni: 1);
        from.CanPing(to).Should().BeTrue("what was sent before has arrived, if it ever does");
        Seen(_lab.Pods[0]).Should().Be(0);

        _lab.Host.Nft($"flush chain inet twill-{Network} tunnel");
        SendFrame(from, to, vni: 1);
        Eventually.True("without the chain it reaches the container", () => Seen(_lab.Pods[0]) > 0);
    }

    [RequiresRootTheory]
    [InlineData(HostAddress, OutsideAddress)]
    [InlineData(HostAddress6, OutsideAddress6)]
    public void A_peer_does_and_a_container_with_a_peers_address_does_not(string to, string peer)
    {
        _lab.Do(nft => _peers.Replace(nft, [IPAddress.Parse(peer)]));
        SendFrame(_lab.Outside, to, vni: 1);
        Eventually.True("a peer's frame reaches the container", () => Seen(_lab.Pods[0]) > 0);

        int before = Seen(_lab.Pods[0]);
        _lab.Pods[1].Sh($"ip address add {peer}/{(peer.Contains(':') ? "128 nodad" : "32")} dev eth0");
        SendFrame(_lab.Pods[1], to, vni: 1, from: peer);
        _lab.Pods[1].CanPing(BridgeAddress).Should().BeTrue();
        Seen(_lab.Pods[0]).Should().Be(before);
    }

    [RequiresRootTheory]
    [InlineData(OutsideAddress, false)]
    [InlineData(OutsideAddress6, false)]
    [InlineData(OutsideAddress, true)]
    [InlineData(OutsideAddress6, true)]
    public void A_container_sends_no_frames_of_the_network_to_other_hosts(string to, bool isRouted)
    {
        if (isRouted)
        {
            Route(1);
        }

        Count(_lab.Outside, $"udp dport {Vxlan}");
        SendFrame(_lab.Pods[1], to, vni: 1);
        _lab.Pods[1].CanPing(to).Should().BeTrue();
        Seen(_lab.Outside).Should().Be(0);

        SendFrame(_lab.Pods[1], to, vni: 2);
        Eventually.True("another overlay is none of ours", () => Seen(_lab.Outside) == 1);
        _lab.Host.Nft($"flush chain inet twill-{Network} forward");
        SendFrame(_lab.Pods[1], to, vni: 1);
        Eventually.True("without the rule it leaves, with the host's address", () => Seen(_lab.Outside) == 2);
    }

    [RequiresRootFact]
    public void Overlays_of_others_and_among_containers_are_let_through()
    {
        Count(_lab.Host, $"iifname out0 udp dport {Vxlan}", "input");
        SendFrame(_lab.Outside, HostAddress, vni: 2);
        Eventually.True("another identifier at the same port arrives", () => Seen(_lab.Host) == 1);

        _lab.Pods[0].Nft("flush table inet seen");
        _lab.Pods[0].Nft($"add rule inet seen in udp dport {Vxlan} counter");
        SendFrame(_lab.Pods[1], $"{AddressOf(0)}", vni: 1);
        Eventually.True("a container's own overlay arrives", () => Seen(_lab.Pods[0]) == 1);
    }

    [RequiresRootFact]
    public void Containers_do_not_reach_the_port_of_wireguard()
    {
        _lab.Do(nft => Firewall.Ensure(nft, s_spec with { TunnelPort = new TunnelPort(51820, Vni: null) }));
        Count(_lab.Host, "udp dport 51820", "input");

        SendFrame(_lab.Pods[1], HostAddress, vni: 1, port: 51820);
        _lab.Pods[1].CanPing(HostAddress).Should().BeTrue();
        Seen(_lab.Host).Should().Be(0);
        SendFrame(_lab.Outside, HostAddress, vni: 1, port: 51820);
        Eventually.True("who is outside proves himself", () => Seen(_lab.Host) == 1);
    }

    [RequiresRootFact]
    public void Thousands_of_peers_come_and_go_one_by_one_and_stay_when_the_table_is_made_anew()
    {
        IPAddress[] all = [.. Enumerable.Range(0, 4000).Select(i => new IPAddress([172, 16, (byte)(i / 250), (byte)(i % 250)]))];
        IPAddress twice = all[7],
            six = IPAddress.Parse("2001:db8::9");
        _lab.Do(nft => _peers.Replace(nft, [.. all, twice, six])).Should().BeTrue();
        _lab.Do(nft => _peers.Replace(nft, [.. all, twice, six])).Should().BeFalse();
        Peers("peers").Should().HaveCount(4000);
        Peers("peers6").Should().Equal("\"2001:db8::9\"");

        _lab.Do(nft => _peers.TryFollow(nft, [twice, all[8], six], [IPAddress.Parse("172.17.0.1")])).Should().BeTrue();
        Peers("peers").Should().HaveCount(4000).And.Contain($"\"{twice}\"", "its host has another subnet").And.NotContain($"\"{all[8]}\"");
        Peers("peers6").Should().BeEmpty();
        _lab.Do(nft => _peers.TryFollow(nft, [twice], [])).Should().BeTrue();
        Peers("peers").Should().HaveCount(3999);

        _lab.Do(nft => Firewall.Ensure(nft, s_spec with { Masquerade = false })).Should().BeTrue();
        Peers("peers").Should().HaveCount(3999);
        _lab.Host.Nft($"flush set inet twill-{Network} peers");
        _lab.Do(nft => _peers.TryFollow(nft, [all[0]], [])).Should().BeFalse("somebody took it away");
        _lab.Do(nft => _peers.Replace(nft, all)).Should().BeTrue();
        Peers("peers").Should().HaveCount(4000);
    }

    [RequiresRootFact]
    public void A_table_without_peers_gets_those_that_the_devices_send_to()
    {
        string alias = OverlaySpec.AliasOf(Network);
        _lab.Host.Sh($"ip link set twill.1 alias '{alias}'; ip link set twill-v6.1 alias '{alias}'");
        _lab.Host.Bridge("fdb add 02:00:00:00:00:07 dev twill.1 dst 192.0.2.7 self permanent");
        _lab.Host.Bridge("fdb add 02:00:00:00:00:07 dev twill-v6.1 dst 2001:db8:1::7 self permanent");
        FindMissing().Should().Equal("192.0.2.7", "2001:db8:1::7");

        _lab.Host.Nft("flush ruleset");
        _lab.OnHost(route => _lab.Do(nft => Firewall.Ensure(nft, s_spec, TunnelPeers.InUse(route, Network))));

        Peers("peers").Should().Equal("\"192.0.2.7\"");
        Peers("peers6").Should().Equal("\"2001:db8:1::7\"");
        FindMissing().Should().BeEmpty();

        List<string> FindMissing()
        {
            List<string> missing = [];
            _lab.OnHost(route => missing = _lab.Do(nft => TunnelPeers.FindMissing(nft, route, Network)).ConvertAll(a => a.ToString()));
            return missing;
        }
    }

    [RequiresRootTheory]
    [InlineData("flush chain inet twill-net1 tunnel", "chain tunnel of nftables table inet twill-net1 lacks the rule 'tunnel packets from")]
    [InlineData("flush chain inet twill-net1 forward", "lacks the rule 'tunnel packets from containers to other hosts'")]
    public void What_was_taken_away_is_named(string damage, string told)
    {
        _lab.Do(nft => Firewall.FindDifference(nft, s_spec, [])).Should().BeNull();
        _lab.Host.Nft(damage);
        _lab.Do(nft => Firewall.FindDifference(nft, s_spec, [])).Should().Contain(told);
    }

    public void Dispose() => _lab.Dispose();

    private List<string> Peers(string set) => _lab.Elements("set", set);

    /// <summary>Takes a container off the bridge, as one that the bridge has no port for.</summary>
    private void Route(int pod)
    {
        _lab.Host.Sh($"ip link set pod{pod} nomaster group {RoutedVeth.Group}; ip link set pod{pod} up");
        _lab.Host.Ip($"address add {BridgeAddress} peer {AddressOf(pod)}/32 dev pod{pod}");
        _lab.Host.Ip($"address add {BridgeAddress6}/128 dev pod{pod} nodad");
        _lab.Host.Ip($"route add {AddressOf6(pod)}/128 dev pod{pod}");
        _lab.Pods[pod].Ip("neigh flush all");
        Eventually.True("it is reached past the bridge", () =>
            _lab.Pods[pod].CanPing(BridgeAddress) && _lab.Pods[pod].CanPing(BridgeAddress6)
        );
    }

    private static void Count(TestNetns at, string what, string hook = "prerouting") =>
        at.Run(
                "nft",
                $"add table inet seen; add chain inet seen in {{ type filter hook {hook} priority 0; }}; "
                    + $"add rule inet seen in {what} counter"
            )
            .OrThrow();

    private static int Seen(TestNetns at) =>
        int.Parse(Regex.Match(at.Nft("list table inet seen"), "counter packets ([0-9]+)").Groups[1].Value, CultureInfo.InvariantCulture);

    /// <summary>A frame for the overlay device with an IPv4 packet from 10.244.9.9 to the first container, by a plain UDP socket.</summary>
    private static void SendFrame(TestNetns sender, string to, uint vni, string? from = null, int port = Vxlan)
    {
        IPAddress target = IPAddress.Parse(to);
        using NetNs ns = NetNs.Open(sender.Path);
        using Socket socket = ns.Run(() => new Socket(target.AddressFamily, SocketType.Dgram, ProtocolType.Udp));
        if (from is not null)
        {
            socket.Bind(new IPEndPoint(IPAddress.Parse(from), 0));
        }

        byte[] vxlan = [0x08, 0, 0, 0, (byte)(vni >> 16), (byte)(vni >> 8), (byte)vni, 0];
        byte[] ethernet = [0x02, 0, 0, 0, 0, 0x01, 0x02, 0, 0, 0, 0, 0x99, 0x08, 0x00];
        byte[] ip = [0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 244, 9, 9, .. AddressOf(0).GetAddressBytes()];
        byte[] udp = [0x27, 0x0f, 0x27, 0x0f, 0, 8, 0, 0];
        BinaryPrimitives.WriteUInt16BigEndian(ip.AsSpan(10), Checksum(ip));
        socket.SendTo([.. vxlan, .. ethernet, .. ip, .. udp], new IPEndPoint(target, port));
    }

    private static ushort Checksum(ReadOnlySpan<byte> header)
    {
        uint sum = 0;
        for (int i = 0; i < header.Length; i += 2)
        {
            sum += BinaryPrimitives.ReadUInt16BigEndian(header[i..]);
        }

        return (ushort)~((sum & 0xffff) + (sum >> 16));
    }
}
