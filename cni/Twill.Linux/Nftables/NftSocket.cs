using System.Diagnostics.CodeAnalysis;
using Microsoft.Win32.SafeHandles;
using Twill.Linux.Netlink;
using Twill.System;

namespace Twill.Linux.Nftables;

/// <summary>
/// nf_tables over NETLINK_NETFILTER: one socket for one thread at a time, in the network namespace where it was opened. After something
/// was deleted closing the socket waits some 9 ms for the kernel to free it; after additions and queries it does not.
/// </summary>
public sealed class NftSocket : IDisposable
{
    /// <summary>Of several that change the rules at once one succeeds each time: this is for very many of them.</summary>
    private const int ChangeAttempts = 1000;

    private readonly NetlinkSocket _netlink;

    internal NftSocket(INetlinkChannel channel) => _netlink = new NetlinkSocket(channel, MessageNames.Describe);

    /// <summary>The descriptor; null where there is no kernel behind it.</summary>
    internal SafeFileHandle? Handle => _netlink.Handle;

    /// <summary>Opens a socket in the calling thread's network namespace.</summary>
    /// <exception cref="LibcException">The kernel has no netfilter netlink (CONFIG_NETFILTER_NETLINK), or descriptors ran out.</exception>
    public static NftSocket Open() => new(KernelChannel.Open(NetlinkFamily.Netfilter));

    /// <summary>Opens a socket in a namespace; it stays there whichever thread uses it.</summary>
    public static NftSocket Open(NetNs ns) => ns.Visit(Open);

    /// <summary>The socket's address, by which <see cref="NetworkChange.PortId"/> tells whose doing a change was. 0 before the first
    /// request.</summary>
    public uint PortId => _netlink.PortId;

    /// <summary>Begins a transaction.</summary>
    /// <param name="generation">Apply it only if the rules of the namespace are still of this <see cref="GetGeneration"/>; otherwise it
    /// fails as a whole with ERESTART.</param>
    public NftBatch NewBatch(uint? generation = null) => new(this, generation);

    /// <summary>
    /// A change that follows from what is there: <paramref name="write"/> asks, and puts into the batch what is to be done. When anyone
    /// changed the rules of the namespace meanwhile nothing is done, and it is asked again.
    /// </summary>
    /// <param name="write">May be called several times. An empty batch sends nothing.</param>
    /// <exception cref="NetlinkException">The kernel refused; ERESTART: the rules never stopped changing.</exception>
    public void Change(Action<NftBatch> write)
    {
        for (int attempt = 1; ; attempt++)
        {
            NftBatch batch = NewBatch(SettledGeneration());
            write(batch);
            IReadOnlyList<NftFailure> failures = batch.TrySend();
            if (failures.Count == 0)
            {
                return;
            }

            if (failures[0].Errno != Errno.ERESTART || attempt == ChangeAttempts)
            {
                throw NftBatch.Refused(failures);
            }
        }
    }

    /// <summary>The number of transactions so far in this network namespace, by anyone: it changes when any table does.</summary>
    public uint GetGeneration() =>
        _netlink.TryGet(default(GetGeneration), Errno.None, NftGeneration.Decode, out NftGeneration? generation)
            ? generation.Id
            : throw new NetlinkFormatException("The kernel did not tell the generation of its nftables rules.");

    /// <summary>One table by name: one message there and one back.</summary>
    /// <returns>False when there is none.</returns>
    public bool TryGetTable(TableId table, [NotNullWhen(true)] out NftTable? found) =>
        _netlink.TryGet(new GetTable(table.Family, table.Name), Errno.ENOENT, NftTable.Decode, out found);

    /// <summary>The tables of one family, or of all.</summary>
    public List<NftTable> ListTables(NftFamily? family = null) =>
        _netlink.Dump<GetTable, NftTable>(new GetTable(family ?? 0, null), NftTable.Decode);

