using System.Diagnostics;
using System.Runtime.CompilerServices;
using Etcdserverpb;
using Grpc.Core;
using Mvccpb;

namespace Twill.Cluster;

/// <content>Watching: one gRPC stream for each watch.</content>
public sealed partial class EtcdClient
{
    /// <summary>etcdctl watch --prefix --rev: every change from <paramref name="startRevision"/> on, from one endpoint. Ends only by an
    /// exception: <see cref="EtcdErrorKind.Compacted"/> when the revision is no longer kept, <see cref="EtcdErrorKind.Unreachable"/> when
    /// the stream broke, the member lost its leader or stopped answering. Whoever watches lists again then.</summary>
    /// <param name="range">What to watch.</param>
    /// <param name="startRevision">First revision of interest: one more than that of the list before.</param>
    /// <param name="probeInterval">After this long without a message the same endpoint is asked for a key, through the leader and with the
    /// token of now: it shows a member that hangs although its connection stands, or an etcd that was set back to before the revision
    /// waited for (<see cref="EtcdErrorKind.Unreachable"/>, too), and keeps the token in use.</param>
    /// <param name="cancel">Ends the watch with an <see cref="OperationCanceledException"/>.</param>
    public async IAsyncEnumerable<EtcdWatchBatch> WatchAsync(
        EtcdRange range,
        long startRevision,
        TimeSpan probeInterval,
        [EnumeratorCancellation] CancellationToken cancel = default
    )
    {
        EtcdMember member = await PreferredAsync(cancel).ConfigureAwait(false);
        long reached = startRevision - 1;
        using WatchStream stream = await OpenWatchAsync(member, range, startRevision, cancel).ConfigureAwait(false);
        while (true)
        {
            Task<WatchResponse> message = stream.Next();
            while (!message.IsCompleted)
            {
                using var pause = CancellationTokenSource.CreateLinkedTokenSource(cancel);
                await Task.WhenAny(message, Task.Delay(probeInterval, pause.Token)).ConfigureAwait(false);
                await pause.CancelAsync().ConfigureAwait(false);
                cancel.ThrowIfCancellationRequested();
                if (!message.IsCompleted)
                {
                    await ProbeAsync(member, range, reached, cancel).ConfigureAwait(false);
                }
            }
            EtcdWatchBatch batch;
            try
            {
                batch = Read(await message.ConfigureAwait(false), member);
            }
            catch (Exception e) when (e is RpcException or FormatException or OperationCanceledException or IOException)
            {
                cancel.ThrowIfCancellationRequested();
                _endpoints.Failed(member);
                throw EtcdFault.From(e, "etcd watch", member);
            }

            _answered = Stopwatch.GetTimestamp();
            reached = Math.Max(reached, batch.Revision);
            yield return batch;
        }
    }

    private async Task<EtcdMember> PreferredAsync(CancellationToken cancel)
    {
        EtcdEndpoint endpoint = _endpoints.Preferred;
        try
        {
            return (await endpoint.MembersAsync("etcd watch", endpoint.ConnectTimeout, cancel).ConfigureAwait(false))[0];
        }
        catch (EtcdException)
        {
            _endpoints.FailedAll(endpoint);
            throw;
        }
    }

    /// <summary>Asks for the watch and waits until etcd says that it has made it.</summary>
    private async Task<WatchStream> OpenWatchAsync(EtcdMember member, EtcdRange range, long startRevision, CancellationToken cancel)
    {
        using var timer = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        timer.CancelAfter(_options.EffectiveCallTimeout);
        WatchStream? stream = null;
        try
        {
            EtcdChannel channel = member.Rent();
            stream = new WatchStream(channel);
            string? token = await TokenAsync(member, channel, timer.Token).ConfigureAwait(false);
            await stream
                .OpenAsync(Options(token, cancel, requireLeader: true), EtcdMessages.Watch(range, startRevision), timer.Token)
                .ConfigureAwait(false);
            return stream;
        }
        catch (Exception e)
        {
            stream?.Dispose();
            cancel.ThrowIfCancellationRequested();
            EtcdException failure;
            if (timer.IsCancellationRequested)
            {
                member.Dispose();
                failure = new EtcdException(
                    EtcdErrorKind.Timeout,
                    member.Name,
                    $"etcd watch at {member.Name}: no answer within {_options.EffectiveCallTimeout.TotalSeconds:0.#} s; the endpoint is "
                        + $"connected but hangs",
                    e
                );
            }
            else if (e is RpcException or FormatException or EtcdException or OperationCanceledException or IOException)
            {
                failure = EtcdFault.From(e, "etcd watch", member);
            }
            else
            {
                throw;
            }

            if (failure.Kind == EtcdErrorKind.Unauthorized)
            {
                _token = null;
            }
            else
            {
                _endpoints.Failed(member);
            }

            throw failure;
        }
    }

