namespace Twill.Cluster;

/// <summary>What <see cref="LeaseStore"/> asks of etcd: <see cref="EtcdClient"/>, or a simulated etcd under a model of the lease protocol.
/// Each call is described there.</summary>
internal interface IEtcd
{
    Task<RangeResult> RangeAsync(EtcdRange range, CancellationToken cancel = default);

    Task<KeyValue?> GetAsync(string key, CancellationToken cancel = default);

    Task<long> DeleteAsync(EtcdRange range, CancellationToken cancel = default);

    Task<TxnResult> TxnAsync(EtcdTxn txn, CancellationToken cancel = default);

    Task<LeaseGrant> LeaseGrantAsync(long ttl, CancellationToken cancel = default);

    Task<LeaseGrant> LeaseKeepAliveAsync(long lease, CancellationToken cancel = default);

    Task<bool> LeaseRevokeAsync(long lease, CancellationToken cancel = default);

    IAsyncEnumerable<EtcdWatchBatch> WatchAsync(
        EtcdRange range,
        long startRevision,
        TimeSpan probeInterval,
        CancellationToken cancel = default
    );
}
