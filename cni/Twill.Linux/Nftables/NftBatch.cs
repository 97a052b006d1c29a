using Twill.Linux.Netlink;

namespace Twill.Linux.Nftables;

/// <summary>
/// Changes that happen together or not at all: messages between NFNL_MSG_BATCH_BEGIN and NFNL_MSG_BATCH_END, sent in one system call.
/// Written as they are added; sent once.
/// </summary>
public sealed class NftBatch
{
    private readonly NftSocket _socket;
    private readonly MessageBuffer _messages = new(4096);
    private readonly List<Part> _parts = [];
    private bool _sent;

    internal NftBatch(NftSocket socket, uint? generation)
    {
        _socket = socket;
        FirstSequence = socket.NextSequence();
        _socket.Append(_messages, new BatchBegin(generation), FirstSequence);
    }

    /// <summary>How many messages it holds.</summary>
    public int Count => _parts.Count;

    internal MessageBuffer Messages => _messages;

    /// <summary>nlmsg_seq of NFNL_MSG_BATCH_BEGIN: errors that no single message caused carry it.</summary>
    internal uint FirstSequence { get; }

    /// <summary>nlmsg_seq of the last message, whose acknowledgement says that all is done.</summary>
    internal uint LastSequence => _parts.Count == 0 ? FirstSequence : _parts[^1].Sequence;

    /// <summary>Adds a change. A request that cannot be written (a name or comment too long, ..) is an
    /// <see cref="ArgumentException"/>.</summary>
    /// <returns>This batch.</returns>
    public NftBatch Add<T>(in T request)
        where T : struct, INetlinkRequest
    {
        ObjectDisposedException.ThrowIf(_sent, this);
        uint sequence = _socket.NextSequence();
        int offset = _messages.Length;
        _socket.Append(_messages, in request, sequence);
        _parts.Add(new Part(sequence, offset));
        return this;
    }

    /// <summary>Adds elements to a set or map, in as many messages as it takes.</summary>
    public NftBatch AddElements(NftSet set, params ReadOnlySpan<SetElement> elements)
    {
        foreach (ReadOnlyMemory<SetElement> part in ElementsMessage.Parts(elements))
        {
            Add(new NewSetElements(set, part));
        }

        return this;
    }

    /// <summary>Deletes elements of a set or map, in as many messages as it takes. One that is not there fails the batch with
    /// ENOENT.</summary>
    public NftBatch DeleteElements(NftSet set, params ReadOnlySpan<SetElement> elements)
    {
        foreach (ReadOnlyMemory<SetElement> part in ElementsMessage.Parts(elements))
        {
            Add(new DeleteSetElements(set, part));
        }

        return this;
    }

    /// <summary>As <see cref="DeleteElements"/>, and one that is not there is no error. Kernels before Linux 6.3 answer EINVAL:
    /// <see cref="NftSocket.DestroyElements"/> works on all.</summary>
    public NftBatch DestroyElements(NftSet set, params ReadOnlySpan<SetElement> elements)
    {
        foreach (ReadOnlyMemory<SetElement> part in ElementsMessage.Parts(elements))
        {
            Add(new DestroySetElements(set, part));
        }

        return this;
    }

    /// <summary>Deletes the table with all it holds; none is no error. Made and deleted in one transaction, which every kernel can:
    /// NFT_MSG_DESTROYTABLE came with Linux 6.3.</summary>
    public NftBatch DestroyTable(TableId table) => Add(new NewTable(table)).Add(new DeleteTable(table));

    /// <summary>Sends the batch. An empty one sends nothing.</summary>
    /// <exception cref="NetlinkException">The kernel refused, and nothing was changed; the text names the first message it
    /// refused.</exception>
    public void Send()
    {
        IReadOnlyList<NftFailure> failures = TrySend();
        if (failures.Count > 0)
        {
            throw Refused(failures);
        }
    }

    /// <summary>Sends the batch and gives every message that the kernel refused; when there is any, nothing was changed.</summary>
    /// <exception cref="NetlinkException">The kernel did not answer.</exception>
    public IReadOnlyList<NftFailure> TrySend()
    {
        ObjectDisposedException.ThrowIf(_sent, this);
        _sent = true;
        if (_parts.Count == 0)
        {
            return [];
        }

        _messages.AddFlags(_parts[^1].Offset, NetlinkFlags.Ack);
        _socket.Append(_messages, new BatchEnd(), _socket.NextSequence());
        return _socket.Send(this);
    }

    /// <summary>An empty transaction: it changes nothing, and the kernel takes it up when the one that is under way has ended.</summary>
    internal MessageBuffer Nothing()
    {
        _sent = true;
        _socket.Append(_messages, new BatchEnd(), _socket.NextSequence());
        return _messages;
    }

    internal static NetlinkException Refused(IReadOnlyList<NftFailure> failures)
    {
        NftFailure first = failures[0];
        string more = failures.Count == 1 ? "" : $", first of {failures.Count} refusals";
        return new NetlinkException($"{first.Message}{more}", first.Errno, first.KernelText);
    }

    /// <summary>Which message a sequence number stands for: its index, or -1 for the batch as a whole.</summary>
    internal NftFailure Failure(uint sequence, NetlinkAck ack)
    {
        int i = _parts.BinarySearch(new Part(sequence, 0), Part.InOrder);
        if (i >= 0)
        {
            string name = $"{MessageNames.Describe(_messages.Bytes[_parts[i].Offset..])} (message {i + 1} of {_parts.Count})";
            return new NftFailure(i, name, ack.Errno, ack.Text);
        }

        return new NftFailure(-1, $"nftables transaction of {_parts.Count} messages", ack.Errno, ack.Text);
    }

    private readonly record struct Part(uint Sequence, int Offset)
    {
        // Sequence numbers wrap around: what counts is the distance.
        internal static readonly Comparer<Part> InOrder = Comparer<Part>.Create(
            static (a, b) => unchecked((int)(a.Sequence - b.Sequence)).CompareTo(0)
        );
    }

    internal readonly record struct BatchBegin(uint? Generation) : INetlinkRequest
    {
        public static ushort Type => (ushort)NFNL_MSG.BATCH_BEGIN;

        public string ToCommand(CommandNames names) =>
            Generation is { } generation
                ? $"# nftables: begin of a transaction, void unless the ruleset's generation is {generation}"
                : "# nftables: begin of a transaction";

        public NetlinkFlags Flags => NetlinkFlags.None;

        public void Write(ref NetlinkWriter w)
        {
            w.Header(new NfGenMsg(NfGenMsg.SubsysNftables));
            if (Generation is { } generation)
            {
                w.PutBe32(NFNL_BATCH.GENID, generation);
            }
        }
    }

    internal readonly record struct BatchEnd : INetlinkRequest
    {
        public static ushort Type => (ushort)NFNL_MSG.BATCH_END;

        public string ToCommand(CommandNames names) => "# nftables: end of the transaction";

        public NetlinkFlags Flags => NetlinkFlags.None;

        public void Write(ref NetlinkWriter w) => w.Header(new NfGenMsg(NfGenMsg.SubsysNftables));
    }
}
