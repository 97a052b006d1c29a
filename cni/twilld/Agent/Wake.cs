namespace Twill.Agent;

/// <summary>
/// A doorbell: any number of rings before the door is opened count as one. Events only ring it; what is to be done is found by
/// looking at everything.
/// </summary>
internal sealed class Wake
{
    private readonly SemaphoreSlim _bell = new(0, 1);
    private readonly Lock _lock = new();

    internal void Ring()
    {
        lock (_lock)
        {
            if (_bell.CurrentCount == 0)
            {
                _bell.Release();
            }
        }
    }

    /// <summary>Takes back what has been rung so far: what is about to be done answers it.</summary>
    internal void Clear() => _bell.Wait(0, CancellationToken.None);

    /// <summary>Waits for a ring, at most <paramref name="atMost"/>; then <paramref name="settle"/> more, so that a burst of events is one
    /// round.</summary>
    internal async Task WaitAsync(TimeSpan atMost, TimeSpan settle, CancellationToken stop)
    {
        if (!await _bell.WaitAsync(atMost, stop).ConfigureAwait(false))
        {
            return;
        }

        await Task.Delay(settle, stop).ConfigureAwait(false);
        _bell.Wait(0, stop);
    }
}
