using System.Diagnostics.CodeAnalysis;
using Microsoft.Win32.SafeHandles;
using Twill.System;

namespace Twill.Linux.Netlink;

/// <summary>Names a request in an error: from the message's bytes, so that it costs nothing as long as all goes well.</summary>
/// <param name="message">The whole message, header included.</param>
public delegate string RequestDescriber(ReadOnlySpan<byte> message);

/// <summary>Makes an object out of one message of a list.</summary>
/// <returns>Null to leave it out.</returns>
public delegate T? NetlinkDecoder<T>(in NetlinkMessage message)
    where T : class;

/// <summary>
/// Requests and answers over a netlink socket of any family: sequence numbers, acknowledgements, lists. One socket serves one thread
/// at a time, and acts in the network namespace it was opened in, whichever thread uses it.
/// </summary>
public sealed class NetlinkSocket : IDisposable
{
    /// <summary>The <see cref="INetlinkRequest.Type"/> of requests to a family of generic netlink, whose number is known at run time
    /// only.</summary>
    public const ushort TypeOfFamily = 0;

    private const int ReceiveLength = 32 * 1024; // the most the kernel puts into one datagram of a list
    private const int DumpAttempts = 16;

    private readonly INetlinkChannel _channel;
    private readonly RequestDescriber _describe;
    private readonly MessageBuffer _request = new(512);
    private readonly NetlinkTrace? _trace; // null unless TWILL_TRACE asks for it
    private byte[]? _received;
    private MessageBuffer? _traced; // what was sent last
    private uint _sequence;

    /// <summary>Takes over a channel.</summary>
    /// <param name="channel">Disposed with the socket.</param>
    /// <param name="describe">Names a request in an error.</param>
    public NetlinkSocket(INetlinkChannel channel, RequestDescriber describe)
        : this(channel, describe, NetlinkTrace.OfThread()) { }

    /// <param name="channel">Disposed with the socket.</param>
    /// <param name="describe">Names a request in an error.</param>
    /// <param name="trace">Prints what is sent; null for nobody. Disposed with the socket.</param>
    internal NetlinkSocket(INetlinkChannel channel, RequestDescriber describe, NetlinkTrace? trace)
    {
        _channel = channel;
        _describe = describe;
        _trace = trace;
    }

    /// <summary>Opens a socket in the network namespace of the calling thread.</summary>
    /// <exception cref="LibcException">The kernel lacks the family, or descriptors ran out.</exception>
    public static NetlinkSocket Open(NetlinkFamily family, RequestDescriber describe) => new(KernelChannel.Open(family), describe);

    /// <summary>The socket's address (nl_pid), which notifications of what it caused carry. 0 before the first request.</summary>
    public uint PortId => _channel.PortId;

    /// <summary>The descriptor; null for a channel without one.</summary>
    internal SafeFileHandle? Handle => _channel.Handle;

    /// <summary>The number of the family of generic netlink that it talks to.</summary>
    internal ushort Family { get; set; }

    /// <summary>A sequence number that was not used before. Never 0, which marks notifications.</summary>
    public uint NextSequence() => ++_sequence == 0 ? ++_sequence : _sequence;

    /// <summary>Writes a request behind the others in a buffer that this socket is to send.</summary>
    /// <param name="messages">The buffer.</param>
    /// <param name="request">What to ask for.</param>
    /// <param name="sequence">A <see cref="NextSequence"/>.</param>
    /// <param name="flags">Further flags, e.g. NLM_F_ACK.</param>
    public void Append<T>(MessageBuffer messages, in T request, uint sequence, NetlinkFlags flags = NetlinkFlags.None)
        where T : struct, INetlinkRequest
    {
        int offset = messages.Length;
        messages.Append(in request, sequence, flags, Family);
        if (_trace is not null)
        {
            _trace.Appended(messages, offset, sequence, request.ToCommand(_trace));
        }
    }

    /// <summary>Sends messages of a buffer, which <see cref="Append"/> wrote, in one datagram.</summary>
    /// <param name="messages">The buffer.</param>
    /// <param name="start">Where the first message starts.</param>
    /// <param name="end">Where the last one ends.</param>
    public void Send(MessageBuffer messages, int start, int end)
    {
        _trace?.Sent(_traced = messages, start, end);
        _channel.Send(messages.Bytes[start..end]);
    }

