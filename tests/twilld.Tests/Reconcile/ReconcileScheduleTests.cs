namespace Twill.Agent.Tests;

/// <summary>Times are milliseconds after the first pass, which ended at 0. The interval is 30 s.</summary>
public sealed class ReconcileScheduleTests
{
    private const int Interval = 30_000;

    private static ReconcileSchedule Start { get; } = new(At(Interval), At(0));

    [Fact]
    public void Without_a_reason_everything_is_compared_from_scratch_after_the_interval()
    {
        Start.WakeAt.Should().Be(At(Interval));
        Start.Next(At(Interval - 1)).Should().Be(ReconcileStep.Wait);
        Start.Next(At(Interval)).Should().Be(ReconcileStep.ReconcileFromScratch);

        Start.PassEnded(At(Interval + 7)).WakeAt.Should().Be(At((2 * Interval) + 7));
    }

    [Theory]
    [InlineData(Interval, 5_000)]
    [InlineData(500, 500)]
    public void While_something_fails_it_is_tried_again_after_5_s_unless_the_interval_is_shorter(int interval, int wakeAt)
    {
        ReconcileSchedule schedule = new(At(interval), At(0)) { IsFailing = true };

        schedule.WakeAt.Should().Be(At(wakeAt));
        schedule.Next(At(wakeAt)).Should().Be(ReconcileStep.ReconcileFromScratch);
    }

    [Theory]
    [InlineData((int)ReconcileReason.Host, (int)ReconcileStep.ReconcileHost)]
    [InlineData((int)ReconcileReason.Everything, (int)ReconcileStep.ReconcileEverything)]
    [InlineData((int)(ReconcileReason.Host | ReconcileReason.Everything), (int)ReconcileStep.ReconcileEverything)]
    [InlineData((int)ReconcileReason.KernelEvents, (int)ReconcileStep.CompareKernelEvents)]
    [InlineData((int)(ReconcileReason.KernelEvents | ReconcileReason.Everything), (int)ReconcileStep.CompareKernelEvents)]
    public void A_reason_leads_to_its_step_once_a_burst_may_have_settled(int reason, int step)
    {
        ReconcileSchedule schedule = Start.Add((ReconcileReason)reason, At(1000));

        schedule.WakeAt.Should().Be(At(1020));
        schedule.Next(At(1019)).Should().Be(ReconcileStep.Wait);
        schedule.Next(At(1020)).Should().Be((ReconcileStep)step);
    }

    [Fact]
    public void A_burst_of_reasons_is_one_pass_that_later_reasons_do_not_postpone()
    {
        ReconcileSchedule schedule = Start.Add(ReconcileReason.Host, At(1000)).Add(ReconcileReason.Everything, At(1019));

        schedule.Next(At(1020)).Should().Be(ReconcileStep.ReconcileEverything);
        schedule = schedule.PassEnded(At(1030));
        schedule.Pending.Should().Be(ReconcileReason.None);
        schedule.Next(At(1031)).Should().Be(ReconcileStep.Wait);
    }

    [Fact]
    public void Between_two_passes_are_100_ms()
    {
        ReconcileSchedule schedule = Start.PassEnded(At(1000)).Add(ReconcileReason.Everything, At(1005));

        schedule.WakeAt.Should().Be(At(1100));
        schedule.Next(At(1099)).Should().Be(ReconcileStep.Wait);
    }

    [Fact]
    public void Changed_peers_are_written_at_once_also_right_after_a_pass()
    {
        ReconcileSchedule schedule = Start.PassEnded(At(1000)).Add(ReconcileReason.Peers, At(1001));

        schedule.WakeAt.Should().BeLessThanOrEqualTo(At(1001));
        schedule.Next(At(1001)).Should().Be(ReconcileStep.ApplyPeerChanges);
        schedule = schedule.PeersApplied(applied: true, kernelIsFailing: false, At(1002));
        schedule.Next(At(1002)).Should().Be(ReconcileStep.Wait);
        schedule.WakeAt.Should().Be(At(1000 + Interval), "to write changed peers is no pass over the kernel");
    }

