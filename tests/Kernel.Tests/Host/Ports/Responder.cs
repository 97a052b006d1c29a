using System.Net;
using System.Net.Sockets;
using System.Text;
using Twill.Linux;
using Twill.Testing;

namespace Kernel.Tests.Host.Ports;

/// <summary>Listens in a namespace and answers everyone with its own name and the address that it was asked from.</summary>
internal sealed class Responder : IDisposable
{
    private readonly Socket _socket;
    private readonly string _name;

    private Responder(Socket socket, string name)
    {
        _socket = socket;
        _name = name;
        new Thread(Serve) { IsBackground = true }.Start();
    }

    internal static Responder On(TestNetns ns, byte protocol, int port, string name, string address = "0.0.0.0") => new(In(ns, () =>
            {
                IPEndPoint at = new(IPAddress.Parse(address), port);
                Socket socket = New(protocol, at.AddressFamily);
                socket.Bind(at);
                if (protocol == PortLab.Tcp)
                {
                    socket.Listen();
                }

                return socket;
            }), name);

    /// <summary>What answers at an address and port, and for whom it takes us; null when nothing does.</summary>
    internal static string? Ask(TestNetns from, byte protocol, string address, int port)
    {
        using Socket socket = In(from, () => New(protocol, IPAddress.Parse(address).AddressFamily));
        return Ask(socket, address, port);
    }

    /// <summary>A client whose port stays the same from one question to the next.</summary>
    internal static Socket UdpClient(TestNetns from, int port, AddressFamily family = AddressFamily.InterNetwork)
    {
        Socket socket = In(from, () => New(PortLab.Udp, family));
        socket.Bind(new IPEndPoint(family == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, port));
        return socket;
    }

    internal static string? Ask(Socket socket, string address, int port)
    {
        socket.ReceiveTimeout = 3000;
        byte[] heard = new byte[64];
        try
        {
            EndPoint server = new IPEndPoint(IPAddress.Parse(address), port);
            if (socket.SocketType == SocketType.Dgram)
            {
                socket.SendTo("?"u8, server);
                return Encoding.ASCII.GetString(heard, 0, socket.ReceiveFrom(heard, ref server));
            }
            if (!socket.ConnectAsync(server).Wait(3000))
            {
                return null;
            }

            return Encoding.ASCII.GetString(heard, 0, socket.Receive(heard));
        }
        catch (Exception e) when (e is SocketException or AggregateException { InnerException: SocketException })
        {
            return null;
        }
    }

    public void Dispose() => _socket.Dispose();

    private static Socket New(byte protocol, AddressFamily family) =>
        protocol == PortLab.Tcp
            ? new Socket(family, SocketType.Stream, ProtocolType.Tcp)
            : new Socket(family, SocketType.Dgram, ProtocolType.Udp);

    // A socket belongs to the namespace of the thread that made it.
    private static T In<T>(TestNetns ns, Func<T> body)
    {
        using NetNs opened = NetNs.Open(ns.Path);
        return opened.Run(body);
    }

    private void Serve()
    {
        byte[] question = new byte[16];
        try
        {
            while (true)
            {
                if (_socket.SocketType == SocketType.Dgram)
                {
                    EndPoint client = _socket.LocalEndPoint!;
                    _socket.ReceiveFrom(question, ref client);
                    _socket.SendTo(Answer(client), client);
                    continue;
                }
                using Socket accepted = _socket.Accept();
                accepted.Send(Answer(accepted.RemoteEndPoint!));
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Disposed: the test is over.
        }
    }

    private byte[] Answer(EndPoint client) => Encoding.ASCII.GetBytes($"{_name} {((IPEndPoint)client).Address}");
}