    /// <summary>Prints a request that this socket does not send itself, when requests are traced.</summary>
    internal void Trace<T>(in T request)
        where T : struct, INetlinkRequest => _trace?.Write(request.ToCommand(_trace));

    /// <summary>Receives one datagram. Its messages are valid until the next call.</summary>
    public NetlinkMessages Receive()
    {
        _received ??= GC.AllocateUninitializedArray<byte>(ReceiveLength);
        NetlinkMessages answers = new(_received.AsSpan(0, _channel.Receive(_received)));
        _trace?.Received(answers, _traced);
        return answers;
    }

    /// <summary>
    /// True when the message answers a request from <paramref name="first"/> on. False for what an earlier request left behind.
    /// </summary>
    /// <exception cref="NetlinkFormatException">It answers a request that was never sent.</exception>
    public bool Answers(in NetlinkMessage message, uint first)
    {
        if (unchecked((int)(message.Sequence - _sequence)) > 0)
        {
            throw new NetlinkFormatException($"An answer to request {message.Sequence}, when the last that was sent is {_sequence}.");
        }

        return unchecked((int)(message.Sequence - first)) >= 0;
    }

    /// <summary>Sends the request and waits for the kernel's acknowledgement.</summary>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public void Execute<T>(in T request)
        where T : struct, INetlinkRequest
    {
        uint sequence = Begin(in request, NetlinkFlags.Ack);
        NetlinkAck ack = Acknowledgement(sequence);
        if (ack.Errno != Errno.None)
        {
            throw Refused(ack);
        }
    }

    /// <summary>Sends the request and waits for the kernel's acknowledgement; one error is an answer as well.</summary>
    /// <returns>False when the kernel answered with <paramref name="tolerate"/> (or <paramref name="alsoTolerate"/>).</returns>
    /// <exception cref="NetlinkException">The kernel refused for another reason.</exception>
    public bool TryExecute<T>(in T request, Errno tolerate, Errno alsoTolerate = Errno.None)
        where T : struct, INetlinkRequest
    {
        uint sequence = Begin(in request, NetlinkFlags.Ack);
        NetlinkAck ack = Acknowledgement(sequence);
        if (ack.Errno == Errno.None)
        {
            return true;
        }

        return ack.Errno == tolerate || ack.Errno == alsoTolerate ? false : throw Refused(ack);
    }

    /// <summary>Asks for one object: one datagram there, one back.</summary>
    /// <param name="request">The request, whose answer is a single message.</param>
    /// <param name="absent">The error that says there is no such object.</param>
    /// <param name="decode">Makes the object.</param>
    /// <param name="item">The object.</param>
    /// <returns>False when the kernel answered with <paramref name="absent"/>.</returns>
    /// <exception cref="NetlinkException">The kernel refused for another reason.</exception>
    public bool TryGet<TRequest, T>(in TRequest request, Errno absent, NetlinkDecoder<T> decode, [NotNullWhen(true)] out T? item)
        where TRequest : struct, INetlinkRequest
        where T : class
    {
        uint sequence = Begin(in request, NetlinkFlags.None);
        return TryReceiveOne(sequence, absent, decode, out item);
    }

    /// <summary>As <see cref="TryGet"/>, where the kernel passes over some objects in silence: only its acknowledgement then ends the
    /// wait.</summary>
    /// <returns>False when the kernel answered with <paramref name="absent"/>, or with no object.</returns>
    /// <exception cref="NetlinkException">The kernel refused for another reason.</exception>
    public bool TryGetAcknowledged<TRequest, T>(
        in TRequest request,
        Errno absent,
        NetlinkDecoder<T> decode,
        [NotNullWhen(true)] out T? item
    )
        where TRequest : struct, INetlinkRequest
        where T : class
    {
        uint sequence = Begin(in request, NetlinkFlags.Ack);
        item = null;
        while (true)
        {
            NetlinkMessages messages = Receive();
            while (messages.TryRead(out NetlinkMessage message))
            {
                if (!Answers(in message, sequence))
                {
                    continue;
                }

                if (message.Type != NetlinkMessage.Error)
                {
                    item ??= decode(in message);
                    continue;
                }
                NetlinkAck ack = NetlinkAck.Parse(in message);
                return ack.Errno == Errno.None || ack.Errno == absent ? item is not null : throw Refused(ack);
            }
        }
    }