    /// <summary>One chain by name: one message there and one back.</summary>
    /// <returns>False when there is none, or no such table.</returns>
    public bool TryGetChain(TableId table, string name, [NotNullWhen(true)] out NftChain? found) =>
        _netlink.TryGet(new GetChain(table, name), Errno.ENOENT, NftChain.Decode, out found);

    /// <summary>The chains of a table; none when there is no such table.</summary>
    public List<NftChain> ListChains(TableId table) =>
        OfOneGeneration(() =>
            _netlink.Dump(new GetChains(table.Family), (in NetlinkMessage message) =>
                NftChain.Decode(in message) is { } chain && chain.Table == table ? chain : null
            )
        );

    /// <summary>The base chains of all tables that are called at a hook, of the families ip, ip6, inet and bridge.</summary>
    public List<NftChain> ListBaseChains(NftHook hook) =>
        OfOneGeneration(() =>
            _netlink.Dump(new GetChains(0), (in NetlinkMessage message) =>
                NftChain.Decode(in message) is { } chain
                && chain.Base?.Hook == hook
                && chain.Table.Family is NftFamily.Ip or NftFamily.Ip6 or NftFamily.Inet or NftFamily.Bridge
                    ? chain
                    : null
            )
        );

    /// <summary>The rules of a table, or of one of its chains, in the order in which they are run; none when there is no such
    /// table.</summary>
    public List<NftRule> ListRules(TableId table, string? chain = null) =>
        OfOneGeneration(() => _netlink.Dump(new GetRules(table, chain), RuleOf(table, chain)));

    /// <summary>As <see cref="ListRules"/> for one chain, asked for but once: what is changed at this moment may be half in it. One message
    /// there.</summary>
    public List<NftRule> GlanceAtRules(TableId table, string chain) => _netlink.Dump(new GetRules(table, chain), RuleOf(table, chain));

    /// <summary>One set or map by name.</summary>
    /// <returns>False when there is none, or no such table.</returns>
    public bool TryGetSet(TableId table, string name, [NotNullWhen(true)] out NftSet? found) =>
        _netlink.TryGet(new GetSets(table, name), Errno.ENOENT, SetDecoder.DecodeSet, out found);

    /// <summary>The sets and maps of a table, without their elements.</summary>
    /// <exception cref="NetlinkException">ENOENT: no such table.</exception>
    public List<NftSet> ListSets(TableId table) => _netlink.Dump<GetSets, NftSet>(new GetSets(table), SetDecoder.DecodeSet);

    /// <summary>The elements of a set or map: of an interval set, its ranges.</summary>
    /// <param name="set">As it was made or listed: its key says how the elements are kept.</param>
    /// <exception cref="NetlinkException">ENOENT: no such set.</exception>
    public List<SetElement> ListElements(NftSet set)
    {
        List<SetDecoder.RawElement> raw = [];
        foreach (
            List<SetDecoder.RawElement> part in OfOneGeneration(() =>
                _netlink.Dump<GetSetElements, List<SetDecoder.RawElement>>(
                    new GetSetElements(set.Table, set.Name),
                    SetDecoder.DecodeElements
                )
            )
        )
        {
            raw.AddRange(part);
        }

        return SetDecoder.Ranges(set, raw);
    }

    /// <summary>One element of a set or map by its key, with its data and comment: one message there and one back.</summary>
    /// <param name="set">As it was made or listed; not one of intervals.</param>
    /// <param name="key">An element with that key.</param>
    /// <param name="found">What the kernel has.</param>
    /// <returns>False when there is none, or no such set or table.</returns>
    public bool TryGetElement(NftSet set, SetElement key, [NotNullWhen(true)] out SetElement? found)
    {
        found =
            _netlink.TryGet(new GetSetElement(set, key), Errno.ENOENT, SetDecoder.DecodeElements, out List<SetDecoder.RawElement>? elements)
            && elements.Count > 0
                ? elements[0].Element
                : null;
        return found is not null;
    }

    /// <summary>Deletes a table with all it holds; none is no error.</summary>
    public void DestroyTable(TableId table) => NewBatch().DestroyTable(table).Send();

