using System.Net;
using Kernel.Tests.Host.Ports;
using Twill.Host;
using Twill.Testing;
using static Kernel.Tests.Host.Ports.PortLab;
using static Kernel.Tests.Host.Ports.Responder;

namespace Kernel.Tests.Host;

/// <summary>Two networks on one host, and which containers reach which: each is tried, and tried again without the rules.</summary>
public sealed class IsolationTests : IDisposable
{
    private const string Stranger = "10.245.7.2",
        Stranger6 = "fd00:245::2";

    private static readonly FirewallSpec s_isolated = DualSpec with { IsolatedBut = [] };

    private readonly PortLab _lab = new(withIPv6: true);
    private readonly TestNetns _stranger = null!;

    public IsolationTests()
    {
        if (!Environment.IsPrivilegedProcess)
        {
            return;
        }

        _stranger = TestNetns.Create();
        _lab.Host.Sh(
            $"ip link set {Bridge} group {HostBridge.Group}; ip link add twill1 group {HostBridge.Group} type bridge; "
                + "ip address add 10.245.7.1/24 dev twill1; ip address add fd00:245::1/64 dev twill1 nodad; ip link set twill1 up; "
                + $"ip link add other type veth peer name eth0 netns {_stranger.Name}; ip link set other master twill1 up"
        );
        _stranger.Sh(
            "echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_dad; ip link set eth0 up; "
                + $"ip address add {Stranger}/24 dev eth0; ip address add {Stranger6}/64 dev eth0 nodad; "
                + "ip route add default via 10.245.7.1; ip -6 route add default via fd00:245::1"
        );
        _lab.Do(nft =>
            Firewall.Ensure(
                nft,
                s_isolated with
                {
                    Network = "net2",
                    Bridge = "twill1",
                    Local = [IPNetwork.Parse("10.245.0.0/16"), IPNetwork.Parse("fd00:245::/64")],
                }
            )
        );
        Eventually.True("the cable carries", () => _stranger.CanPing("10.245.7.1") && _stranger.CanPing("fd00:245::1"));
    }

