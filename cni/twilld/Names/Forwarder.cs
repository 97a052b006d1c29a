using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;

namespace Twill.Agent.Names;

/// <summary>
/// Asks the host's resolvers what is not known here: one after the other until one answers, each from a port and with an identifier that
/// nobody can guess. So many queries at once at most, and few that a client asks again while they are under way: should the resolvers ask
/// this server in turn, by way of a container, that ends after a few turns.
/// </summary>
/// <param name="resolvers">Whom to ask.</param>
/// <param name="port">At which port.</param>
internal sealed class Forwarder(HostResolvers resolvers, int port = 53)
{
    /// <summary>Queries under way.</summary>
    internal const int Most = 256;

    /// <summary>Of one client, for one question.</summary>
    internal const int MostAlike = 3;

    private const int LargestAnswer = 4096; // over UDP; a longer one comes truncated

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(1.5);

    private readonly Lock _lock = new();
    private readonly Dictionary<(IPAddress, string), int> _underWay = [];
    private int _count;

    /// <summary>Asks.</summary>
    /// <param name="message">The query.</param>
    /// <param name="query">The same, as it was read.</param>
    /// <param name="client">Who asked.</param>
    /// <param name="overTcp">Whether to ask over TCP.</param>
    /// <param name="stop">Ends it.</param>
    /// <returns>The answer, with the query's identifier, not longer than the client takes; null when there is none.</returns>
    internal async Task<byte[]?> AskAsync(
        ReadOnlyMemory<byte> message,
        DnsQuery query,
        IPAddress client,
        bool overTcp,
        CancellationToken stop
    )
    {
        (IPAddress, string) key = (client, QuestionOf(message.Span, query.QuestionEnd));
        if (!TryBegin(key))
        {
            return null;
        }

        try
        {
            foreach (IPAddress server in resolvers.Servers)
            {
                if (await TryAskAsync(server, message, query, overTcp, stop).ConfigureAwait(false) is { } answer)
                {
                    BinaryPrimitives.WriteUInt16BigEndian(answer, query.Id);
                    return overTcp || answer.Length <= query.UdpSize ? answer : Truncated(answer, query.QuestionEnd);
                }
            }

            return null;
        }
        finally
        {
            End(key);
        }
    }

    /// <summary>Whether a message answers a query: the identifier that was sent, and the same question.</summary>
    internal static bool IsAnswer(ReadOnlySpan<byte> answer, ReadOnlySpan<byte> asked, int questionEnd) =>
        answer.Length >= questionEnd
        && BinaryPrimitives.ReadUInt16BigEndian(answer) == BinaryPrimitives.ReadUInt16BigEndian(asked)
        && (BinaryPrimitives.ReadUInt16BigEndian(answer[2..]) & DnsMessage.Response) != 0
        && BinaryPrimitives.ReadUInt16BigEndian(answer[4..]) == 1
        && QuestionOf(answer, questionEnd) == QuestionOf(asked, questionEnd);

    private static async Task<byte[]?> ReceiveAsync(Socket socket, byte[] asked, int questionEnd, CancellationToken limit)
    {
        byte[] buffer = new byte[LargestAnswer];
        while (true)
        {
            int length = await socket.ReceiveAsync(buffer, SocketFlags.None, limit).ConfigureAwait(false);
            if (IsAnswer(buffer.AsSpan(0, length), asked, questionEnd))
            {
                return buffer[..length];
            }
        }
    }

    private async Task<byte[]?> TryAskAsync(
        IPAddress server,
        ReadOnlyMemory<byte> message,
        DnsQuery query,
        bool overTcp,
        CancellationToken stop
    )
    {
        byte[] asked = new byte[2 + message.Length]; // over TCP its length goes before it
        BinaryPrimitives.WriteUInt16BigEndian(asked, (ushort)message.Length);
        message.CopyTo(asked.AsMemory(2));
        RandomNumberGenerator.Fill(asked.AsSpan(2, 2));
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(stop);
        limit.CancelAfter(s_patience);
        try
        {
            using Socket socket = overTcp
                ? new(server.AddressFamily, SocketType.Stream, ProtocolType.Tcp)
                : new(server.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
            await socket.ConnectAsync(new IPEndPoint(server, port), limit.Token).ConfigureAwait(false);
            if (!overTcp)
            {
                await socket.SendAsync(asked.AsMemory(2), SocketFlags.None, limit.Token).ConfigureAwait(false);
                return await ReceiveAsync(socket, asked[2..], query.QuestionEnd, limit.Token).ConfigureAwait(false);
            }

            await DnsStream.WriteAsync(socket, asked, limit.Token).ConfigureAwait(false);
            byte[]? answer = await DnsStream.ReadAsync(socket, DnsMessage.Largest, limit.Token).ConfigureAwait(false);
            return answer is not null && IsAnswer(answer, asked.AsSpan(2), query.QuestionEnd) ? answer : null;
        }
        catch (Exception e) when (e is SocketException || (e is OperationCanceledException && !stop.IsCancellationRequested))
        {
            return null; // the next one is asked
        }
    }

    private bool TryBegin((IPAddress, string) key)
    {
        lock (_lock)
        {
            int alike = _underWay.GetValueOrDefault(key);
            if (_count >= Most || alike >= MostAlike)
            {
                return false;
            }

            _count++;
            _underWay[key] = alike + 1;
            return true;
        }
    }

    private void End((IPAddress, string) key)
    {
        lock (_lock)
        {
            _count--;
            if (--_underWay[key] == 0)
            {
                _underWay.Remove(key);
            }
        }
    }

    private static string QuestionOf(ReadOnlySpan<byte> message, int end) =>
        string.Create(end - DnsMessage.Header, message[DnsMessage.Header..end], static (text, octets) =>
        {
            for (int i = 0; i < text.Length; i++)
            {
                text[i] = char.ToLowerInvariant((char)octets[i]);
            }
        });

    /// <summary>The head of an answer that is too long, which says so: it is asked for over TCP then.</summary>
    private static byte[] Truncated(byte[] answer, int questionEnd)
    {
        byte[] head = answer[..questionEnd];
        head[2] |= DnsMessage.Truncated >> 8;
        head.AsSpan(6, 6).Clear(); // no records
        return head;
    }
}
