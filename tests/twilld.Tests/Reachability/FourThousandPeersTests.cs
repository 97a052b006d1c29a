using System.Globalization;
using System.Net;
using Twill.Host.Backends;
using Twill.Linux;
using Twill.Network.State;
using Twill.Testing;
using Xunit.Abstractions;

namespace Twill.Agent.Tests;

/// <summary>What it costs to measure 4,000 hosts, apart from the packets themselves.</summary>
[Collection(MemoryCollection.Name)]
public sealed class FourThousandPeersTests(ITestOutputHelper output) : IDisposable
{
    private const int Peers = 4_000,
        PacketsPerSecond = 20,
        Step = 25; // milliseconds between two turns of the loop

    private const long Cycle = 240_000,
        MostBytes = 2 << 20;

    private readonly TempDir _dir = TempDir.Create();
    private readonly LogCapture _log = new();
    private readonly List<PeerPath> _peers = [.. Enumerable.Range(0, Peers).Select(PathOf)];

    [Fact]
    public void They_take_less_than_2_MB_and_a_hundredth_of_a_processor_and_have_all_been_asked_within_4_minutes()
    {
        NetworkContext context = new(
            TestNetwork.Conf,
            new NetworkStateDir(_dir.Path),
            BackendTable.Of(TestNetwork.Conf),
            _log.Log,
            TimeProvider.System
        );
        Run(context, 10_000); // what is compiled and cached at first is not counted
        long before = GC.GetTotalMemory(forceFullCollection: true);

        (Measurement all, PeerTable table) = Run(context, Cycle);

        long kept = GC.GetTotalMemory(forceFullCollection: true) - before;
        GC.KeepAlive(table);
        long file = new FileInfo(context.State.ReachabilityPath).Length;
        Figures.Report(
            "reachability of 4,000 peers",
            string.Create(
                CultureInfo.InvariantCulture,
                $"{kept / 1024} kB kept, {all.Largest / 1024} kB at most for a look and its file of {file / 1024} kB, "
                    + $"{all.Cpu.TotalMilliseconds:0} ms of processor in {Cycle / 1000} s, all asked after {all.AllAsked / 1000} s"
            ),
            output
        );
        all.AllAsked.Should().BeInRange(1, Cycle);
        all.Packets.Should().BeLessThanOrEqualTo(Cycle / 1000 * PacketsPerSecond);
        (kept + all.Largest).Should().BeLessThan(MostBytes, "kept, and for a look on top");
        all.Cpu.Should().BeLessThan(TimeSpan.FromMilliseconds(Cycle / 100));
        ReachabilityFile.TryRead(context.State, out string? problem).Should().NotBeNull(problem);
    }

    public void Dispose()
    {
        _dir.Dispose();
        _log.Dispose();
    }

    private (Measurement, PeerTable) Run(NetworkContext context, long until)
    {
        PingSchedule schedule = new(PacketsPerSecond);
        PeerTable table = new(schedule);
        PingsInFlight inFlight = new(PacketsPerSecond);
        ReachabilityReport report = new(context, table);
        HashSet<int> asked = [];
        (long packets, long allAsked, long largest) = (0, 0, 0);
        TimeSpan began = ThreadTime();
        table.Replace(_peers, 0);
        for (long now = 0; now < until; now += Step)
        {
            while (schedule.TryTake(now, out int peer))
            {
                int count = schedule.PacketsFor(table[peer].IsLosing);
                inFlight.TryTake(inFlight.Add(new Ping(table.TargetOf(peer), now, now, true, PingMeans.Gateway)), out _, out _);
                table[peer].Answered(isFullSize: true, now, 0.5, PingMeans.Gateway);
                schedule.Set(peer, now + schedule.Cycle, isUrgent: false);
                schedule.Sent(now, count);
                packets += count;
                asked.Add(peer);
                allAsked = allAsked == 0 && asked.Count == Peers ? now : allAsked;
            }

            schedule.WakeAt();
            if (now % 1_000 == 0)
            {
                long allocated = GC.GetAllocatedBytesForCurrentThread();
                report.Look(now, null, 1450, (packets, packets, 0));
                largest = Math.Max(largest, GC.GetAllocatedBytesForCurrentThread() - allocated);
            }
        }

        return (new Measurement(packets, allAsked, largest, ThreadTime() - began), table);
    }

    private readonly record struct Measurement(long Packets, long AllAsked, long Largest, TimeSpan Cpu);

    /// <summary>Processor time of this thread: the first number of schedstat, in nanoseconds.</summary>
    private static TimeSpan ThreadTime() =>
        TimeSpan.FromMicroseconds(
            long.Parse(File.ReadAllText("/proc/thread-self/schedstat").Split(' ')[0], CultureInfo.InvariantCulture) / 1000
        );

    private static PeerPath PathOf(int number) =>
        new(
            IPNetwork.Parse($"10.{number / 256}.{number % 256}.0/24"),
            IPAddress.Parse($"192.168.{number / 250}.{(number % 250) + 1}"),
            MacAddress.Zero
        );
}
