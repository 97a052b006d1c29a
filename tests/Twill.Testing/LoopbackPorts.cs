using System.Net;
using System.Net.Sockets;

namespace Twill.Testing;

/// <summary>
/// Ports for servers that are started a moment later, and started again. They lie below those that the kernel gives to clients and to
/// servers without a port of their own (net.ipv4.ip_local_port_range): of those, any connection may take one in between.
/// </summary>
public static class LoopbackPorts
{
    private const int First = 16_000,
        Count = 16_000;

    private static int s_last = Random.Shared.Next(Count);

    /// <summary>A port that nobody listens at, another one each time.</summary>
    public static int Next()
    {
        while (true)
        {
            int port = First + ((Interlocked.Increment(ref s_last) & int.MaxValue) % Count);
            using Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
                return port;
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressAlreadyInUse)
            {
                // somebody's: the next one
            }
        }
    }
}