    /// <summary>Lists objects. Starts over when they changed meanwhile (NLM_F_DUMP_INTR), so that the list is of one moment.</summary>
    /// <exception cref="NetlinkException">The kernel refused; EAGAIN: they never stopped changing.</exception>
    public List<T> Dump<TRequest, T>(in TRequest request, NetlinkDecoder<T> decode)
        where TRequest : struct, INetlinkRequest
        where T : class
    {
        _channel.PrepareForDumps();
        for (int attempt = 0; attempt < DumpAttempts; attempt++)
        {
            uint sequence = Begin(in request, NetlinkFlags.Dump);
            List<T> items = [];
            if (ReceiveList(sequence, items, decode))
            {
                return items;
            }
        }
        throw new NetlinkException(_describe(_request.Bytes), Errno.EAGAIN, $"changed during each of {DumpAttempts} attempts to list it");
    }

    /// <summary>Lists objects once, whether they change meanwhile or not: each was there, and one that came or went may be
    /// missing.</summary>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public List<T> DumpOnce<TRequest, T>(in TRequest request, NetlinkDecoder<T> decode)
        where TRequest : struct, INetlinkRequest
        where T : class
    {
        _channel.PrepareForDumps();
        List<T> items = [];
        ReceiveList(Begin(in request, NetlinkFlags.Dump), items, decode);
        return items;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _channel.Dispose();
        _trace?.Dispose();
    }

    private uint Begin<T>(in T request, NetlinkFlags flags)
        where T : struct, INetlinkRequest
    {
        uint sequence = NextSequence();
        _request.Clear();
        Append(_request, in request, sequence, flags);
        Send(_request, 0, _request.Length);
        return sequence;
    }

    private NetlinkException Refused(NetlinkAck ack) => new(_describe(_request.Bytes), ack.Errno, ack.Text);

    private NetlinkAck Acknowledgement(uint sequence)
    {
        while (true)
        {
            NetlinkMessages messages = Receive();
            while (messages.TryRead(out NetlinkMessage message))
            {
                if (message.Type == NetlinkMessage.Error && Answers(in message, sequence))
                {
                    return NetlinkAck.Parse(in message);
                }
            }
        }
    }

    private bool TryReceiveOne<T>(uint sequence, Errno absent, NetlinkDecoder<T> decode, [NotNullWhen(true)] out T? item)
        where T : class
    {
        while (true)
        {
            NetlinkMessages messages = Receive();
            while (messages.TryRead(out NetlinkMessage message))
            {
                if (!Answers(in message, sequence))
                {
                    continue;
                }

                if (message.Type == NetlinkMessage.Error)
                {
                    NetlinkAck ack = NetlinkAck.Parse(in message);
                    item = null;
                    return ack.Errno == absent ? false : throw Refused(ack);
                }
                item = decode(in message);
                if (item is not null)
                {
                    return true;
                }
            }
        }
    }

    // False when the list was interrupted and must be asked for again. Always reads to the end: half a list left behind would keep the
    // kernel from starting the next (EBUSY).
    private bool ReceiveList<T>(uint sequence, List<T> items, NetlinkDecoder<T> decode)
        where T : class
    {
        bool whole = true;
        NetlinkFormatException? malformed = null;
        while (true)
        {
            NetlinkMessages messages = Receive();
            while (messages.TryRead(out NetlinkMessage message))
            {
                if (!Answers(in message, sequence))
                {
                    continue;
                }

                whole &= (message.Flags & NetlinkFlags.DumpInterrupted) == 0;
                switch (message.Type)
                {
                    case NetlinkMessage.Noop:
                        break;
                    case NetlinkMessage.Overrun:
                        throw new NetlinkException(_describe(_request.Bytes), Errno.ENOBUFS);
                    case NetlinkMessage.Error:
                    case NetlinkMessage.Done:
                        NetlinkAck ack = NetlinkAck.Parse(in message);
                        if (ack.Errno != Errno.None)
                        {
                            throw Refused(ack);
                        }

                        return malformed is null ? whole : throw malformed;
                    default:
                        Decode(in message);
                        break;
                }
            }
        }

        void Decode(in NetlinkMessage message)
        {
            try
            {
                if (decode(in message) is { } item)
                {
                    items.Add(item);
                }
            }
            catch (NetlinkFormatException e)
            {
                malformed ??= e;
            }
        }
    }
}
