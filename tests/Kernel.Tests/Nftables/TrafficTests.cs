using System.Net;
using System.Net.Sockets;
using System.Text;
using Twill.Linux;
using Twill.Linux.Nftables;
using Twill.Linux.Nftables.Expressions;
using Twill.Testing;

namespace Kernel.Tests.Nftables;

/// <summary>
/// Rules do to packets what they say: a container (10.244.7.2), its host (10.244.7.1, 192.0.2.1), and a machine outside (192.0.2.2) that
/// has no route to the container.
/// </summary>
public sealed class TrafficTests : IDisposable
{
    private const byte Tcp = 6;
    private const string Outside = "192.0.2.2",
        HostOutside = "192.0.2.1",
        Container = "10.244.7.2";

    private static readonly TableId Table = NftTestNetns.Table;
    private static readonly NftSet s_local = new(Table, "local", NftType.Ipv4Addr) { Interval = true };
    private static readonly NftSet s_exempt = new(Table, "exempt", NftType.Ipv4Addr) { Interval = true };

    private readonly NftTestNetns _host = new();
    private readonly TestNetns _container = TestNetns.Create(),
        _outside = TestNetns.Create();

    [RequiresRootFact]
    public void A_container_reaches_the_outside_by_masquerade_and_not_without_it_nor_where_exempt()
    {
        Connect();
        Pings(_container, Outside).Should().BeFalse("the machine outside has no route back");

        SetUp(new NewChain(Table, "postrouting", new BaseChain(ChainType.Nat, NftHook.Postrouting, ChainPriority.Srcnat)))
            .Add(new NewRule(Table, "postrouting", Rule.For(Table).SaddrIn(s_local).DaddrNotIn(s_exempt).Masquerade(NatFlags.FullyRandom)))
            .Send();
        Pings(_container, Outside).Should().BeTrue();

        using TcpListener listener = Listen(_outside, IPAddress.Parse(Outside), 7000);
        Talk(_container, Outside, 7000, listener, out IPAddress seen).Should().Be("hello");
        seen.Should().Be(IPAddress.Parse(HostOutside), "connections come from the host's address");

        _host.Socket.NewBatch().AddElements(s_exempt, SetElement.Of(IPNetwork.Parse("192.0.2.0/24"))).Send();
        Pings(_container, Outside).Should().BeFalse("it is exempt now");
    }

    [RequiresRootFact]
    public void A_published_port_leads_to_the_container_as_long_as_it_is_in_the_map()
    {
        Connect();
        NftSet ports = new(Table, "ports", NftType.Concat(NftType.InetProto, NftType.InetService))
        {
            Data = NftType.Concat(NftType.Ipv4Addr, NftType.InetService),
        };
        SetElement published = SetElement
            .Of(NftData.Of(Tcp), NftData.OfPort(8080))
            .To(NftData.Of(IPAddress.Parse(Container)), NftData.OfPort(80));
        SetUp(new NewChain(Table, "prerouting", new BaseChain(ChainType.Nat, NftHook.Prerouting, ChainPriority.Dstnat)))
            .Add(new NewSet(ports))
            .Add(new NewRule(Table, "prerouting", Rule.For(Table).DaddrIsLocal().DnatBy(ports, KeyPart.L4Proto, KeyPart.Dport)))
            .AddElements(ports, published)
            .Send();
        using TcpListener listener = Listen(_container, IPAddress.Any, 80);

        Talk(_outside, HostOutside, 8080, listener, out IPAddress seen).Should().Be("hello");
        seen.Should().Be(IPAddress.Parse(Outside), "the container sees who calls");

        _host.Socket.NewBatch().DeleteElements(ports, published).Send();
        FluentActions.Invoking(() => Talk(_outside, HostOutside, 8080, listener, out _)).Should().Throw<SocketException>();
    }

    [RequiresRootFact]
    public void Forwarding_follows_verdicts_in_their_order()
    {
        Connect();
        _outside.Ip($"route add 10.244.7.0/24 via {HostOutside}");
        Pings(_container, Outside).Should().BeTrue();
        BaseChain drop = new(ChainType.Filter, NftHook.Forward, ChainPriority.Filter, ChainPolicy.Drop);
        SetUp(new NewChain(Table, "forward", drop)).Send();
        Pings(_container, Outside).Should().BeFalse("the policy drops");

        _host
            .Socket.NewBatch()
            .Add(new NewRule(Table, "forward", Rule.For(Table).CtState(CtState.Established | CtState.Related).Accept()))
            .Add(new NewRule(Table, "forward", Rule.For(Table).SaddrIn(s_local).OifName("out*").Accept()))
            .Send();
        Pings(_container, Outside).Should().BeTrue();
        Pings(_outside, Container).Should().BeFalse("new connections only from the container");
    }

    public void Dispose()
    {
        _container.Dispose();
        _outside.Dispose();
        _host.Dispose();
    }

    private static bool Pings(TestNetns from, string to) => from.Run("ping", "-c", "1", "-W", "1", to).ExitCode == 0;

    private void Connect()
    {
        _host.Namespace.Sh("echo 1 > /proc/sys/net/ipv4/ip_forward");
        _host.Namespace.Ip($"link add pod0 type veth peer name eth0 netns {_container.Name}");
        _host.Namespace.Ip($"link add out0 type veth peer name eth0 netns {_outside.Name}");
        _host.Namespace.Ip("addr add 10.244.7.1/24 dev pod0");
        _host.Namespace.Ip($"addr add {HostOutside}/24 dev out0");
        _host.Namespace.Ip("link set pod0 up");
        _host.Namespace.Ip("link set out0 up");
        _container.Ip($"addr add {Container}/24 dev eth0");
        _container.Ip("link set eth0 up");
        _container.Ip("route add default via 10.244.7.1");
        _outside.Ip($"addr add {Outside}/24 dev eth0");
        _outside.Ip("link set eth0 up");
        foreach (TestNetns place in (TestNetns[])[_container, _outside])
        {
            place.WaitForCarrier("eth0");
        }

        foreach (string link in (string[])["pod0", "out0"])
        {
            _host.Namespace.WaitForCarrier(link);
        }
    }

    private NftBatch SetUp(NewChain chain) =>
        _host
            .Socket.NewBatch()
            .Add(new NewTable(Table))
            .Add(new NewSet(s_local))
            .Add(new NewSet(s_exempt))
            .AddElements(s_local, SetElement.Of(IPNetwork.Parse("10.244.7.0/24")))
            .Add(chain);

    // A socket belongs to the namespace of the thread that made it.
    private static T In<T>(TestNetns ns, Func<T> body)
    {
        using NetNs opened = NetNs.Open(ns.Path);
        return opened.Run(body);
    }

    private static TcpListener Listen(TestNetns ns, IPAddress address, int port) => In(ns, () =>
        {
            TcpListener listener = new(address, port);
            listener.Start();
            return listener;
        });

    // Connects, says hello, and gives what the listener heard, and from whom.
    private static string Talk(TestNetns from, string address, int port, TcpListener listener, out IPAddress seen)
    {
        using Socket client = In(from, () => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
        client.Connect(IPAddress.Parse(address), port);
        client.Send("hello"u8);
        client.Shutdown(SocketShutdown.Send);
        using Socket server = listener.AcceptSocket();
        server.ReceiveTimeout = 5000;
        seen = ((IPEndPoint)server.RemoteEndPoint!).Address;
        byte[] heard = new byte[16];
        return Encoding.ASCII.GetString(heard, 0, server.Receive(heard));
    }
}
