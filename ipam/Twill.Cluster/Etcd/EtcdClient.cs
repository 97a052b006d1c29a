using System.Diagnostics;
using System.Net;
using Grpc.Core;

namespace Twill.Cluster;

/// <summary>etcd's v3 API over gRPC (etcd 3.4 and newer), by dotnet-etcd's generated clients. Several endpoints with fail-over, TLS, user
/// and password with renewal of the token, a time limit on every call. All failures are <see cref="EtcdException"/>s; a caller's own
/// cancellation is an <see cref="OperationCanceledException"/>. Safe for use by several threads.</summary>
public sealed partial class EtcdClient : IEtcd, IDisposable
{
    private readonly EtcdOptions _options;
    private readonly EtcdConnections _connections = new();
    private readonly EtcdEndpoints _endpoints;
    private long _answered;

    /// <summary>Checks the options and the TLS files; makes no connection yet.</summary>
    /// <exception cref="EtcdException">Configuration: an endpoint or a file is unusable; the message names it.</exception>
    public EtcdClient(EtcdOptions options)
        : this(options, static (host, cancel) => Dns.GetHostAddressesAsync(host, cancel)) { }

    internal EtcdClient(EtcdOptions options, EtcdResolver resolve)
    {
        _options = options;
        _endpoints = new EtcdEndpoints(options, _connections, resolve);
        CheckUser(options);
        EtcdTls.CheckFiles(options);
    }

    /// <summary>Our own address on the connection made last: how this host is seen from where etcd is. Null before the first
    /// call.</summary>
    public IPAddress? LocalAddress => _connections.LocalAddress;

    /// <summary>The addresses of the members that are connected.</summary>
    public IReadOnlyCollection<IPAddress> MemberAddresses => _connections.RemoteAddresses;

    /// <summary>When an endpoint last answered, on the clock of the machine; null before the first answer.</summary>
    public DateTimeOffset? LastContact => _answered is 0 ? null : DateTimeOffset.UtcNow - Stopwatch.GetElapsedTime(_answered);

    /// <summary>Called when a call was answered, so that a caller's patience may follow an etcd that is slow and gets on.</summary>
    public Action? Answered { get; init; }

    /// <summary>etcdctl get KEY: all of <paramref name="range"/> at the newest revision, read through the leader.</summary>
    public async Task<RangeResult> RangeAsync(EtcdRange range, CancellationToken cancel = default)
    {
        long end = End();
        while (true)
        {
            RangePages pages = new(range);
            var page = new EtcdCall<bool>("etcd range", Repeatable: true, async (to, options) =>
                pages.Take(await to.KV.RangeAsync(pages.Next(), options).ConfigureAwait(false))
            );
            try
            {
                while (await CallAsync(page, end, cancel).ConfigureAwait(false))
                {
                    // the next page
                }

                return pages.Result();
            }
            catch (EtcdException e) when (e.Kind == EtcdErrorKind.Compacted && pages.HasBegun)
            {
                // The revision of the first page is no longer kept: once more from the beginning.
            }
        }
    }

    /// <summary>etcdctl get KEY: the key, or null when there is none.</summary>
    public async Task<KeyValue?> GetAsync(string key, CancellationToken cancel = default)
    {
        RangeResult found = await RangeAsync(EtcdRange.Of(key), cancel).ConfigureAwait(false);
        return found.Items.Count == 0 ? null : found.Items[0];
    }

    /// <summary>etcdctl put [--lease]: writes whatever was there before; lease 0 means none. Returns the revision of the write.</summary>
    public Task<long> PutAsync(string key, ReadOnlyMemory<byte> value, long lease = 0, CancellationToken cancel = default) =>
        CallAsync(
            new EtcdCall<long>("etcd put", Repeatable: true, async (to, options) =>
                EtcdMessages.Revision((await to.KV.PutAsync(EtcdMessages.Put(key, value, lease), options).ConfigureAwait(false)).Header)
            ),
            End(),
            cancel
        );

