namespace Twill.Agent;

/// <summary>What the reconcile loop does next.</summary>
internal enum ReconcileStep
{
    /// <summary>Wait until <see cref="ReconcileSchedule.WakeAt"/>, or until a reason arrives.</summary>
    Wait,

    /// <summary>Write the leases that changed, on the baseline of the last full pass.</summary>
    ApplyPeerChanges,

    /// <summary>Compare the collected kernel events with what is expected.</summary>
    CompareKernelEvents,

    /// <summary>Compare bridge, forwarding and firewall with the kernel.</summary>
    ReconcileHost,

    /// <summary>Compare everything with the kernel.</summary>
    ReconcileEverything,

    /// <summary>As <see cref="ReconcileEverything"/>, without relying on kernel events: one of them may have been missed.</summary>
    ReconcileFromScratch,
}

/// <summary>
/// Decides when the reconcile loop does what. A value: each method takes the time and what happened, and returns the schedule after it. It
/// reads no clock and starts nothing. Times are those of one monotonic clock.
/// <para>
/// A pass starts 20 ms after its first reason, so that a burst of events is one pass, and not before 100 ms after the pass before. Changed
/// leases do not wait for that. Events that these cause postpone a pass that is only due to kernel events, by 300 ms at most. Without any
/// reason a pass is due each interval, or each 5 s while something fails.
/// </para>
/// </summary>
/// <param name="Interval">The longest time between two passes.</param>
/// <param name="LastPass">When the last pass over the kernel ended.</param>
internal sealed record ReconcileSchedule(TimeSpan Interval, TimeSpan LastPass)
{
    internal static readonly TimeSpan Settle = TimeSpan.FromMilliseconds(20),
        BetweenPasses = TimeSpan.FromMilliseconds(100),
        LongestPostponement = TimeSpan.FromMilliseconds(300),
        IntervalWhileFailing = TimeSpan.FromSeconds(5);

    /// <summary>The reasons that no pass has answered yet.</summary>
    internal ReconcileReason Pending { get; private init; }

    /// <summary>When the pending pass starts, and when it starts at the latest; null while none is pending.</summary>
    private (TimeSpan Start, TimeSpan Latest)? Pass { get; init; }

    /// <summary>Whether something fails, so that it is tried again soon.</summary>
    internal bool IsFailing { get; init; }

    /// <summary>When the loop wakes if no reason arrives before.</summary>
    internal TimeSpan WakeAt =>
        Pending.HasFlag(ReconcileReason.Peers) ? TimeSpan.Zero
        : Pass is { } pass ? pass.Start
        : LastPass + (IsFailing && IntervalWhileFailing < Interval ? IntervalWhileFailing : Interval);

    /// <summary>What to do at this time.</summary>
    internal ReconcileStep Next(TimeSpan now)
    {
        if (Pending.HasFlag(ReconcileReason.Peers))
        {
            return ReconcileStep.ApplyPeerChanges;
        }

        if (now < WakeAt)
        {
            return ReconcileStep.Wait;
        }

        return Pending switch
        {
            ReconcileReason.None => ReconcileStep.ReconcileFromScratch,
            _ when Pending.HasFlag(ReconcileReason.KernelEvents) => ReconcileStep.CompareKernelEvents,
            _ when Pending.HasFlag(ReconcileReason.Everything) => ReconcileStep.ReconcileEverything,
            _ => ReconcileStep.ReconcileHost,
        };
    }

    /// <summary>Reasons arrived.</summary>
    internal ReconcileSchedule Add(ReconcileReason reasons, TimeSpan now)
    {
        ReconcileReason pending = Pending | reasons;
        bool needsPass = (pending & ~ReconcileReason.Peers) != ReconcileReason.None;
        return this with { Pending = pending, Pass = Pass ?? (needsPass ? NewPass(now) : null) };
    }

    /// <summary>The changed leases were looked at.</summary>
    /// <param name="applied">Whether they could be written on the baseline of the last full pass; if not, a full pass is due.</param>
    /// <param name="kernelIsFailing">Whether the kernel refused entries before; then the full pass does not follow at once.</param>
    /// <param name="now">The time after it.</param>
    internal ReconcileSchedule PeersApplied(bool applied, bool kernelIsFailing, TimeSpan now)
    {
        ReconcileReason pending = Pending & ~ReconcileReason.Peers;
        if (!applied)
        {
            TimeSpan start = kernelIsFailing ? Later(now, LastPass + BetweenPasses) : now;
            return this with { Pending = ReconcileReason.Everything, Pass = (start, now + LongestPostponement) };
        }

        // The kernel announces what was just written. One comparison then covers all of it.
        return pending == ReconcileReason.KernelEvents && Pass is { } pass
            ? this with
            {
                Pending = pending,
                Pass = pass with { Start = Later(pass.Start, Earlier(now + Settle, pass.Latest)) },
            }
            : this with
            {
                Pending = pending,
            };
    }

    /// <summary>The collected kernel events were compared.</summary>
    /// <param name="asExpected">Whether they leave everything as it is expected to be; if not, everything is compared with the
    /// kernel.</param>
    internal ReconcileSchedule KernelEventsCompared(bool asExpected)
    {
        ReconcileReason pending = asExpected ? Pending & ~ReconcileReason.KernelEvents : ReconcileReason.Everything;
        return this with { Pending = pending, Pass = pending == ReconcileReason.None ? null : Pass };
    }

    /// <summary>A pass over the kernel ended. It answers all reasons that it started with.</summary>
    internal ReconcileSchedule PassEnded(TimeSpan now) => this with { Pending = ReconcileReason.None, Pass = null, LastPass = now };

    private (TimeSpan, TimeSpan) NewPass(TimeSpan now) => (Later(now + Settle, LastPass + BetweenPasses), now + LongestPostponement);

    private static TimeSpan Later(TimeSpan one, TimeSpan other) => one > other ? one : other;

    private static TimeSpan Earlier(TimeSpan one, TimeSpan other) => one < other ? one : other;
}
