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

    /// <summary>Takes note of a connection.</summary>
    /// <param name="limit">What ends it.</param>
    internal LinkedListNode<CancellationTokenSource> Add(CancellationTokenSource limit)
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
    internal void Remove(LinkedListNode<CancellationTokenSource> open)
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