    /// <summary>etcdctl del: deletes the key or keys if they exist. Returns how many there were.</summary>
    public Task<long> DeleteAsync(EtcdRange range, CancellationToken cancel = default) =>
        CallAsync(new EtcdCall<long>("etcd delete", Repeatable: true, async (to, options) =>
            {
                Etcdserverpb.DeleteRangeResponse response = await to
                    .KV.DeleteRangeAsync(EtcdMessages.Delete(range), options)
                    .ConfigureAwait(false);
                _ = EtcdMessages.Revision(response.Header);
                return response.Deleted;
            }), End(), cancel);

    /// <summary>etcdctl txn. A transaction that writes is sent once: after a <see cref="EtcdErrorKind.Timeout"/> or
    /// <see cref="EtcdErrorKind.Unreachable"/> it may have been done, and the caller reads again to know.</summary>
    public Task<TxnResult> TxnAsync(EtcdTxn txn, CancellationToken cancel = default) =>
        CallAsync(
            new EtcdCall<TxnResult>("etcd txn", txn.WritesNothing, async (to, options) =>
                EtcdMessages.Txn(await to.KV.TxnAsync(EtcdMessages.Txn(txn), options).ConfigureAwait(false))
            ),
            End(),
            cancel
        );

    /// <summary>etcdctl lease grant SECONDS. etcd may grant longer than asked.</summary>
    public Task<LeaseGrant> LeaseGrantAsync(long ttl, CancellationToken cancel = default) =>
        CallAsync(
            new EtcdCall<LeaseGrant>("etcd lease grant", Repeatable: true, async (to, options) =>
                EtcdMessages.Lease(
                    await to.Lease.LeaseGrantAsync(new Etcdserverpb.LeaseGrantRequest { TTL = ttl }, options).ConfigureAwait(false)
                )
            ),
            End(),
            cancel
        );

    /// <summary>etcdctl lease keep-alive --once: a <see cref="LeaseGrant.Ttl"/> of 0 says that the lease is gone.</summary>
    public Task<LeaseGrant> LeaseKeepAliveAsync(long lease, CancellationToken cancel = default) =>
        CallAsync(new EtcdCall<LeaseGrant>("etcd lease keep-alive", Repeatable: true, async (to, options) =>
            {
                using var stream = to.Lease.LeaseKeepAlive(options);
                // What keeps the request from being sent keeps the answer from coming, which says it.
                await AnswerMayTell(stream.RequestStream.WriteAsync(new Etcdserverpb.LeaseKeepAliveRequest { ID = lease }))
                    .ConfigureAwait(false);
                return await stream.ResponseStream.MoveNext(options.CancellationToken).ConfigureAwait(false)
                    ? EtcdMessages.Lease(stream.ResponseStream.Current)
                    : throw new FormatException("the answer is empty");
            }), End(), cancel);

    /// <summary>etcdctl lease revoke: the lease and every key that lives by it are gone. False: there was no such lease.</summary>
    public async Task<bool> LeaseRevokeAsync(long lease, CancellationToken cancel = default)
    {
        var call = new EtcdCall<long>("etcd lease revoke", Repeatable: true, async (to, options) =>
            EtcdMessages.Revision(
                (await to.Lease.LeaseRevokeAsync(new Etcdserverpb.LeaseRevokeRequest { ID = lease }, options).ConfigureAwait(false)).Header
            )
        );
        try
        {
            await CallAsync(call, End(), cancel).ConfigureAwait(false);
            return true;
        }
        catch (EtcdException e) when (e.Kind == EtcdErrorKind.LeaseNotFound)
        {
            return false;
        }
    }

    /// <summary>This host has lost that address: what is connected from it would never hear an answer. It is closed, a watch as well;
    /// running calls fail as <see cref="EtcdErrorKind.Unreachable"/>, and the next ones connect anew.</summary>
    public void Abandon(IPAddress local)
    {
        if (_connections.Abandon(local))
        {
            _endpoints.Disconnect();
        }
    }

    /// <summary>Closes the connections; running calls fail.</summary>
    public void Dispose()
    {
        _connections.Abandon(null);
        _endpoints.Dispose();
    }

    private long End() => Environment.TickCount64 + (long)_options.EffectiveCallTimeout.TotalMilliseconds;