    private async Task ProbeAsync(EtcdMember member, EtcdRange range, long reached, CancellationToken cancel)
    {
        var call = new EtcdCall<long>("etcd watch probe", Repeatable: true, async (to, options) =>
            EtcdMessages.Revision(
                (await to.KV.RangeAsync(EtcdMessages.Range(EtcdRange.Of(range.Key)), options).ConfigureAwait(false)).Header
            )
        );
        try
        {
            long revision = await AskAsync(call, member, _options.EffectiveCallTimeout, cancel).ConfigureAwait(false);
            if (revision >= reached)
            {
                return;
            }

            throw new EtcdException(
                EtcdErrorKind.Unreachable,
                member.Name,
                $"etcd watch at {member.Name}: etcd is at revision {revision} and was at {reached}: it was set back, and would not tell "
                    + $"of changes for long"
            );
        }
        catch (EtcdException e)
        {
            if (e.Kind is not (EtcdErrorKind.Unauthorized or EtcdErrorKind.Denied))
            {
                _endpoints.Failed(member);
            }

            throw;
        }
    }

    /// <summary>What a message brings. etcd ends a watch by a message as well; the token is fetched anew for the next one then.</summary>
    private EtcdWatchBatch Read(WatchResponse response, EtcdMember member)
    {
        if (response.CompactRevision > 0)
        {
            throw new EtcdException(
                EtcdErrorKind.Compacted,
                member.Name,
                $"etcd watch at {member.Name}: history up to revision {response.CompactRevision} has been compacted"
            );
        }

        if (response.Canceled)
        {
            _token = null;
            throw EtcdFault.FromCancelledWatch(member.Name, response.CancelReason);
        }

        List<EtcdWatchEvent> events = new(response.Events.Count);
        foreach (Event e in response.Events)
        {
            events.Add(
                new EtcdWatchEvent(
                    EtcdMessages.KeyValue(e.Kv ?? throw new FormatException("a change has no key")),
                    e.Type == Event.Types.EventType.Delete
                )
            );
        }

        return new EtcdWatchBatch(events, EtcdMessages.Revision(response.Header));
    }

    /// <summary>A gRPC stream with one watch on it.</summary>
    private sealed class WatchStream(EtcdChannel channel) : IDisposable
    {
        private AsyncDuplexStreamingCall<WatchRequest, WatchResponse>? _call;
        private Task<WatchResponse>? _first;

        /// <summary>Makes the watch; its first message says that it is made.</summary>
        public async Task OpenAsync(CallOptions options, WatchRequest request, CancellationToken limit)
        {
            _call = channel.Watch.Watch(options);
            // What keeps the request from being sent keeps the answer from coming, which says it.
            await AnswerMayTell(_call.RequestStream.WriteAsync(request, limit)).WaitAsync(limit).ConfigureAwait(false);
            _first = ReadAsync();
            await _first.WaitAsync(limit).ConfigureAwait(false);
        }

        /// <summary>The next message; only one is waited for at a time.</summary>
        public Task<WatchResponse> Next()
        {
            Task<WatchResponse> next = _first ?? ReadAsync();
            _first = null;
            return next;
        }

        public void Dispose()
        {
            _call?.Dispose();
            channel.Dispose();
        }

        private async Task<WatchResponse> ReadAsync() =>
            await _call!.ResponseStream.MoveNext(CancellationToken.None).ConfigureAwait(false)
                ? _call.ResponseStream.Current
                : throw new IOException("etcd ended the watch");
    }

    private static async Task AnswerMayTell(Task write)
    {
        try
        {
            await write.ConfigureAwait(false);
        }
        catch (Exception e) when (e is RpcException or InvalidOperationException or OperationCanceledException or IOException)
        {
            // The stream is over already.
        }
    }
}
