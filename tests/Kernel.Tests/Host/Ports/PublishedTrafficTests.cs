using Twill.Testing;
using static Kernel.Tests.Host.Ports.PortLab;
using static Kernel.Tests.Host.Ports.Responder;

namespace Kernel.Tests.Host.Ports;

/// <summary>Who reaches a published port, at which addresses, and for whom the container takes them.</summary>
public sealed class PublishedTrafficTests : IDisposable
{
    private readonly PortLab _lab = new();

    [RequiresRootTheory]
    [InlineData(Tcp)]
    [InlineData(Udp)]
    public void The_outside_and_the_host_reach_the_container_and_it_sees_who_asks(byte protocol)
    {
        using Responder pod = On(_lab.Pods[0], protocol, 80, "pod0");
        Ask(_lab.Outside, protocol, HostAddress, 8080).Should().BeNull("nothing is published yet");

        _lab.Publish("c0", Port(protocol, 8080, 0, 80));

        Ask(_lab.Outside, protocol, HostAddress, 8080).Should().Be($"pod0 {OutsideAddress}");
        Ask(_lab.Host, protocol, HostAddress, 8080).Should().Be($"pod0 {HostAddress}");
        Ask(_lab.Host, protocol, BridgeAddress, 8080).Should().Be($"pod0 {BridgeAddress}");
        Ask(_lab.Host, protocol, "127.0.0.1", 8080).Should().Be($"pod0 {BridgeAddress}", "127.0.0.1 could not be answered");
        Ask(_lab.Outside, protocol, HostAddress, 80).Should().BeNull("only the host port is published");

        _lab.Release("c0").Should().ContainSingle();
        Ask(_lab.Host, protocol, BridgeAddress, 8080).Should().BeNull();
    }

    [RequiresRootTheory]
    [InlineData(Tcp, 0)]
    [InlineData(Tcp, 1)]
    [InlineData(Udp, 0)]
    [InlineData(Udp, 1)]
    public void Containers_reach_their_own_and_a_neighbours_published_port_with_and_without_br_netfilter(byte protocol, int bridgeNetfilter)
    {
        _lab.Host.Sh($"echo {bridgeNetfilter} > /proc/sys/net/bridge/bridge-nf-call-iptables");
        using Responder own = On(_lab.Pods[0], protocol, 80, "pod0"),
            other = On(_lab.Pods[1], protocol, 80, "pod1");
        _lab.Publish("c0", Port(protocol, 8080, 0, 80));
        _lab.Publish("c1", Port(protocol, 8081, 1, 80, at: HostAddress));

        Ask(_lab.Pods[0], protocol, HostAddress, 8080).Should().Be($"pod0 {BridgeAddress}");
        Ask(_lab.Pods[0], protocol, BridgeAddress, 8080).Should().Be($"pod0 {BridgeAddress}");
        Ask(_lab.Pods[0], protocol, HostAddress, 8081).Should().Be($"pod1 {BridgeAddress}");
        Ask(_lab.Pods[1], protocol, HostAddress, 8080).Should().Be($"pod0 {BridgeAddress}");
        Ask(_lab.Pods[1], protocol, AddressOf(0).ToString(), 80).Should().Be($"pod0 {AddressOf(1)}", "what needs no translation gets none");
    }

    [RequiresRootFact]
    public void Translations_of_others_keep_the_containers_address()
    {
        using Responder pod = On(_lab.Pods[0], Tcp, 80, "pod0");
        _lab.Publish("c0", Port(Tcp, 8080, 0, 80));
        _lab.Host.Nft(
            $"add table ip other {{ chain c {{ type nat hook prerouting priority -110 ; ip daddr 10.96.0.1 tcp dport 443 dnat to "
                + $"{AddressOf(0)}:80 ; }} ; }}"
        );

        Ask(_lab.Pods[1], Tcp, "10.96.0.1", 443).Should().Be($"pod0 {AddressOf(1)}");
    }

    [RequiresRootFact]
    public void A_port_at_one_address_is_published_there_alone()
    {
        using Responder first = On(_lab.Pods[0], Tcp, 80, "pod0"),
            second = On(_lab.Pods[1], Tcp, 80, "pod1");
        _lab.Publish("c0", Port(Tcp, 8080, 0, 80, at: HostAddress), Port(Tcp, 8081, 0, 80, at: "127.0.0.1"));
        _lab.Publish("c1", Port(Tcp, 8080, 1, 80, at: BridgeAddress));

        Ask(_lab.Outside, Tcp, HostAddress, 8080).Should().StartWith("pod0 ");
        Ask(_lab.Host, Tcp, HostAddress, 8080).Should().StartWith("pod0 ");
        Ask(_lab.Host, Tcp, BridgeAddress, 8080).Should().StartWith("pod1 ");
        Ask(_lab.Host, Tcp, "127.0.0.1", 8080).Should().BeNull();
        Ask(_lab.Host, Tcp, "127.0.0.1", 8081).Should().StartWith("pod0 ");
        Ask(_lab.Host, Tcp, HostAddress, 8081).Should().BeNull();
        Ask(_lab.Outside, Tcp, HostAddress, 8081).Should().BeNull();
    }

    [RequiresRootFact]
    public void Protocols_do_not_mix()
    {
        using Responder tcp = On(_lab.Pods[0], Tcp, 53, "tcp"),
            udp = On(_lab.Pods[1], Udp, 5353, "udp");
        _lab.Publish("c0", Port(Tcp, 53, 0, 53));
        _lab.Publish("c1", Port(Udp, 53, 1, 5353));

        Ask(_lab.Outside, Tcp, HostAddress, 53).Should().StartWith("tcp ");
        Ask(_lab.Outside, Udp, HostAddress, 53).Should().StartWith("udp ");
    }

    [RequiresRootFact]
    public void Sctp_is_translated_there_and_back()
    {
        _lab.Publish("c0", Port(Sctp, 3868, 0, 3869));

        string script = Path.Combine(RepoPaths.Root, "tests/Kernel.Tests/Host/Ports/sctp.py");
        using TempDir directory = TempDir.Create();
        using Daemon server = Daemon.Start(
            "sctp",
            [.. _lab.Pods[0].Enter, "/usr/bin/python3", script, "serve", "3869"],
            directory.At("log")
        );
        Eventually.True("the server listens", () => server.Log.Contains("ready"), onFailure: () => server.Log);

        _lab.Outside.Run("/usr/bin/python3", script, "ask", HostAddress, "3868")
            .OrThrow()
            .Stdout.Trim()
            .Should()
            .Be($"INIT ACK from {HostAddress}:3868", "the answer comes from where it was asked");
        server.Log.Should().Contain($"INIT from {OutsideAddress} to port 3869");
    }

    [RequiresRootFact]
    public void What_listens_on_the_hosts_loopback_is_not_opened_to_containers()
    {
        using Responder secret = On(_lab.Host, Tcp, 9000, "secret", "127.0.0.1");
        _lab.Pods[0]
            .Sh(
                $"echo 1 > /proc/sys/net/ipv4/conf/eth0/route_localnet; ip addr del 127.0.0.1/8 dev lo; ip route add 127.0.0.0/8 via "
                    + $"{BridgeAddress} src {AddressOf(0)}"
            );

        Ask(_lab.Pods[0], Tcp, "127.0.0.1", 9000).Should().BeNull();
        _lab.Host.Nft($"flush chain inet twill-{Network} loopback");
        Ask(_lab.Pods[0], Tcp, "127.0.0.1", 9000).Should().StartWith("secret ", "the chain it is that keeps them out");
    }

    public void Dispose() => _lab.Dispose();
}