    /// <summary>Makes a call before <paramref name="end"/> (of <see cref="Environment.TickCount64"/>), at one endpoint after the
    /// other.</summary>
    private async Task<T> CallAsync<T>(EtcdCall<T> call, long end, CancellationToken cancel)
    {
        EtcdEndpoint[] endpoints = _endpoints.InOrder();
        List<EtcdException> failures = [];
        for (int i = 0; i < endpoints.Length; i++)
        {
            // What is left is shared among the endpoints not yet asked, so that one that hangs leaves time for the others, and an
            // endpoint's share among the members behind its name.
            long until = Share(end, endpoints.Length - i);
            EtcdMember[] members;
            try
            {
                members = await endpoints[i].MembersAsync(call.Name, endpoints[i].ConnectTimeout, cancel).ConfigureAwait(false);
            }
            catch (EtcdException e)
            {
                failures.Add(e);
                continue;
            }

            for (int j = 0; j < members.Length; j++)
            {
                long left = Share(until, members.Length - j) - Environment.TickCount64;
                if (left <= 0)
                {
                    break;
                }

                try
                {
                    return await AskAsync(call, members[j], TimeSpan.FromMilliseconds(left), cancel).ConfigureAwait(false);
                }
                catch (EtcdException e)
                {
                    failures.Add(e);
                    if (!MayAskAnother(e, call.Repeatable))
                    {
                        throw Combine(failures, call.Name);
                    }

                    endpoints[i].LookUpAgain();
                }
            }
        }
        throw Combine(failures, call.Name);
    }

    private static long Share(long end, int among)
    {
        long now = Environment.TickCount64;
        return now + (end - now) / among;
    }

    /// <summary>Asks one member only.</summary>
    private async Task<T> AskAsync<T>(EtcdCall<T> call, EtcdMember member, TimeSpan limit, CancellationToken cancel)
    {
        using var timer = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        timer.CancelAfter(limit);
        try
        {
            using EtcdChannel channel = member.Rent();
            T result = await WithTokenAsync(call, member, channel, timer.Token).ConfigureAwait(false);
            _endpoints.Answered(member);
            _answered = Stopwatch.GetTimestamp();
            Answered?.Invoke();
            return result;
        }
        catch (Exception e) when (e is RpcException or FormatException or OperationCanceledException)
        {
            cancel.ThrowIfCancellationRequested();
            if (!timer.IsCancellationRequested)
            {
                throw EtcdFault.From(e, call.Name, member);
            }

            member.Dispose(); // what is connected to a member that hangs, or to where it was, is not waited for again
            throw new EtcdException(
                EtcdErrorKind.Timeout,
                member.Name,
                $"{call.Name} at {member.Name}: no answer within {limit.TotalSeconds:0.#} s; the endpoint hangs or is overloaded",
                e
            );
        }
    }

    /// <summary>Another member may do better when this one could not be asked, or when asking twice does no harm and the fault may be its
    /// own.</summary>
    private static bool MayAskAnother(EtcdException e, bool repeatable) =>
        e.Kind switch
        {
            EtcdErrorKind.Unreachable or EtcdErrorKind.Tls or EtcdErrorKind.Timeout or EtcdErrorKind.Protocol => repeatable
                || e.NotCarriedOut,
            _ => false,
        };

    private static EtcdException Combine(List<EtcdException> failures, string call)
    {
        if (failures.Count == 0)
        {
            return new EtcdException(EtcdErrorKind.Timeout, "", $"{call}: the time limit is over");
        }

        EtcdException last = failures[^1];
        if (failures.Count == 1)
        {
            return last;
        }
        // The kind that needs a person outweighs the transient ones: a wrong CA stays wrong however often one tries.
        EtcdException weightiest = failures.Find(f => !f.IsTransient) ?? last;
        return new EtcdException(
            weightiest.Kind,
            weightiest.Endpoint,
            $"none of {failures.Count} etcd endpoints could be used: {string.Join("; ", failures.ConvertAll(f => f.Message))}",
            weightiest
        );
    }
}
