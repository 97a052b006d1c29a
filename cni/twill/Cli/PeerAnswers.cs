using System.Globalization;
using System.Text.Json;
using Twill.Network.State;

namespace Twill.Plugin.Cli;

/// <summary>How a peer answers, as `twill peers` shows it.</summary>
internal static class PeerAnswers
{
    /// <summary>The columns.</summary>
    public static IReadOnlyList<string> Header => ["LOSS", "RTT", "LAST ANSWER"];

    /// <summary>What is in them.</summary>
    /// <param name="peer">How it answers; null when that is not known.</param>
    public static Cell[] Cells(PeerReachability? peer) =>
        peer is not { } known
            ? [new Cell("-", Style.Faint), new Cell("-", Style.Faint), new Cell("-", Style.Faint)]
            : [Loss(known), known.RoundTrip is double ms ? $"{Milliseconds(ms)} ms" : "-", LastAnswer(known)];

    /// <summary>The same for programs.</summary>
    public static void Write(Utf8JsonWriter w, PeerReachability? peer)
    {
        w.WriteOptional("state", peer is { } known ? ReachabilityFile.NameOf(known.State) : null);
        w.WriteBoolean("dropsPings", peer is { DropsPings: true });
        w.WriteSeconds("loss", peer?.Loss);
        w.WriteSeconds("fullSizeLoss", peer?.FullSizeLoss);
        w.WriteSeconds("roundTripMs", peer?.RoundTrip);
        w.WriteSeconds("answeredSecondsAgo", peer is { } answered ? MeasuredPeers.Age(answered) : null);
    }

    private static Cell Loss(PeerReachability peer)
    {
        Style style =
            peer.State is PeerState.Silent or PeerState.LosesFullSize ? Style.Bad
            : peer.Loss > 0 || peer.FullSizeLoss > 0 ? Style.Warning
            : Style.Plain;
        return (peer.Loss, peer.FullSizeLoss) switch
        {
            (double small, double full) when Percent(small) != Percent(full) =>
                new Cell($"{Percent(small)}, full size {Percent(full)}", style),
            (double small, _) => new Cell(Percent(small), style),
            (_, double full) => new Cell(Percent(full), style),
            _ => new Cell("-", Style.Faint),
        };
    }

    private static Cell LastAnswer(PeerReachability peer) =>
        MeasuredPeers.Age(peer) is double age
            ? new Cell(
                $"{Format.Time(age)} ago{(peer.DropsPings ? ", drops pings" : "")}",
                peer.State == PeerState.Silent ? Style.Bad : Style.Plain
            )
            : new Cell(peer.State == PeerState.Unknown ? "none yet" : "none", peer.State == PeerState.Unknown ? Style.Faint : Style.Bad);

    private static string Percent(double part) => $"{Format.Number((long)Math.Round(part * 100))} %";

    private static string Milliseconds(double ms) => ms.ToString(ms < 10 ? "0.00" : "0", CultureInfo.InvariantCulture);
}
