using Twill.Linux.Netlink;
using Twill.System;

namespace Twill.Linux;

/// <summary>
/// Several requests in one system call, done in the order they were added. A request that fails does not keep the kernel from the
/// ones behind it; what became of each is known after <see cref="Send"/>. Only the last message of a datagram asks for an
/// acknowledgement: errors are reported in any case, so that a thousand successes cost one answer.
/// </summary>
public sealed class RouteBatch
{
    // So few that their errors fit into the smallest receive buffer (208 KiB) when all of them fail.
    private const int MessagesPerDatagram = 128;

    private readonly NetlinkSocket _socket;
    private readonly MessageBuffer _messages = new(1024);
    private Entry[] _entries = new Entry[8];
    private bool _sent;

    internal RouteBatch(NetlinkSocket socket) => _socket = socket;

    private struct Entry
    {
        internal uint Sequence;
        internal int Offset;
        internal Errno Tolerate,
            AlsoTolerate;
        internal NetlinkAck Ack;

        internal readonly bool Failed => Ack.Errno != Errno.None && Ack.Errno != Tolerate && Ack.Errno != AlsoTolerate;
    }

    /// <summary>Requests in the batch.</summary>
    public int Count { get; private set; }

    /// <summary>Adds a request. After <see cref="Send"/>, the first begins a new batch.</summary>
    /// <param name="request">What to ask for.</param>
    /// <param name="tolerate">An error that is as good as success, e.g. EEXIST.</param>
    /// <param name="alsoTolerate">Another.</param>
    /// <returns>Its number, which <see cref="ErrnoOf"/> takes.</returns>
    public int Add<T>(in T request, Errno tolerate = Errno.None, Errno alsoTolerate = Errno.None)
        where T : struct, INetlinkRequest
    {
        if (_sent)
        {
            Clear();
        }

        uint sequence = _socket.NextSequence();
        int offset = _messages.Length;
        _socket.Append(_messages, in request, sequence);
        if (Count == _entries.Length)
        {
            Array.Resize(ref _entries, 2 * Count);
        }

        _entries[Count] = new Entry
        {
            Sequence = sequence,
            Offset = offset,
            Tolerate = tolerate,
            AlsoTolerate = alsoTolerate,
        };
        return Count++;
    }

    /// <summary>Sends the batch and waits until the kernel has done it.</summary>
    /// <exception cref="NetlinkException">A request failed with an error it does not tolerate: the first such request. The others were
    /// tried all the same.</exception>
    public void Send()
    {
        if (TrySend() == 0)
        {
            return;
        }

        for (int i = 0; i < Count; i++)
        {
            if (_entries[i].Failed)
            {
                throw ErrorOf(i)!;
            }
        }
    }

    /// <summary>Sends the batch and waits until the kernel has done it.</summary>
    /// <returns>How many requests failed with an error they do not tolerate.</returns>
    public int TrySend()
    {
        _sent = true;
        int failed = 0;
        for (int first = 0; first < Count; first += MessagesPerDatagram)
        {
            failed += SendDatagram(first, Math.Min(first + MessagesPerDatagram, Count));
        }

        return failed;
    }

    /// <summary>What became of a request: <see cref="Errno.None"/> when the kernel did it.</summary>
    public Errno ErrnoOf(int request) => At(request).Ack.Errno;

    /// <summary>The refusal of a request in words: null when the kernel did it. Tolerated refusals are told as well.</summary>
    public NetlinkException? ErrorOf(int request)
    {
        Entry entry = At(request);
        return entry.Ack.Errno == Errno.None
            ? null
            : new NetlinkException(RouteRequests.Describe(_messages.Bytes[entry.Offset..]), entry.Ack.Errno, entry.Ack.Text);
    }

    /// <summary>Whether a request failed with an error it does not tolerate.</summary>
    public bool Failed(int request) => At(request).Failed;

    /// <summary>Forgets the requests.</summary>
    public void Clear()
    {
        _messages.Clear();
        Count = 0;
        _sent = false;
    }

    private Entry At(int request) =>
        request >= 0 && request < Count
            ? _entries[request]
            : throw new ArgumentOutOfRangeException(nameof(request), $"Request {request} of a batch of {Count}.");

    private int SendDatagram(int first, int end)
    {
        int start = _entries[first].Offset;
        int stop = end < Count ? _entries[end].Offset : _messages.Length;
        _messages.AddFlags(_entries[end - 1].Offset, NetlinkFlags.Ack);
        _socket.Send(_messages, start, stop);

        uint firstSequence = _entries[first].Sequence;
        int failed = 0;
        while (true)
        {
            NetlinkMessages messages = _socket.Receive();
            while (messages.TryRead(out NetlinkMessage message))
            {
                if (message.Type != NetlinkMessage.Error || !_socket.Answers(in message, firstSequence))
                {
                    continue;
                }

                int i = IndexOf(message.Sequence, first, end);
                _entries[i].Ack = NetlinkAck.Parse(in message);
                if (_entries[i].Failed)
                {
                    failed++;
                }

                if (i == end - 1)
                {
                    return failed;
                }
            }
        }
    }

    private int IndexOf(uint sequence, int first, int end)
    {
        for (int i = first; i < end; i++)
        {
            if (_entries[i].Sequence == sequence)
            {
                return i;
            }
        }
        throw new NetlinkFormatException($"An answer to request {sequence}, which is not in the batch.");
    }
}
