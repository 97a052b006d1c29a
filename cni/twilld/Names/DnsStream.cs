using System.Buffers.Binary;
using System.Net.Sockets;

namespace Twill.Agent.Names;

/// <summary>Messages over TCP: each has its length in two octets before it (RFC 1035 section 4.2.2).</summary>
internal static class DnsStream
{
    /// <summary>Reads a message.</summary>
    /// <param name="socket">The connection.</param>
    /// <param name="longest">Octets that it may have.</param>
    /// <param name="limit">Ends it.</param>
    /// <returns>null at the end of the connection, and where the message would be longer.</returns>
    internal static async Task<byte[]?> ReadAsync(Socket socket, int longest, CancellationToken limit)
    {
        byte[] length = new byte[2];
        if (!await TryFillAsync(socket, length, limit).ConfigureAwait(false))
        {
            return null;
        }

        int size = BinaryPrimitives.ReadUInt16BigEndian(length);
        if (size > longest)
        {
            return null;
        }

        byte[] message = new byte[size];
        return await TryFillAsync(socket, message, limit).ConfigureAwait(false) ? message : null;
    }

    /// <summary>Writes a message.</summary>
    /// <param name="socket">The connection.</param>
    /// <param name="framed">The message, behind its length.</param>
    /// <param name="limit">Ends it.</param>
    internal static async Task WriteAsync(Socket socket, ReadOnlyMemory<byte> framed, CancellationToken limit)
    {
        for (int sent = 0; sent < framed.Length;)
        {
            sent += await socket.SendAsync(framed[sent..], SocketFlags.None, limit).ConfigureAwait(false);
        }
    }

    private static async Task<bool> TryFillAsync(Socket socket, byte[] buffer, CancellationToken limit)
    {
        for (int length = 0; length < buffer.Length;)
        {
            int count = await socket.ReceiveAsync(buffer.AsMemory(length), SocketFlags.None, limit).ConfigureAwait(false);
            if (count == 0)
            {
                return false;
            }

            length += count;
        }

        return true;
    }
}
