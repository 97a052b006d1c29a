using Twill.Cni;
using Twill.Network.State;
using Twill.Testing;

namespace Twill.Network.Tests.State;

public sealed class InFlightAddTests : IDisposable
{
    private static readonly CniAttachment s_web = new("web", "eth0"),
        s_long = new(new string('a', 300), "eth0");

    private readonly TempDir _temp = TempDir.Create();

    private NetworkStateDir Network => new StateDir(_temp.Path).Network("net");

    [Fact]
    public void An_add_counts_as_running_until_it_ends()
    {
        using (InFlightAdd.Begin(Network, s_web))
        using (InFlightAdd.Begin(Network, s_long))
        {
            GcSession.AddsInFlight(Network).Should().BeEquivalentTo([s_web, s_long]);
        }

        GcSession.AddsInFlight(Network).Count.Should().Be(0);
        Files().Should().BeEmpty();
    }

    [Fact]
    public void To_a_collection_an_add_that_ended_since_it_began_still_runs()
    {
        InFlightAdd before = InFlightAdd.Begin(Network, s_web);
        using (GcSession.Begin(Network, TimeSpan.FromSeconds(1)))
        {
            before.Dispose();
            InFlightAdd.Begin(Network, s_long).Dispose();
            GcSession.AddsInFlight(Network).Should().BeEquivalentTo([s_web, s_long]);
        }

        GcSession.AddsInFlight(Network).Count.Should().Be(0);
        Files().Should().BeEmpty();
    }

    [Fact]
    public async Task To_a_collection_that_waits_for_another_an_add_that_ended_meanwhile_still_runs()
    {
        GcSession first = GcSession.Begin(Network, TimeSpan.FromSeconds(1));
        Task<GcSession> second = Task.Run(() => GcSession.Begin(Network, TimeSpan.FromSeconds(30)));
        Eventually.True("the second one waits", () => LocksOf(Network) == 2);

        InFlightAdd.Begin(Network, s_web).Dispose();
        first.Dispose();

        using (await second)
        {
            GcSession.AddsInFlight(Network).Should().BeEquivalentTo([s_web], "its list may be older than that ADD");
        }

        Files().Should().BeEmpty("no collection is left to which it counts");
    }

    [Fact]
    public void A_collection_that_waited_in_vain_leaves_the_marks_to_the_one_at_work()
    {
        using GcSession first = GcSession.Begin(Network, TimeSpan.FromSeconds(1));
        InFlightAdd.Begin(Network, s_web).Dispose();

        Action second = () => GcSession.Begin(Network, TimeSpan.FromMilliseconds(20)).Dispose();

        second.Should().Throw<TimeoutException>();
        GcSession.AddsInFlight(Network).Should().BeEquivalentTo([s_web]);
        LocksOf(Network).Should().Be(1);
    }

    [Fact]
    public void The_next_collection_does_not_count_what_ended_before_it()
    {
        Directory.CreateDirectory(Path.Combine(Network.Path, "added"));
        File.WriteAllText(Path.Combine(Network.Path, "added", "web:eth0"), "web\neth0\n"); // of a collection that was killed

        using (GcSession.Begin(Network, TimeSpan.FromSeconds(1)))
        {
            GcSession.AddsInFlight(Network).Count.Should().Be(0);
        }
    }

    [Theory]
    [InlineData("web\neth0\n")]
    [InlineData("web\neth")]
    [InlineData("")]
    public void The_mark_of_a_killed_add_counts_for_nothing_and_is_removed(string content)
    {
        Directory.CreateDirectory(Path.Combine(Network.Path, "adding"));
        File.WriteAllText(Path.Combine(Network.Path, "adding", "web:eth0"), content);

        GcSession.AddsInFlight(Network).Count.Should().Be(0);
        using (GcSession collection = GcSession.Begin(Network, TimeSpan.FromSeconds(1)))
        using (InFlightAdd.Begin(Network, s_long))
        {
            collection.DeleteStaleMarks();
            Files().Should().ContainSingle().Which.Should().Contain("aaa", "that one is at work");
        }
    }

    [Fact]
    public void The_next_add_of_a_killed_one_takes_over_its_mark_and_a_del_removes_it()
    {
        Directory.CreateDirectory(Path.Combine(Network.Path, "adding"));
        File.WriteAllText(Path.Combine(Network.Path, "adding", "web:eth0"), "something longer than what will be written\n\n\n");
        using (InFlightAdd.Begin(Network, s_web))
        {
            GcSession.AddsInFlight(Network).Should().BeEquivalentTo([s_web]);
        }

        File.WriteAllText(Path.Combine(Network.Path, "adding", "web:eth0"), "web\neth0\n");
        InFlightAdd.DeleteMark(Network, s_web);
        InFlightAdd.DeleteMark(Network, s_web);
        Files().Should().BeEmpty();
    }

