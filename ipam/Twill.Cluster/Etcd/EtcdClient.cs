using System.Net;
using System.Text.Json;

namespace Twill.Cluster;

/// <summary>etcd's v3 API through its JSON gateway (etcd 3.4 and newer). Several endpoints with fail-over, TLS, user and password with
/// renewal
/// of the token, a time limit on every call. All failures are <see cref="EtcdException"/>s; a caller's own cancellation is an
/// <see cref="OperationCanceledException"/>. Safe for use by several threads.</summary>
public sealed partial class EtcdClient : IEtcd, IDisposable
{
    private readonly EtcdOptions _options;
    private readonly EtcdEndpoints _endpoints;
    private readonly EtcdTransport _transport;

    /// <summary>Checks the options and reads the TLS files; makes no connection yet.</summary>
    /// <exception cref="EtcdException">Configuration: an endpoint or a file is unusable; the message names it.</exception>
    public EtcdClient(EtcdOptions options)
    {
        _options = options;
        _endpoints = new EtcdEndpoints(options.Endpoints);
        CheckUser(options);
        _transport = new EtcdTransport(options);
    }

    /// <summary>Our own address on the connection made last: how this host is seen from where etcd is. Null before the first
    /// call.</summary>
    public IPAddress? LocalAddress => _transport.LocalAddress;

    /// <summary>When an endpoint last answered, on the clock of the machine; null before the first answer.</summary>
    public DateTimeOffset? LastContact { get; private set; }

    /// <summary>etcdctl get KEY: all of <paramref name="range"/> at the newest revision, read through the leader.</summary>
    public Task<RangeResult> RangeAsync(EtcdRange range, CancellationToken cancel = default)
    {
        RangeAnswer answer = new();
        return CallAsync(
            new EtcdCall("etcd range", "/v3/kv/range", EtcdJson.Body(range.Write), Repeatable: true, Answer: answer),
            _ => answer.Result(),
            cancel
        );
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
            new EtcdCall("etcd put", "/v3/kv/put", EtcdJson.Body(EtcdOp.Put(key, value, lease).Write), Repeatable: true),
            EtcdParse.Revision,
            cancel
        );

    /// <summary>etcdctl del: deletes the key or keys if they exist. Returns how many there were.</summary>
    public Task<long> DeleteAsync(EtcdRange range, CancellationToken cancel = default) =>
        CallAsync(
            new EtcdCall("etcd delete", "/v3/kv/deleterange", EtcdJson.Body(range.Write), Repeatable: true),
            static reply => EtcdParse.Revision(reply) == 0 ? 0 : reply.Int64("deleted"),
            cancel
        );

    /// <summary>etcdctl txn. A transaction that writes is sent once: after a <see cref="EtcdErrorKind.Timeout"/> or
    /// <see cref="EtcdErrorKind.Unreachable"/> it may have been done, and the caller reads again to know.</summary>
    public Task<TxnResult> TxnAsync(EtcdTxn txn, CancellationToken cancel = default) =>
        CallAsync(new EtcdCall("etcd txn", "/v3/kv/txn", EtcdJson.Body(txn.Write), txn.WritesNothing), EtcdParse.Txn, cancel);

    /// <summary>etcdctl lease grant SECONDS. etcd may grant longer than asked.</summary>
    public Task<LeaseGrant> LeaseGrantAsync(long ttl, CancellationToken cancel = default) =>
        CallAsync(
            new EtcdCall("etcd lease grant", "/v3/lease/grant", EtcdJson.Body(w => EtcdJson.Write(w, "TTL", ttl)), Repeatable: true),
            EtcdParse.Lease,
            cancel
        );

    /// <summary>etcdctl lease keep-alive --once: a <see cref="LeaseGrant.Ttl"/> of 0 says that the lease is gone.</summary>
    public Task<LeaseGrant> LeaseKeepAliveAsync(long lease, CancellationToken cancel = default) =>
        CallAsync(
            new EtcdCall(
                "etcd lease keep-alive",
                "/v3/lease/keepalive",
                EtcdJson.Body(w => EtcdJson.Write(w, "ID", lease)),
                Repeatable: true
            ),
            static reply =>
                EtcdParse.Lease(reply.Has("result") ? reply.Object("result") : throw new FormatException("'result' is missing")),
            cancel
        );

