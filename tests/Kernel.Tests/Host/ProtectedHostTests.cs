using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using Kernel.Tests.Host.Ports;
using Twill.Linux;
using Twill.Testing;
using static Kernel.Tests.Host.Ports.PortLab;
using static Kernel.Tests.Host.Ports.Responder;

namespace Kernel.Tests.Host;

/// <summary>What the network's table keeps from the host and from who is beside it: each is tried, and tried again without the
/// rule.</summary>
public sealed class ProtectedHostTests : IDisposable
{
    private readonly PortLab _lab = new();

    /// <summary>https://github.com/moby/moby/issues/41872.</summary>
    [RequiresRootTheory]
    [InlineData("127.0.0.1")]
    [InlineData("0.0.0.0")]
    public void A_neighbour_on_the_link_does_not_reach_what_is_published_at_the_hosts_loopback(string publishedAt)
    {
        using Responder pod = On(_lab.Pods[0], Tcp, 80, "pod0");
        _lab.Publish("c0", Port(Tcp, 8080, 0, 80, at: publishedAt));
        _lab.Outside.Sh(
            "echo 1 > /proc/sys/net/ipv4/conf/eth0/route_localnet; ip addr del 127.0.0.1/8 dev lo; ip route add 127.0.0.0/8 via "
                + $"{HostAddress} src {OutsideAddress}"
        );

        Ask(_lab.Outside, Tcp, "127.0.0.1", 8080).Should().BeNull();
        Ask(_lab.Host, Tcp, "127.0.0.1", 8080).Should().StartWith("pod0 ", "the host itself is whom it is for");
        _lab.Host.Nft($"flush chain inet twill-{Network} loopback");
        Ask(_lab.Outside, Tcp, "127.0.0.1", 8080).Should().StartWith("pod0 ", "the chain it is that keeps them out");
    }

    /// <summary>https://github.com/moby/moby/issues/44015.</summary>
    [RequiresRootFact]
    public void What_belongs_to_no_connection_does_not_leave_with_a_containers_address()
    {
        _lab.Outside.Run(
                "nft",
                "add table inet seen; add chain inet seen in { type filter hook prerouting priority raw; }; "
                    + "add rule inet seen in ip saddr 10.244.0.0/16 counter"
            )
            .OrThrow();

        SendReset(_lab.Pods[0], OutsideAddress);
        _lab.Pods[0].CanPing(OutsideAddress).Should().BeTrue("what was sent before has arrived, if it ever does");
        Seen().Should().Be(0);

        _lab.Host.Nft($"flush chain inet twill-{Network} forward");
        SendReset(_lab.Pods[0], OutsideAddress);
        Eventually.True("it arrives with the container's address", () => Seen() > 0);
    }

    public void Dispose() => _lab.Dispose();

    private int Seen() =>
        int.Parse(
            Regex.Match(_lab.Outside.Nft("list table inet seen"), "counter packets ([0-9]+)").Groups[1].Value,
            CultureInfo.InvariantCulture
        );

    /// <summary>A TCP segment that ends a connection that there never was.</summary>
    private static void SendReset(TestNetns from, string to)
    {
        using NetNs ns = NetNs.Open(from.Path);
        using Socket raw = ns.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Raw, ProtocolType.Tcp));
        byte[] segment = new byte[20];
        (segment[1], segment[3], segment[12], segment[13]) = (99, 80, 0x50, 0x04); // from port 99 to 80, five words, RST
        raw.SendTo(segment, new IPEndPoint(IPAddress.Parse(to), 0));
    }
}
