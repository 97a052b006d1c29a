namespace Twill.Agent.Tests;

public sealed class SnapshotStoreTests
{
    [Fact]
    public async Task Loops_that_publish_at_the_same_time_lose_nothing_of_each_other()
    {
        const int Times = 20_000;
        SnapshotStore store = new(new NetworkSnapshot(TestNetwork.Conf));
        using Barrier start = new(3);
        void Repeat(Func<NetworkSnapshot, NetworkSnapshot> next)
        {
            start.SignalAndWait();
            for (int i = 0; i < Times; i++)
            {
                store.Update(next);
            }
        }

        await Task.WhenAll(
            Task.Run(() => Repeat(s => s with { Reconcile = s.Reconcile with { EntriesWritten = s.Reconcile.EntriesWritten + 1 } })),
            Task.Run(() => Repeat(s => s with { Peers = s.Peers with { Desired = s.Peers.Desired + 1 } })),
            Task.Run(() => Repeat(s => s with { Peers = s.Peers with { Skipped = s.Peers.Skipped + 1 } }))
        );

        NetworkSnapshot end = store.Current;
        (end.Reconcile.EntriesWritten, end.Peers.Desired, end.Peers.Skipped).Should().Be((Times, Times, Times));
    }

    [Fact]
    public void A_snapshot_that_was_read_does_not_change()
    {
        SnapshotStore store = new(new NetworkSnapshot(TestNetwork.Conf));
        NetworkSnapshot before = store.Current;

        store.Update(s => s.WithCondition(new ConditionState("kernel", "no")));

        before.LastError.Should().BeNull();
        store.Current.LastError.Should().Be("kernel: no");
    }
}