    [Fact]
    public void Changed_peers_come_before_a_pass_that_is_due_too()
    {
        ReconcileSchedule schedule = Start.Add(ReconcileReason.Everything | ReconcileReason.Peers, At(1000));

        schedule.Next(At(1000)).Should().Be(ReconcileStep.ApplyPeerChanges);
        schedule = schedule.PeersApplied(applied: true, kernelIsFailing: false, At(1001));
        schedule.Next(At(1001)).Should().Be(ReconcileStep.Wait);
        schedule.Next(At(1020)).Should().Be(ReconcileStep.ReconcileEverything);
    }

    [Fact]
    public void Peers_that_cannot_be_written_alone_lead_to_a_full_pass_at_once()
    {
        ReconcileSchedule schedule = Start.PassEnded(At(1000)).Add(ReconcileReason.Peers, At(1001));

        schedule
            .PeersApplied(applied: false, kernelIsFailing: false, At(1002))
            .Next(At(1002))
            .Should()
            .Be(ReconcileStep.ReconcileEverything);
    }

    [Fact]
    public void A_full_pass_that_failed_does_not_follow_itself_at_once()
    {
        ReconcileSchedule schedule = Start.PassEnded(At(1000)).Add(ReconcileReason.Peers, At(1001));

        schedule = schedule.PeersApplied(applied: false, kernelIsFailing: true, At(1002));

        schedule.WakeAt.Should().Be(At(1100));
        schedule.Next(At(1100)).Should().Be(ReconcileStep.ReconcileEverything);
    }

    [Fact]
    public void Events_of_peers_that_are_written_one_after_the_other_are_compared_together()
    {
        ReconcileSchedule schedule = Start.Add(ReconcileReason.KernelEvents, At(1000));

        schedule = schedule.Add(ReconcileReason.Peers, At(1010)).PeersApplied(applied: true, kernelIsFailing: false, At(1015));

        schedule.WakeAt.Should().Be(At(1035));
    }

    [Fact]
    public void But_they_are_compared_after_300_ms_however_many_peers_change()
    {
        ReconcileSchedule schedule = Start.Add(ReconcileReason.KernelEvents, At(1000));
        for (int at = 1010; at < 1300; at += 10)
        {
            schedule.Next(At(at)).Should().Be(ReconcileStep.Wait);
            schedule = schedule.Add(ReconcileReason.Peers, At(at)).PeersApplied(applied: true, kernelIsFailing: false, At(at + 1));
        }

        schedule.WakeAt.Should().Be(At(1300));
        schedule.Next(At(1300)).Should().Be(ReconcileStep.CompareKernelEvents);
    }

    [Fact]
    public void Changed_peers_do_not_postpone_a_pass_for_another_reason()
    {
        ReconcileSchedule schedule = Start.Add(ReconcileReason.KernelEvents | ReconcileReason.Host, At(1000));

        schedule = schedule.Add(ReconcileReason.Peers, At(1010)).PeersApplied(applied: true, kernelIsFailing: false, At(1015));

        schedule.WakeAt.Should().Be(At(1020));
    }

    [Fact]
    public void Events_as_expected_need_no_pass()
    {
        ReconcileSchedule schedule = Start.Add(ReconcileReason.KernelEvents, At(1000)).KernelEventsCompared(asExpected: true);

        schedule.Next(At(1020)).Should().Be(ReconcileStep.Wait);
        schedule.WakeAt.Should().Be(At(Interval), "nothing was compared with the kernel");
    }

    [Fact]
    public void Events_as_expected_leave_other_reasons_to_their_pass()
    {
        ReconcileSchedule schedule = Start.Add(ReconcileReason.KernelEvents | ReconcileReason.Host, At(1000));

        schedule.KernelEventsCompared(asExpected: true).Next(At(1020)).Should().Be(ReconcileStep.ReconcileHost);
    }

    [Theory]
    [InlineData((int)ReconcileReason.KernelEvents)]
    [InlineData((int)(ReconcileReason.KernelEvents | ReconcileReason.Host))]
    public void Events_of_somebody_elses_change_lead_to_a_full_pass_at_once(int reasons)
    {
        ReconcileSchedule schedule = Start.Add((ReconcileReason)reasons, At(1000)).KernelEventsCompared(asExpected: false);

        schedule.Next(At(1020)).Should().Be(ReconcileStep.ReconcileEverything);
    }

    private static TimeSpan At(int milliseconds) => TimeSpan.FromMilliseconds(milliseconds);
}
