namespace Twill.Cluster.Tests.Model;

/// <summary>A call to etcd that the model has not carried out yet.</summary>
/// <param name="Name">For the trace.</param>
/// <param name="Lease">The lease that it only grants (0) or keeps alive, or null: it is about keys.</param>
/// <param name="Writes">Whether it matters when, and whether, it is carried out although nobody waits for its answer.</param>
/// <param name="Describe">What it asks for, for the fingerprint.</param>
/// <param name="CarryOut">Does it in the store; returns how the node is given the answer.</param>
/// <param name="Fail">Gives the node an error instead.</param>
internal sealed record Call(
    Func<string> Name,
    long? Lease,
    bool Writes,
    Action<List<Token>> Describe,
    Func<SimulatedStore, Answer> CarryOut,
    Action<EtcdException> Fail
);

/// <summary>An answer on its way.</summary>
internal sealed record Answer(Action<List<Token>> Describe, Action Give);

/// <summary>etcd as one process of a node sees it: every call waits for the model to decide what becomes of it.</summary>
internal sealed class NodeLink(ModelNode node, Mutation mutation) : IEtcd
{
    public Task<RangeResult> RangeAsync(EtcdRange range, CancellationToken cancel = default) =>
        Ask(() => $"range {range.Key}", null, writes: false, Nothing, store => store.Range(range), Describe);

    public Task<KeyValue?> GetAsync(string key, CancellationToken cancel = default) =>
        Ask(
            () => $"get {key}",
            null,
            writes: false,
            Nothing,
            store => store.Find(key) is { } found && mutation == Mutation.NoTakingBack ? found with { Value = default } : store.Find(key),
            (found, tokens) =>
            {
                if (found is not null)
                {
                    Fingerprint.Describe(found, tokens);
                }
            }
        );

    public Task<long> DeleteAsync(EtcdRange range, CancellationToken cancel = default) =>
        Ask(
            () => $"delete {range.Key}",
            null,
            writes: true,
            tokens => Fingerprint.DescribeKey(range.Key, tokens),
            store => store.Delete(range),
            Nothing
        );

    public Task<TxnResult> TxnAsync(EtcdTxn txn, CancellationToken cancel = default) =>
        Ask(
            () => txn.WritesNothing ? "view" : Show(txn),
            null,
            !txn.WritesNothing,
            tokens => Fingerprint.Describe(txn, tokens),
            node.Watched(Mutated(txn)),
            (result, tokens) =>
            {
                tokens.Add(new Token(Meaning.Plain, result.Succeeded ? 1 : 0));
                foreach (RangeResult range in result.Ranges)
                {
                    Describe(range, tokens);
                }
            }
        );

    public Task<LeaseGrant> LeaseGrantAsync(long ttl, CancellationToken cancel = default) =>
        Ask(() => "grant", lease: 0, writes: false, Nothing, store => node.Granted(store.Grant(ttl)), Describe);

    public Task<LeaseGrant> LeaseKeepAliveAsync(long lease, CancellationToken cancel = default) =>
        Ask(
            () => $"keep-alive {lease}",
            lease,
            writes: true,
            tokens => tokens.Add(new Token(Meaning.Lease, lease)),
            store =>
                mutation == Mutation.LeaseNeverGone && !store.HasLease(lease)
                    ? new LeaseGrant(lease, Scenario.Ttl)
                    : store.KeepAlive(lease),
            Describe
        );

    public Task<bool> LeaseRevokeAsync(long lease, CancellationToken cancel = default) =>
        Ask(
            () => $"revoke {lease}",
            null,
            writes: true,
            tokens => tokens.AddRange([new(Meaning.Plain, -9), new(Meaning.Lease, lease)]),
            store => store.Revoke(lease),
            Nothing
        );

    public IAsyncEnumerable<EtcdWatchBatch> WatchAsync(
        EtcdRange range,
        long startRevision,
        TimeSpan probeInterval,
        CancellationToken cancel = default
    ) => throw new NotSupportedException("no node of the model watches");

    /// <summary>The continuation runs inside <see cref="Answer.Give"/>: between two calls nothing of a node is left to chance.</summary>
    private Task<T> Ask<T>(
        Func<string> name,
        long? lease,
        bool writes,
        Action<List<Token>> content,
        Func<SimulatedStore, T> carryOut,
        Action<T, List<Token>> describe
    )
    {
        var source = new TaskCompletionSource<T>();
        node.Calls(new Call(name, lease, writes, content, CarryOut, source.SetException));
        return source.Task;

        Answer CarryOut(SimulatedStore store)
        {
            try
            {
                T result = carryOut(store);
                return new Answer(tokens => describe(result, tokens), () => source.SetResult(result));
            }
            catch (EtcdException e)
            {
                return new Answer(tokens => tokens.Add(new Token(Meaning.Plain, (long)e.Kind + 100)), () => source.SetException(e));
            }
        }
    }

    private static void Nothing(List<Token> tokens) { }

    private static void Nothing<T>(T result, List<Token> tokens) { }

    private EtcdTxn Mutated(EtcdTxn txn)
    {
        if (mutation is not (Mutation.NoCompare or Mutation.NoMemory or Mutation.NoDelete) || txn.WritesNothing)
        {
            return txn;
        }

        var mutated = new EtcdTxn();
        foreach (EtcdOp op in txn.ThenOps)
        {
            bool isDropped =
                mutation == Mutation.NoDelete
                    ? op.Kind == EtcdOpKind.Delete
                    : mutation == Mutation.NoMemory && op.Range.Key.StartsWith(World.Keys.Nodes, StringComparison.Ordinal);
            if (!isDropped)
            {
                mutated.Then(op);
            }
        }
        foreach (EtcdTxn.Compare compare in txn.Compares)
        {
            if (mutation == Mutation.NoCompare)
            {
                break;
            }

            mutated = compare.Target switch
            {
                EtcdCompareTarget.CreateRevision => mutated.IfPrefixAbsent(compare.Range.Key),
                EtcdCompareTarget.ModRevision => mutated.IfModRevision(compare.Range.Key, compare.Value),
                _ => mutated.IfLease(compare.Range.Key, compare.Value),
            };
        }
        return mutated;
    }

    private static void Describe(LeaseGrant grant, List<Token> tokens)
    {
        tokens.Add(new Token(Meaning.Lease, grant.Id));
        tokens.Add(new Token(Meaning.Plain, grant.Ttl));
    }

    private static void Describe(RangeResult range, List<Token> tokens)
    {
        tokens.Add(new Token(Meaning.Begin, 0));
        foreach (KeyValue kv in range.Items)
        {
            Fingerprint.Describe(kv, tokens);
        }

        tokens.Add(new Token(Meaning.End, 0));
    }

    private static string Show(EtcdTxn txn)
    {
        List<string> words = [];
        foreach (EtcdTxn.Compare c in txn.Compares)
        {
            words.Add($"{Last(c.Range.Key)}.{c.Target}={c.Value}");
        }

        words.Add("->");
        foreach (EtcdOp op in txn.ThenOps)
        {
            words.Add($"{op.Kind} {Last(op.Range.Key)}{(op.Lease == 0 ? "" : $" lease {op.Lease}")}");
        }

        return "txn " + string.Join(' ', words);
    }

    private static string Last(string key) => key[(key.LastIndexOf('/') + 1)..];
}