    /// <summary>etcdctl lease revoke: the lease and every key that lives by it are gone. False: there was no such lease.</summary>
    public async Task<bool> LeaseRevokeAsync(long lease, CancellationToken cancel = default)
    {
        try
        {
            byte[] body = EtcdJson.Body(w => EtcdJson.Write(w, "ID", lease));
            await CallAsync(new EtcdCall("etcd lease revoke", "/v3/lease/revoke", body, Repeatable: true), EtcdParse.Revision, cancel)
                .ConfigureAwait(false);
            return true;
        }
        catch (EtcdException e) when (e.Kind == EtcdErrorKind.LeaseNotFound)
        {
            return false;
        }
    }

    /// <summary>This host has lost that address: what is connected from it would never hear an answer. It is closed, a watch as well;
    /// running
    /// calls fail as <see cref="EtcdErrorKind.Unreachable"/>, and the next ones connect anew.</summary>
    public void Abandon(IPAddress local) => _transport.Abandon(local);

    /// <summary>Closes the connections; running calls fail.</summary>
    public void Dispose() => _transport.Dispose();

    private async Task<T> CallAsync<T>(EtcdCall call, Func<EtcdReply, T> parse, CancellationToken cancel)
    {
        long end = Environment.TickCount64 + (long)_options.EffectiveCallTimeout.TotalMilliseconds;
        int first = _endpoints.First;
        List<EtcdException> failures = [];
        for (int attempt = 0; attempt < _endpoints.Count; attempt++)
        {
            // What is left is shared among the endpoints not yet asked, so that one that hangs leaves time for the others.
            long left = (end - Environment.TickCount64) / (_endpoints.Count - attempt);
            if (left <= 0)
            {
                break;
            }

            Uri endpoint = _endpoints.At(first, attempt);
            try
            {
                return await AskAsync(call, endpoint, parse, TimeSpan.FromMilliseconds(left), cancel).ConfigureAwait(false);
            }
            catch (EtcdException e)
            {
                failures.Add(e);
                if (!MayAskAnother(e, call))
                {
                    break;
                }
            }
        }
        throw Combine(failures, call);
    }

    /// <summary>Asks one endpoint only.</summary>
    private async Task<T> AskAsync<T>(EtcdCall call, Uri endpoint, Func<EtcdReply, T> parse, TimeSpan limit, CancellationToken cancel)
    {
        string at = EtcdEndpoints.Show(endpoint);
        using var timer = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        timer.CancelAfter(limit);
        try
        {
            ReadOnlyMemory<byte> body = await WithTokenAsync(call, endpoint, timer.Token).ConfigureAwait(false);
            T result;
            if (call.Answer is not null)
            {
                result = parse(default);
            }
            else
            {
                using JsonDocument json = JsonDocument.Parse(body);
                result = parse(new EtcdReply(json.RootElement));
            }
            _endpoints.Answered(endpoint);
            LastContact = DateTimeOffset.UtcNow;
            return result;
        }
        catch (OperationCanceledException e) when (!cancel.IsCancellationRequested)
        {
            throw new EtcdException(
                EtcdErrorKind.Timeout,
                at,
                $"{call.Name} at {at}: no answer within {limit.TotalSeconds:0.#} s; the endpoint hangs or is overloaded",
                e
            );
        }
        catch (Exception e) when (e is JsonException or FormatException or InvalidOperationException)
        {
            throw new EtcdException(
                EtcdErrorKind.Protocol,
                at,
                $"{call.Name} at {at}: the answer is not etcd's JSON ({EtcdFault.Printable(e.Message)}); is this etcd's client URL?",
                e
            );
        }
    }

    /// <summary>Another member may do better when this one could not be asked, or when asking twice does no harm and the fault may be its
    /// own.</summary>
    private static bool MayAskAnother(EtcdException e, EtcdCall call) =>
        e.Kind switch
        {
            EtcdErrorKind.Unreachable or EtcdErrorKind.Tls or EtcdErrorKind.Timeout or EtcdErrorKind.Protocol => call.Repeatable
                || e.NotCarriedOut,
            _ => false,
        };

    private static EtcdException Combine(List<EtcdException> failures, EtcdCall call)
    {
        if (failures.Count == 0)
        {
            return new EtcdException(EtcdErrorKind.Timeout, "", $"{call.Name}: the time limit is over");
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
