namespace Twill.Cluster;

/// <content>How etcd is read and written by all that leases.</content>
public sealed partial class LeaseStore
{
    private Task<ClusterView> ViewAsync(CancellationToken cancel) => ClusterView.ReadAsync(_etcd, Keys, _nodeId, _network, cancel);

    /// <summary>The answer: done. Null: a condition did not hold, or no answer came and it may or may not be done: look again.</summary>
    private async Task<TxnResult?> TryCommitAsync(EtcdTxn txn, int tries, CancellationToken cancel)
    {
        try
        {
            if (await _etcd.TxnAsync(txn, cancel).ConfigureAwait(false) is { Succeeded: true } done)
            {
                return done;
            }
        }
        catch (EtcdException e) when (e.Kind is EtcdErrorKind.Timeout or EtcdErrorKind.Unreachable && tries == 0)
        {
            return null;
        }
        if (tries >= 2)
        {
            await Task.Delay(_random.Next(5 * Math.Min(tries, 20)), cancel).ConfigureAwait(false);
        }

        return null;
    }

    /// <summary>Revokes an etcd lease that nothing needs any more. When that fails it runs out by itself, so nothing is lost.</summary>
    private async Task RevokeAsync(long lease)
    {
        try
        {
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(2));
            await _etcd.LeaseRevokeAsync(lease, limit.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is EtcdException or OperationCanceledException)
        {
            // The lease expires within its TTL; the caller's own result or error is what matters.
        }
    }
}
