using System.Buffers.Binary;
using System.Net;
using Twill.Linux;
using Twill.Testing;

namespace Kernel.Tests.Pings;

/// <summary>Which link an answer comes by, and that what this host answers itself is none.</summary>
public sealed class EchoSocketTests : IDisposable
{
    private const ushort Identifier = 4711;

    private readonly TestNetns _here = TestNetns.Create(),
        _there = TestNetns.Create();

    public EchoSocketTests()
    {
        _here.Ip($"link add eth0 type veth peer name eth0 netns {_there.Name}");
        _here.Ip("address add 192.168.50.11/24 dev eth0");
        _here.Ip("address add fd00:50::11/64 dev eth0 nodad");
        _here.Ip("link set eth0 up");
        _there.Ip("address add 192.168.50.12/24 dev eth0");
        _there.Ip("address add fd00:50::12/64 dev eth0 nodad");
        _there.Ip("link set eth0 up");
        _there.Sh("echo 1 > /proc/sys/net/ipv4/ip_forward; echo 1 > /proc/sys/net/ipv6/conf/all/forwarding");
        _there.Ip("link add containers type bridge");
        _there.Ip("address add 10.244.7.1/24 dev containers");
        _there.Ip("address add fd00:7::1/64 dev containers nodad");
        _there.Ip("link set containers up");
        _here.Ip("route add 10.244.7.0/24 via 192.168.50.12");
        _here.Ip("route add fd00:7::/64 via fd00:50::12");
    }

    [RequiresRootTheory]
    [InlineData("192.168.50.11", "10.244.7.1")]
    [InlineData("fd00:50::11", "fd00:7::1")]
    public void A_reply_tells_the_link_that_it_came_by(string from, string to)
    {
        using EchoSocket socket = Open(from);

        Ask(socket, to, EchoSocket.DefaultHops)
            .Should()
            .Be(new Received(IsExpired: false, IPAddress.Parse(to), _here.IndexOf("eth0")));
    }

    [RequiresRootTheory]
    [InlineData("192.168.50.11", "10.244.8.1")]
    [InlineData("fd00:50::11", "fd00:8::1")]
    public void What_this_host_answers_itself_is_no_answer(string from, string to)
    {
        _here.Ip("link add twill.1 type vxlan id 1 dstport 4789");
        _here.Ip($"address add {to}/{(to.Contains(':') ? "64 nodad" : "24")} dev twill.1");
        _here.Ip("link set twill.1 up");
        using EchoSocket socket = Open(from);
        _here.CanPing(to).Should().BeTrue();

        Ask(socket, to, EchoSocket.DefaultHops, tries: 2).Should().BeNull();
    }

    [RequiresRootTheory]
    [InlineData("192.168.50.11", "10.244.7.9", "192.168.50.12")]
    [InlineData("fd00:50::11", "fd00:7::9", "fd00:50::12")]
    public void A_router_at_which_the_hop_limit_ends_says_so_by_the_link_that_leads_to_it(string from, string to, string router)
    {
        using EchoSocket socket = Open(from);

        Ask(socket, to, hops: 1).Should().Be(new Received(IsExpired: true, IPAddress.Parse(router), _here.IndexOf("eth0")));
    }

    public void Dispose()
    {
        _here.Dispose();
        _there.Dispose();
    }

    private EchoSocket Open(string from)
    {
        using NetNs ns = NetNs.Open(_here.Path);
        EchoSocket? socket = null;
        Eventually.True("the address may be used", () => (socket = ns.Run(() => EchoSocket.TryOpen(IPAddress.Parse(from)))) is not null);
        return socket!;
    }

    /// <summary>Sends until an answer comes: the neighbour must be found first.</summary>
    private static Received? Ask(EchoSocket socket, string to, int hops, int tries = 20)
    {
        byte[] packet = new byte[EchoPacket.HeaderLength + 56],
            buffer = new byte[1500];
        EchoPacket.WriteRequest(packet, socket.IsIPv6, Identifier, 1);
        for (int i = 0; i < tries; i++)
        {
            socket.Send(NumberOf(IPAddress.Parse(to)), packet, hops);
            EchoSocket.Wait([socket], 500);
            while (socket.TryReceive(buffer, out Echo echo, out UInt128 source, out int link))
            {
                if (echo.Identifier == Identifier && (echo.IsReply || echo.IsExpired))
                {
                    return new Received(echo.IsExpired, AddressOf(source, socket.IsIPv6), link);
                }
            }
        }

        return null;
    }

    private static UInt128 NumberOf(IPAddress address)
    {
        byte[] bytes = address.GetAddressBytes();
        return bytes.Length == 4 ? BinaryPrimitives.ReadUInt32BigEndian(bytes) : BinaryPrimitives.ReadUInt128BigEndian(bytes);
    }

    private static IPAddress AddressOf(UInt128 number, bool isIPv6)
    {
        byte[] bytes = new byte[16];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, number);
        return new IPAddress(isIPv6 ? bytes : bytes[12..]);
    }

    private sealed record Received(bool IsExpired, IPAddress Source, int Link);
}
