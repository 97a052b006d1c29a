using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Twill.Linux.Netlink;

namespace Twill.Linux.WireGuard;

/// <summary>Address and port as a struct sockaddr_in or sockaddr_in6.</summary>
internal static class SocketAddress
{
    private const int V4Length = 16,
        V6Length = 28;

    internal static void Put<T>(ref NetlinkWriter w, T attribute, IPEndPoint endpoint)
        where T : unmanaged, Enum
    {
        bool v4 = endpoint.AddressFamily == AddressFamily.InterNetwork;
        Span<byte> address = stackalloc byte[V6Length];
        address.Clear();
        MemoryMarshal.Write(address, (ushort)AF.Of(endpoint.Address)); // sin_family, sin6_family
        BinaryPrimitives.WriteUInt16BigEndian(address[2..], (ushort)endpoint.Port); // sin_port, sin6_port
        endpoint.Address.TryWriteBytes(address[(v4 ? 4 : 8)..], out _); // sin_addr; sin6_flowinfo, sin6_addr
        if (!v4)
        {
            MemoryMarshal.Write(address[24..], (uint)endpoint.Address.ScopeId); // sin6_scope_id
        }

        w.Put(attribute, address[..(v4 ? V4Length : V6Length)]);
    }

    internal static IPEndPoint Read(in NetlinkAttribute a)
    {
        ReadOnlySpan<byte> value = a.Value;
        ushort family = value.Length >= V4Length ? MemoryMarshal.Read<ushort>(value) : (ushort)0;
        int port = value.Length >= V4Length ? BinaryPrimitives.ReadUInt16BigEndian(value[2..]) : 0;
        return family switch
        {
            AF.INET => new IPEndPoint(new IPAddress(value.Slice(4, 4)), port),
            AF.INET6 when value.Length >= V6Length => new IPEndPoint(
                new IPAddress(value.Slice(8, 16), MemoryMarshal.Read<uint>(value[24..])),
                port
            ),
            _ => throw new NetlinkFormatException(
                $"Attribute {a.Type}: expected an address and port of IPv4 or IPv6, got {value.Length} bytes of family {family}."
            ),
        };
    }
}