    [Fact]
    public void A_second_add_at_the_same_time_leaves_the_first_ones_mark()
    {
        using InFlightAdd first = InFlightAdd.Begin(Network, s_web);
        InFlightAdd.Begin(Network, s_web).Dispose();
        GcSession.AddsInFlight(Network).Should().BeEquivalentTo([s_web]);
    }

    [Fact]
    public void A_second_collection_waits_and_says_for_whom()
    {
        using GcSession first = GcSession.Begin(Network, TimeSpan.FromSeconds(1));
        Action second = () => GcSession.Begin(Network, TimeSpan.FromMilliseconds(20)).Dispose();
        second.Should().Throw<TimeoutException>().WithMessage($"*collecting is held by process {Environment.ProcessId}*");
    }

    [Fact]
    public void Whatever_is_listed_while_adds_come_and_go_is_told_to_run()
    {
        // A thing is made after its ADD begins; the collection lists things and asks then. None may be seen whose ADD it is not told of.
        HashSet<string> things = [];
        using CancellationTokenSource end = new();
        Thread[] adds =
        [
            .. Enumerable
                .Range(0, 2)
                .Select(worker => new Thread(() =>
                {
                    for (int i = 0; !end.IsCancellationRequested; i++)
                    {
                        using InFlightAdd add = InFlightAdd.Begin(Network, new($"{worker}-{i}", "eth0"));
                        lock (things)
                        {
                            things.Add($"{worker}-{i}");
                        }
                        Thread.Sleep(1);
                    }
                })),
        ];
        foreach (Thread add in adds)
        {
            add.Start();
        }

        try
        {
            for (int round = 0; round < 8; round++)
            {
                string[] known,
                    listed;
                using GcSession collection = GcSession.Begin(Network, TimeSpan.FromSeconds(10));
                lock (things)
                {
                    known = [.. things];
                }

                Thread.Sleep(2);
                lock (things)
                {
                    listed = [.. things];
                }

                HashSet<string> running = [.. GcSession.AddsInFlight(Network).Select(a => a.ContainerId)];
                listed.Except(known).Except(running).Should().BeEmpty();
            }
        }
        finally
        {
            end.Cancel();
            foreach (Thread add in adds)
            {
                add.Join();
            }
        }
    }

    [Fact]
    public void What_an_add_at_work_takes_over_is_not_freed()
    {
        using GcSession collection = GcSession.Begin(Network, TimeSpan.FromSeconds(1));
        using InFlightAdd add = InFlightAdd.Begin(Network, s_web); // after the collection looked who is at work
        int freed = 0;

        collection.FreeUnlessAdded(DeviceNames.Veth(s_web.ContainerId, s_web.IfName), () => freed++);
        freed.Should().Be(0);
        collection.FreeUnlessAdded(DeviceNames.Veth(s_long.ContainerId, s_long.IfName), () => freed++);
        freed.Should().Be(1, "nobody adds that one");
    }

    [Fact]
    public async Task An_add_that_begins_while_its_rest_is_freed_waits_for_that()
    {
        using GcSession collection = GcSession.Begin(Network, TimeSpan.FromSeconds(1));
        using ManualResetEventSlim isFreeing = new(),
            mayEnd = new();
        Task freeing = Task.Run(() =>
            collection.FreeUnlessAdded(
                DeviceNames.Veth(s_web.ContainerId, s_web.IfName),
                () =>
                {
                    isFreeing.Set();
                    mayEnd.Wait();
                }
            )
        );
        isFreeing.Wait();

        InFlightAdd.Begin(Network, s_long).Dispose(); // another one does not wait
        Task<InFlightAdd> add = Task.Run(() => InFlightAdd.Begin(Network, s_web));
        Eventually.True("the ADD has its mark", () => GcSession.AddsInFlight(Network).Contains(s_web));
        add.IsCompleted.Should().BeFalse("its rest is being freed");

        mayEnd.Set();
        await freeing;
        (await add).Dispose();
    }

    public void Dispose() => _temp.Dispose();

    /// <summary>How many collections there are: each has a lock of its own in the file.</summary>
    private static int LocksOf(NetworkStateDir network)
    {
        string inode = Cmd.Run("stat", ["-c", "%i", Path.Combine(network.Path, "collecting")]).OrThrow().Stdout.Trim();
        // The kernel numbers them anew at each read of a part, and may tell one twice when others come and go: it is known by its range.
        return File.ReadLines("/proc/locks")
            .Where(l => l.Contains("OFDLCK") && l.Contains($":{inode} ") && !l.Contains("->"))
            .Select(l => l.Split(':', 2)[1])
            .Distinct()
            .Count();
    }

    private string[] Files() =>
        [
            .. new[] { "adding", "added" }
                .Select(d => Path.Combine(Network.Path, d))
                .Where(Directory.Exists)
                .SelectMany(d => Directory.GetFiles(d)),
        ];
}
