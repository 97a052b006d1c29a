namespace Twill.Agent;

/// <summary>The reasons to reconcile that arrived since the reconcile loop took them last.</summary>
internal sealed class ReconcileRequests
{
    private readonly Lock _lock = new();
    private readonly AsyncSignal _arrived = new();
    private ReconcileReason _reasons;

    /// <summary>Adds reasons and wakes the loop. From any thread.</summary>
    internal void Add(ReconcileReason reasons)
    {
        if (reasons == ReconcileReason.None)
        {
            return;
        }

        lock (_lock)
        {
            _reasons |= reasons;
        }

        _arrived.Set();
    }

    /// <summary>Takes all reasons.</summary>
    internal ReconcileReason Take()
    {
        lock (_lock)
        {
            ReconcileReason reasons = _reasons;
            _reasons = ReconcileReason.None;
            return reasons;
        }
    }

    /// <summary>Waits for a reason, at most so long.</summary>
    internal Task WaitAsync(TimeSpan atMost, CancellationToken stop) => _arrived.WaitAsync(atMost, TimeSpan.Zero, stop);
}
