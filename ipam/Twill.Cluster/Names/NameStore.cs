namespace Twill.Cluster;

/// <summary>The names of one network in etcd: following those of all hosts, and writing this host's.</summary>
/// <param name="etcd">The client; the store does not dispose it.</param>
/// <param name="keys">The keys of names.</param>
public sealed class NameStore(EtcdClient etcd, NameKeys keys)
{
    private static readonly TimeSpan s_probeInterval = TimeSpan.FromSeconds(10),
        s_relistInterval = TimeSpan.FromMinutes(10);

    /// <summary>All keys: a list, then each change. Never ends but by <paramref name="cancel"/>.</summary>
    public IAsyncEnumerable<RangeUpdate> FollowAsync(CancellationToken cancel) =>
        new RangeFollower(etcd, EtcdRange.Prefix(keys.All), Random.Shared)
        {
            ProbeInterval = s_probeInterval,
            RelistInterval = s_relistInterval,
        }.FollowAsync(cancel);

    /// <summary>Writes keys.</summary>
    /// <returns>The store's revision after it; null when a key is not any more as it was seen, and nothing was written.</returns>
    /// <exception cref="EtcdException">etcd could not be asked, or knows no such lease.</exception>
    public async Task<long?> WriteAsync(NameChange change, CancellationToken cancel)
    {
        TxnResult result = await etcd.TxnAsync(change.Txn, cancel).ConfigureAwait(false);
        return result.Succeeded ? result.Revision : null;
    }
}