    [RequiresRootTheory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public void Containers_of_another_network_are_kept_out_unless_it_is_not_isolated(bool isStrangerRouted, bool isPodRouted)
    {
        if (isStrangerRouted)
        {
            TakeOff("other", "10.245.7.1", Stranger, "fd00:245::1", Stranger6);
        }

        if (isPodRouted)
        {
            TakeOff(0);
        }

        Eventually.True("without the rules it reaches the container", () =>
            _stranger.CanPing($"{AddressOf(0)}") && _stranger.CanPing($"{AddressOf6(0)}")
        );
        _lab.Do(nft => Firewall.Ensure(nft, s_isolated)).Should().BeTrue();
        _stranger.CanPing($"{AddressOf(0)}").Should().BeFalse();
        _stranger.CanPing($"{AddressOf6(0)}").Should().BeFalse();
        _lab.Pods[0].CanPing(Stranger).Should().BeFalse("that network is isolated too");
        _lab.Pods[0].CanPing(Stranger6).Should().BeFalse("in both families");
        _lab.Host.CanPing($"{AddressOf(0)}").Should().BeTrue("the host reaches its containers");
        _lab.Pods[1].CanPing($"{AddressOf(0)}").Should().BeTrue("containers of the network reach each other");
        _lab.Pods[0].CanPing(OutsideAddress).Should().BeTrue();

        _lab.Do(nft => Firewall.Ensure(nft, DualSpec)).Should().BeTrue();
        _stranger.CanPing($"{AddressOf(0)}").Should().BeTrue("answers find the way back into a network that is isolated");
        _lab.Pods[0].CanPing(Stranger).Should().BeFalse();
    }

    [RequiresRootFact]
    public void Of_ipv6_the_same_and_what_comes_by_the_own_overlay_is_let_in()
    {
        _stranger.CanPing($"{AddressOf6(0)}").Should().BeTrue();
        _lab.Do(nft => Firewall.Ensure(nft, s_isolated));
        _stranger.CanPing($"{AddressOf6(0)}").Should().BeFalse();

        _lab.Do(nft => Firewall.Ensure(nft, s_isolated with { IsolatedBut = ["twill1"] }));
        _stranger.CanPing($"{AddressOf6(0)}").Should().BeTrue();
        _stranger.CanPing($"{AddressOf(0)}").Should().BeTrue();
    }

    [RequiresRootFact]
    public void Published_ports_are_reached_from_another_network()
    {
        using Responder pod = On(_lab.Pods[0], Tcp, 80, "pod0");
        _lab.Do(nft => Firewall.Ensure(nft, s_isolated));
        _lab.Publish("c0", Port(Tcp, 8080, 0, 80));

        Ask(_stranger, Tcp, HostAddress, 8080).Should().StartWith("pod0 ");
        Ask(_stranger, Tcp, $"{AddressOf(0)}", 80).Should().BeNull();
    }

    [RequiresRootFact]
    public void Containers_of_one_network_are_kept_apart_and_reach_all_else()
    {
        TakeOff(0);
        TakeOff(1);
        _lab.Host.Sh(
            "for i in pod0 pod1; do echo 1 >/proc/sys/net/ipv4/conf/$i/proxy_arp; echo 1 >/proc/sys/net/ipv6/conf/$i/proxy_ndp; done; "
                + $"ip neigh add proxy {AddressOf6(1)} dev pod0; ip neigh add proxy {AddressOf6(0)} dev pod1"
        );
        Eventually.True("without the rule they reach each other", () =>
            _lab.Pods[1].CanPing($"{AddressOf(0)}") && _lab.Pods[1].CanPing($"{AddressOf6(0)}")
        );

        _lab.Do(nft => Firewall.Ensure(nft, s_isolated with { Icc = false })).Should().BeTrue();
        _lab.Do(nft => Firewall.FindDifference(nft, s_isolated with { Icc = false }, [])).Should().BeNull();
        _lab.Pods[1].CanPing($"{AddressOf(0)}").Should().BeFalse();
        _lab.Pods[1].CanPing($"{AddressOf6(0)}").Should().BeFalse();
        _lab.Pods[1].CanPing(BridgeAddress).Should().BeTrue();
        _lab.Pods[1].CanPing(BridgeAddress6).Should().BeTrue();
        _lab.Pods[1].CanPing(OutsideAddress).Should().BeTrue();
        _lab.Host.CanPing($"{AddressOf(0)}").Should().BeTrue();

        using Responder pod = On(_lab.Pods[0], Tcp, 80, "pod0");
        _lab.Publish("c0", Port(Tcp, 8080, 0, 80));
        Ask(_lab.Pods[1], Tcp, HostAddress, 8080).Should().StartWith("pod0 ", "a published port is the exception");
        Ask(_lab.Pods[1], Tcp, $"{AddressOf(0)}", 80).Should().BeNull();
    }

    public void Dispose()
    {
        _stranger?.Dispose();
        _lab.Dispose();
    }

    private void TakeOff(int pod) => TakeOff($"pod{pod}", BridgeAddress, $"{AddressOf(pod)}", BridgeAddress6, $"{AddressOf6(pod)}");

    /// <summary>Takes a container off its bridge, as one past its ports.</summary>
    private void TakeOff(string end, string gateway, string address, string gateway6, string address6)
    {
        _lab.Host.Sh(
            $"ip link set {end} nomaster group {RoutedVeth.Group}; ip link set {end} up; "
                + $"ip address add {gateway} peer {address}/32 dev {end}; "
                + $"ip address add {gateway6}/128 dev {end} nodad; ip route add {address6}/128 dev {end}; "
                + $"for i in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 0 >$i; done; for i in twill0 twill1 {end}; do "
                + "echo 1 >/proc/sys/net/ipv4/conf/$i/proxy_arp; echo 0 >/proc/sys/net/ipv4/neigh/$i/proxy_delay; done; ip neigh flush all"
        );
        foreach (TestNetns ns in (TestNetns[])[_stranger, .. _lab.Pods])
        {
            ns.Ip("neigh flush all");
        }
    }
}
