using System.Runtime.CompilerServices;
using System.Text.Json;

namespace Twill.Cluster;

/// <content>Watching: one HTTP answer that never ends, one JSON object per line.</content>
public sealed partial class EtcdClient
{
    /// <summary>etcdctl watch --prefix --rev: every change from <paramref name="startRevision"/> on, from one endpoint. Ends only by an
    /// exception: <see cref="EtcdErrorKind.Compacted"/> when the revision is no longer kept, <see cref="EtcdErrorKind.Unreachable"/> when
    /// the
    /// stream broke, the member lost its leader or stopped answering. Whoever watches lists again then.</summary>
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
        Uri endpoint = _endpoints.Preferred;
        long reached = startRevision - 1;
        using WatchStream stream = await OpenWatchAsync(endpoint, range, startRevision, cancel).ConfigureAwait(false);
        while (true)
        {
            Task<ReadOnlyMemory<byte>> line = stream.ReadLineAsync(cancel);
            while (!line.IsCompleted)
            {
                using var pause = CancellationTokenSource.CreateLinkedTokenSource(cancel);
                await Task.WhenAny(line, Task.Delay(probeInterval, pause.Token)).ConfigureAwait(false);
                await pause.CancelAsync().ConfigureAwait(false);
                cancel.ThrowIfCancellationRequested();
                if (!line.IsCompleted)
                {
                    await ProbeAsync(endpoint, range, reached, cancel).ConfigureAwait(false);
                }
            }
            EtcdWatchBatch batch = Parse(await line.ConfigureAwait(false), endpoint);
            LastContact = DateTimeOffset.UtcNow;
            reached = Math.Max(reached, batch.Revision);
            yield return batch;
        }
    }

    private async Task<WatchStream> OpenWatchAsync(Uri endpoint, EtcdRange range, long startRevision, CancellationToken cancel)
    {
        var call = new EtcdCall(
            "etcd watch",
            "/v3/watch",
            EtcdJson.Body(w =>
            {
                w.WriteStartObject("create_request");
                range.Write(w);
                EtcdJson.Write(w, "start_revision", startRevision);
                w.WriteBoolean("progress_notify", true);
                w.WriteEndObject();
            }),
            Repeatable: true,
            RequireLeader: true
        );
        string at = EtcdEndpoints.Show(endpoint);
        using var timer = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        timer.CancelAfter(_options.EffectiveCallTimeout);
        try
        {
            string? token = await TokenAsync(endpoint, timer.Token).ConfigureAwait(false);
            HttpResponseMessage response = await _transport.OpenAsync(call, endpoint, token, timer.Token).ConfigureAwait(false);
            var stream = new WatchStream(response, await response.Content.ReadAsStreamAsync(timer.Token).ConfigureAwait(false), e =>
                _transport.Explain(e, call, endpoint)
            );
            if ((int)response.StatusCode == 200)
            {
                return stream;
            }

            using (stream)
            {
                ReadOnlyMemory<byte> body = await stream.ReadLineAsync(timer.Token).ConfigureAwait(false);
                throw EtcdFault.FromAnswer(at, call.Name, (int)response.StatusCode, body);
            }
        }
        catch (OperationCanceledException e) when (!cancel.IsCancellationRequested)
        {
            _endpoints.Failed(endpoint);
            throw new EtcdException(
                EtcdErrorKind.Timeout,
                at,
                $"etcd watch at {at}: no answer within {_options.EffectiveCallTimeout.TotalSeconds:0.#} s; the endpoint is connected "
                    + $"but hangs",
                e
            );
        }
        catch (EtcdException e)
        {
            if (e.Kind == EtcdErrorKind.Unauthorized)
            {
                _token = null;
            }
            else
            {
                _endpoints.Failed(endpoint);
            }

            throw;
        }
    }

    private async Task ProbeAsync(Uri endpoint, EtcdRange range, long reached, CancellationToken cancel)
    {
        var call = new EtcdCall("etcd watch probe", "/v3/kv/range", EtcdJson.Body(EtcdRange.Of(range.Key).Write), Repeatable: true);
        try
        {
            long revision = await AskAsync(call, endpoint, EtcdParse.Revision, _options.EffectiveCallTimeout, cancel).ConfigureAwait(false);
            if (revision >= reached)
            {
                return;
            }

            string at = EtcdEndpoints.Show(endpoint);
            throw new EtcdException(
                EtcdErrorKind.Unreachable,
                at,
                $"etcd watch at {at}: etcd is at revision {revision} and was at {reached}: it was set back, and would not tell of "
                    + $"changes for long"
            );
        }
        catch (EtcdException e)
        {
            if (e.Kind is not (EtcdErrorKind.Unauthorized or EtcdErrorKind.Denied))
            {
                _endpoints.Failed(endpoint);
            }

            throw;
        }
    }

    private EtcdWatchBatch Parse(ReadOnlyMemory<byte> line, Uri endpoint)
    {
        string at = EtcdEndpoints.Show(endpoint);
        try
        {
            using JsonDocument json = JsonDocument.Parse(line);
            var reply = new EtcdReply(json.RootElement);
            if (reply.Has("error"))
            {
                _endpoints.Failed(endpoint);
                throw EtcdFault.FromStream(at, "etcd watch", reply.Object("error"));
            }
            EtcdReply result = reply.Has("result") ? reply.Object("result") : throw new FormatException("'result' is missing");
            if (result.Bool("canceled"))
            {
                throw Cancelled(result, at);
            }

            List<EtcdWatchEvent> events = [];
            foreach (EtcdReply e in result.Items("events"))
            {
                events.Add(new EtcdWatchEvent(EtcdParse.KeyValue(e.Object("kv")), e.Text("type") == "DELETE"));
            }

            return new EtcdWatchBatch(events, EtcdParse.Revision(result));
        }
        catch (Exception e) when (e is JsonException or FormatException or InvalidOperationException)
        {
            _endpoints.Failed(endpoint);
            throw new EtcdException(
                EtcdErrorKind.Protocol,
                at,
                $"etcd watch at {at}: a message is not etcd's JSON ({EtcdFault.Printable(e.Message)})",
                e
            );
        }
    }

    /// <summary>etcd ends a watch by a message that says why in words only; the token is fetched anew for the next one in any
    /// case.</summary>
    private EtcdException Cancelled(EtcdReply result, string at)
    {
        long compacted = result.Int64("compact_revision");
        if (compacted > 0)
        {
            return new EtcdException(
                EtcdErrorKind.Compacted,
                at,
                $"etcd watch at {at}: history up to revision {compacted} has been compacted"
            );
        }

        _token = null;
        string reason = result.Text("cancel_reason");
        EtcdErrorKind kind = reason switch
        {
            _ when reason.Contains("code = PermissionDenied", StringComparison.Ordinal) => EtcdErrorKind.Denied,
            _ when reason.Contains("code = Unauthenticated", StringComparison.Ordinal) => EtcdErrorKind.Unauthorized,
            _ when reason.Contains("etcdserver: user name is empty", StringComparison.Ordinal) => EtcdErrorKind.Unauthorized,
            _ => EtcdErrorKind.Unreachable,
        };
        return new EtcdException(kind, at, $"etcd watch at {at}: ended by etcd: {EtcdFault.Printable(reason)}");
    }

    /// <summary>The endless answer, cut into lines.</summary>
    private sealed class WatchStream(HttpResponseMessage response, Stream stream, Func<Exception, EtcdException> explain) : IDisposable
    {
        private const int LongestLine = 64 << 20;
        private byte[] _buffer = new byte[16 << 10];
        private int _start,
            _end;

        /// <summary>The next line without its end; at the end of the stream what is left, or an exception when that is nothing.</summary>
        public async Task<ReadOnlyMemory<byte>> ReadLineAsync(CancellationToken cancel)
        {
            try
            {
                int searched = _start;
                while (true)
                {
                    int newline = _buffer.AsSpan(searched, _end - searched).IndexOf((byte)'\n');
                    if (newline >= 0)
                    {
                        return Take(searched + newline, 1);
                    }

                    searched = MakeRoom();
                    int count = await stream.ReadAsync(_buffer.AsMemory(_end), cancel).ConfigureAwait(false);
                    if (count == 0 && _end > _start)
                    {
                        return Take(_end, 0);
                    }

                    if (count == 0)
                    {
                        throw new IOException("etcd ended the watch");
                    }

                    _end += count;
                }
            }
            catch (Exception e) when (EtcdTransport.IsTransportTrouble(e))
            {
                throw explain(e);
            }
        }

        public void Dispose() => response.Dispose();

        private ReadOnlyMemory<byte> Take(int end, int terminator)
        {
            ReadOnlyMemory<byte> line = _buffer.AsMemory(_start, end - _start);
            _start = end + terminator;
            return line;
        }

        /// <summary>Moves what is unread to the front and grows the buffer when it is full. Returns where unread and unsearched bytes
        /// begin.</summary>
        private int MakeRoom()
        {
            int unread = _end - _start;
            if (_start > 0)
            {
                Buffer.BlockCopy(_buffer, _start, _buffer, 0, unread);
            }

            (_start, _end) = (0, unread);
            if (unread == _buffer.Length)
            {
                if (unread >= LongestLine)
                {
                    throw new IOException($"a message is longer than {LongestLine >> 20} MB");
                }

                Array.Resize(ref _buffer, unread * 2);
            }
            return unread;
        }
    }
}
