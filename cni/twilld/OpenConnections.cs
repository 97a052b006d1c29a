using System.Net.Sockets;

namespace Twill.Agent;

/// <summary>
/// The connections that a server has open, so many at most. Where there are too many, the oldest ends: who asks and reads is done long
/// before, and who is silent keeps nobody out.
/// </summary>
/// <param name="most">How many.</param>
internal sealed class OpenConnections(int most)
{
    private readonly Lock _lock = new();
    private readonly LinkedList<CancellationTokenSource> _open = []; // the oldest first

    /// <summary>Takes connections and serves each, until stopped.</summary>
    /// <param name="listener">Where they come.</param>
    /// <param name="limit">The longest that one lasts.</param>
    /// <param name="serve">Serves one, which is closed then.</param>
    /// <param name="stop">Ends all of them.</param>
    internal async Task AcceptAsync(Socket listener, TimeSpan limit, Func<Socket, CancellationToken, Task> serve, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                _ = ServeAsync(await listener.AcceptAsync(stop).ConfigureAwait(false), limit, serve, stop);
            }
            catch (SocketException)
            {
                // The connection was gone before it was taken, or descriptors ran out, which passes.
                await Task.Delay(100, CancellationToken.None).ConfigureAwait(false);
            }
            catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
        }
    }

    private async Task ServeAsync(Socket connection, TimeSpan limit, Func<Socket, CancellationToken, Task> serve, CancellationToken stop)
    {
        using CancellationTokenSource end = CancellationTokenSource.CreateLinkedTokenSource(stop);
        end.CancelAfter(limit);
        LinkedListNode<CancellationTokenSource> open = Add(end);
        try
        {
            using (connection)
            {
                await serve(connection, end.Token).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // Whoever asked went away or took too long: nobody is left to be told.
        }
        finally
        {
            Remove(open);
        }
    }

    /// <summary>Takes note of a connection.</summary>
    /// <param name="limit">What ends it.</param>
    private LinkedListNode<CancellationTokenSource> Add(CancellationTokenSource limit)
    {
        lock (_lock)
        {
            if (_open.Count >= most)
            {
                _open.First!.Value.CancelAfter(TimeSpan.Zero); // by a timer: nothing of the other runs here
                _open.RemoveFirst();
            }

            return _open.AddLast(limit);
        }
    }

    /// <summary>Forgets a connection that has ended.</summary>
    private void Remove(LinkedListNode<CancellationTokenSource> open)
    {
        lock (_lock)
        {
            if (open.List is not null)
            {
                _open.Remove(open);
            }
        }
    }
}
