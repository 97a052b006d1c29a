using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using Twill.Network.State;
using Twill.System;

namespace Twill.Agent;

/// <summary>Tells the others how the peers answer: in the log, in the snapshot and in reachability.json.</summary>
/// <param name="context">The network.</param>
/// <param name="table">The peers.</param>
internal sealed class ReachabilityReport(NetworkContext context, PeerTable table)
{
    /// <summary>More lines than this of one look become one line with a count.</summary>
    internal const int MostLines = 8;

    /// <summary>The most peers that have figures of their own in the metrics.</summary>
    internal const int MostSeries = 20;

    /// <summary>The most peers that are listed as silent: where there are more, it is this host that is cut off.</summary>
    internal const int MostSilent = 256;

    /// <summary>Where that many packets in a row were not answered by anybody, nobody answers.</summary>
    internal const int LostUntilNone = 50;

    private readonly Condition _file = new(context.Log, context.Clock, "reachability", _ => { });
    private long _written = long.MinValue / 2;
    private bool _changed = true;
    private string? _told;

    /// <summary>Looks at all peers.</summary>
    /// <param name="now">Milliseconds.</param>
    /// <param name="notMeasured">Why nothing is measured; null: it is.</param>
    /// <param name="fullSize">Bytes of a full packet.</param>
    /// <param name="packets">Packets sent, answered, and not answered since the last answer.</param>
    internal void Look(long now, string? notMeasured, int fullSize, (long Sent, long Answered, long InRow) packets)
    {
        ReachabilityStatus status = Count(now) with { NotMeasured = notMeasured, Packets = (packets.Sent, packets.Answered) };
        status = status with
        {
            NoneAnswers = status.Silent > 0 && (status.Silent == status.Peers || packets.InRow >= LostUntilNone),
            Worst = context.Snapshots.Current.Reachability.Worst,
        };
        if (notMeasured != _told)
        {
            (_told, _changed) = (notMeasured, true);
            context.Log.WarningIfAny(notMeasured is null ? null : $"peers are not pinged: {notMeasured}");
        }

        // A file of thousands of peers is not written each second while many of them change.
        long pause = now - _written;
        bool writes = pause >= (table.Count > 100 ? 30_000 : 10_000) || (_changed && pause >= Math.Max(1_000, table.Count * 5 / 2));
        if (writes)
        {
            status = status with { Worst = Worst(now) };
            (_written, _changed) = (now, false);
        }

        context.Snapshots.Update(s => s with { Reachability = status });
        if (writes)
        {
            Write(now, status, fullSize);
        }
    }

    private static Func<long, double> ToBootClock(long now)
    {
        double boot = BootClock.Now;
        return time => boot - ((now - time) / 1000.0);
    }

    private ReachabilityStatus Count(long now)
    {
        Span<int> counts = stackalloc int[4];
        List<IPNetwork> silent = [];
        int lines = 0;
        for (int i = 0; i < table.Count; i++)
        {
            ref PeerStatistics peer = ref table[i];
            if (peer.TryChange(now, out (PeerState State, long Lasted) former))
            {
                _changed = true;
                Tell(i, former, ref lines);
            }

            counts[(int)peer.State]++;
            if (peer.State == PeerState.Silent && silent.Count <= MostSilent)
            {
                silent.Add(table.TargetOf(i).Subnet);
            }
        }

        if (lines > MostLines)
        {
            context.Log.Warning($"{lines - MostLines} more peers answer otherwise than before");
        }

        return new ReachabilityStatus
        {
            Peers = table.Count,
            Unknown = counts[(int)PeerState.Unknown],
            Silent = counts[(int)PeerState.Silent],
            LosingFullSize = counts[(int)PeerState.LosesFullSize],
            SilentSubnets = silent.Count is > 0 and <= MostSilent && silent.Count < table.Count ? silent : [],
        };
    }

    private void Tell(int index, (PeerState State, long Lasted) former, ref int lines)
    {
        ref PeerStatistics peer = ref table[index];
        string? line = peer.State switch
        {
            PeerState.Silent when peer.LastAnswer < 0 => $"peer {table.TargetOf(index)} does not answer, and has not since twilld started",
            PeerState.Silent => $"peer {table.TargetOf(index)} does not answer any more",
            PeerState.LosesFullSize => $"peer {table.TargetOf(index)} answers small packets, but none of full size",
            PeerState.Answers when peer.DropsPings =>
                $"peer {table.TargetOf(index)} answers no ping, but its host routes packets to its containers: a firewall there drops ICMP",
            PeerState.Answers when former.State == PeerState.Answers => $"peer {table.TargetOf(index)} answers pings again",
            PeerState.Answers when former.State != PeerState.Unknown =>
                $"peer {table.TargetOf(index)} answers again, after {Seconds(former.Lasted)} s",
            _ => null,
        };
        if (line is not null && lines++ < MostLines)
        {
            context.Log.Write(peer.State == PeerState.Answers ? LogLevel.Info : LogLevel.Warning, line);
        }

        static string Seconds(long milliseconds) => (milliseconds / 1000).ToString(CultureInfo.InvariantCulture);
    }

    /// <summary>Those that do not answer before those that lose something, and those before slow ones.</summary>
    private ImmutableArray<PeerReachability> Worst(long now)
    {
        PriorityQueue<int, (int, double, double)> worst = new(MostSeries + 1);
        for (int i = 0; i < table.Count; i++)
        {
            ref PeerStatistics peer = ref table[i];
            double loss = Math.Max(peer.Loss ?? 0, peer.FullSizeLoss ?? 0);
            worst.Enqueue(i, ((int)peer.State, loss, peer.RoundTrip ?? 0));
            if (worst.Count > MostSeries)
            {
                worst.Dequeue();
            }
        }

        Func<long, double> toBootClock = ToBootClock(now);
        PeerReachability[] described = new PeerReachability[worst.Count];
        for (int i = described.Length - 1; i >= 0; i--)
        {
            described[i] = table.Describe(worst.Dequeue(), toBootClock);
        }

        return [.. described];

    }

    private void Write(long now, ReachabilityStatus status, int fullSize)
    {
        try
        {
            new ReachabilityFile
            {
                BootId = BootClock.BootId,
                Time = BootClock.Now,
                FullSize = fullSize,
                NotMeasured = status.NotMeasured,
                NoneAnswers = status.NoneAnswers,
                Peers = All(now),
            }.Write(context.State);
            _file.Resolve();
        }
        catch (Exception e) when (ExpectedFailure.Is(e))
        {
            _file.Raise(e.Message, LogLevel.Error);
        }
    }

    private IEnumerable<PeerReachability> All(long now)
    {
        Func<long, double> toBootClock = ToBootClock(now);
        for (int i = 0; i < table.Count; i++)
        {
            yield return table.Describe(i, toBootClock);
        }
    }
}
