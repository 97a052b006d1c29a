namespace Twill.Agent;

/// <summary>
/// Wakes one waiting loop. Setting it several times before the loop waits wakes the loop once: a signal carries no data, and the loop looks
/// for itself at what is to be done.
/// </summary>
internal sealed class AsyncSignal
{
    private readonly SemaphoreSlim _semaphore = new(0, 1);
    private readonly Lock _lock = new();

    /// <summary>Wakes the loop, now or when it waits next. From any thread.</summary>
    internal void Set()
    {
        lock (_lock)
        {
            if (_semaphore.CurrentCount == 0)
            {
                _semaphore.Release();
            }
        }
    }

    /// <summary>Drops a signal that was set so far. For a loop that is about to do the work anyway.</summary>
    internal void Reset() => _semaphore.Wait(0, CancellationToken.None);

    /// <summary>
    /// Waits for the signal, at most <paramref name="atMost"/>. After the signal it waits <paramref name="settle"/> longer, so that a
    /// burst of events wakes the loop once.
    /// </summary>
    internal async Task WaitAsync(TimeSpan atMost, TimeSpan settle, CancellationToken stop)
    {
        if (!await _semaphore.WaitAsync(atMost, stop).ConfigureAwait(false))
        {
            return;
        }

        await Task.Delay(settle, stop).ConfigureAwait(false);
        _semaphore.Wait(0, stop);
    }
}