    /// <summary>
    /// Deletes those of the elements that are there; a missing set or table means that none is. One transaction from Linux 6.3 on,
    /// one for each element before.
    /// </summary>
    public void DestroyElements(NftSet set, params ReadOnlySpan<SetElement> elements)
    {
        if (elements.IsEmpty)
        {
            return;
        }

        IReadOnlyList<NftFailure> failures = NewBatch().DestroyElements(set, elements).TrySend();
        if (failures.Count == 0 || failures[0].Errno == Errno.ENOENT)
        {
            return;
        }

        if (failures[0].Errno != Errno.EINVAL)
        {
            throw new NetlinkException(failures[0].Message, failures[0].Errno, failures[0].KernelText);
        }

        // Before Linux 6.3 the message is unknown: EINVAL.
        foreach (SetElement element in elements)
        {
            DestroyOneByOne(set, element);
        }
    }

    private static NetlinkDecoder<NftRule> RuleOf(TableId table, string? chain) =>
        (in NetlinkMessage message) =>
            NftRule.Decode(in message) is { } rule && rule.Table == table && (chain is null || rule.Chain == chain) ? rule : null;

    /// <summary>
    /// The list, asked for again until nobody changed the rules meanwhile. The kernel says so (NLM_F_DUMP_INTR) only when the change fell
    /// between two parts of a list: one that fell into the last part shows old entries before it and new ones behind it.
    /// </summary>
    private List<T> OfOneGeneration<T>(Func<List<T>> list)
    {
        const int Attempts = 100;
        for (int attempt = 1; ; attempt++)
        {
            uint generation = SettledGeneration();
            List<T> items = list();
            if (SettledGeneration() == generation)
            {
                return items;
            }

            if (attempt == Attempts)
            {
                throw new NetlinkException(
                    "list nftables",
                    Errno.EAGAIN,
                    $"the rules changed during each of {Attempts} attempts to list them"
                );
            }
        }
    }

    // The kernel counts the generation and turns to the new rules one after the other: only between transactions do both agree.
    private uint SettledGeneration()
    {
        Send(NewBatch().Nothing());
        return GetGeneration();
    }

    /// <inheritdoc/>
    public void Dispose() => _netlink.Dispose();

    internal uint NextSequence() => _netlink.NextSequence();

    internal void Append<T>(MessageBuffer messages, in T request, uint sequence)
        where T : struct, INetlinkRequest => _netlink.Append(messages, in request, sequence);

    private void Send(MessageBuffer messages) => _netlink.Send(messages, 0, messages.Length);

    /// <summary>
    /// Sends a finished batch and collects its refusals. The kernel answers refusals in the order of the messages once it has gone
    /// through all, and the last message in any case, as that one asks for it. An answer to NFNL_MSG_BATCH_BEGIN is about the
    /// whole and the last of what matters.
    /// </summary>
    internal List<NftFailure> Send(NftBatch batch)
    {
        Send(batch.Messages);
        List<NftFailure> failures = [];
        while (true)
        {
            NetlinkMessages messages = _netlink.Receive();
            while (messages.TryRead(out NetlinkMessage message))
            {
                if (message.Type != NetlinkMessage.Error || !_netlink.Answers(in message, batch.FirstSequence))
                {
                    continue;
                }

                NetlinkAck ack = NetlinkAck.Parse(in message);
                if (ack.Errno != Errno.None)
                {
                    failures.Add(batch.Failure(message.Sequence, ack));
                }

                if (message.Sequence == batch.LastSequence || message.Sequence == batch.FirstSequence)
                {
                    return failures;
                }
            }
        }
    }

    private void DestroyOneByOne(NftSet set, SetElement element)
    {
        foreach (NftFailure failure in NewBatch().DeleteElements(set, element).TrySend())
        {
            if (failure.Errno != Errno.ENOENT)
            {
                throw new NetlinkException(failure.Message, failure.Errno, failure.KernelText);
            }
        }
    }
}
