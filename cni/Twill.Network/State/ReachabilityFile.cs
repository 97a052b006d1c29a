using System.Net;
using System.Text.Json;
using Twill.Cni;
using Twill.System;

namespace Twill.Network.State;

/// <summary>How another host's subnet answers pings through the network.</summary>
public enum PeerState
{
    /// <summary>It is too early to tell.</summary>
    Unknown,

    /// <summary>It answers.</summary>
    Answers,

    /// <summary>It answers small packets, but none of full size.</summary>
    LosesFullSize,

    /// <summary>It does not answer.</summary>
    Silent,
}

/// <summary>How one peer answers.</summary>
/// <param name="Subnet">Its subnet.</param>
/// <param name="PublicIP">The address that packets to it are sent to.</param>
/// <param name="State">How it is.</param>
/// <param name="Loss">The part of the last small packets that was not answered, 0 to 1; null when none was sent.</param>
/// <param name="FullSizeLoss">The same of packets of full size.</param>
/// <param name="RoundTrip">Smoothed round trip time in milliseconds; null when there was no answer.</param>
/// <param name="LastAnswer">When it last answered, by <see cref="BootClock"/>; null: not since the agent started.</param>
/// <param name="LastHeard">When a ping of its agent last came in, by <see cref="BootClock"/>; null: not since this agent started.</param>
public readonly record struct PeerReachability(
    IPNetwork Subnet,
    IPAddress PublicIP,
    PeerState State,
    double? Loss,
    double? FullSizeLoss,
    double? RoundTrip,
    double? LastAnswer,
    double? LastHeard
)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Subnet} {State}";

    /// <summary>Why this host's kernel did not even send the last packet; null: it did.</summary>
    public string? SendError { get; init; }

    /// <summary>Of a silent peer: whether its host answers on the underlay.</summary>
    public bool HostAnswers { get; init; }

    /// <summary>Where full packets are lost: the largest packet that is answered, in bytes; 0: not known.</summary>
    public int Fits { get; init; }

    /// <summary>Whether its host answers as a router alone: it drops pings of its own addresses.</summary>
    public bool DropsPings { get; init; }

    /// <summary>Whether its agent said, in its last ping, that something fails on its host.</summary>
    public bool ReportsFailure { get; init; }

    /// <summary>Whether its agent said, in its last ping, that this host does not answer it.</summary>
    public bool ReportsSilence { get; init; }
}

/// <summary><c>reachability.json</c>: how the other hosts answer, written by the agent when that changes and at least every 30
/// seconds.</summary>
public sealed record ReachabilityFile
{
    /// <inheritdoc/>
    public override string ToString() => $"{Time}";

    private static readonly string[] s_states = ["unknown", "answers", "losesFullSize", "silent"];

    /// <summary>The boot it was written in; another boot's content is history.</summary>
    public required string BootId { get; init; }

    /// <summary>When it was written, by <see cref="BootClock"/>.</summary>
    public required double Time { get; init; }

    /// <summary>The size of a full packet in bytes, IP header included: the network's MTU.</summary>
    public int FullSize { get; init; }

    /// <summary>Why nothing is measured; null: it is.</summary>
    public string? NotMeasured { get; init; }

    /// <summary>Whether nobody answers, though not all may have been asked often enough to be sure of each.</summary>
    public bool NoneAnswers { get; init; }

    /// <summary>The peers, in no particular order.</summary>
    public required IEnumerable<PeerReachability> Peers { get; init; }

    /// <summary>How a state is called in files and in <c>--json</c>.</summary>
    public static string NameOf(PeerState state) => s_states[(int)state];

    /// <summary>Reads the file; null when it is absent or not to be trusted, and then <paramref name="problem"/> says why.</summary>
    public static ReachabilityFile? TryRead(NetworkStateDir state, out string? problem) =>
        StateFile.TryRead(
            state.ReachabilityPath,
            at => new ReachabilityFile
            {
                BootId = at["bootId"].RequiredString("a boot id"),
                Time = at["time"].Seconds(),
                FullSize = at["fullSize"].Int(0, 0, 65_535),
                NotMeasured = at["notMeasured"].OptionalString(),
                NoneAnswers = at["noneAnswers"].Bool(false),
                Peers = [.. at["peers"].Items().ConvertAll(Peer)],
            },
            out problem
        );

    /// <summary>Replaces the file.</summary>
    /// <exception cref="IOException">it cannot be written</exception>
    public void Write(NetworkStateDir state) => AtomicFile.Write(state.ReachabilityPath, to => CniJson.Write(to, Write));

    /// <summary>Removes the file: nobody measures yet.</summary>
    /// <exception cref="IOException">it cannot be removed</exception>
    public static void Delete(NetworkStateDir state)
    {
        if (File.Exists(state.ReachabilityPath))
        {
            File.Delete(state.ReachabilityPath);
        }
    }

    private static PeerReachability Peer(ConfigReader at) =>
        new(
            at["subnet"].OptionalNetwork() ?? at["subnet"].Complain("a subnet", default(IPNetwork)),
            at["publicIP"].Address()!,
            State(at["state"]),
            Optional(at["loss"]),
            Optional(at["fullSizeLoss"]),
            Optional(at["roundTripMs"]),
            Optional(at["lastAnswer"]),
            Optional(at["lastHeard"])
        )
        {
            SendError = at["sendError"].OptionalString(),
            HostAnswers = at["hostAnswers"].Bool(false),
            Fits = at["fits"].Int(0, 0, 65_535),
            DropsPings = at["dropsPings"].Bool(false),
            ReportsFailure = at["reportsFailure"].Bool(false),
            ReportsSilence = at["reportsSilence"].Bool(false),
        };

    private static PeerState State(ConfigReader at)
    {
        int index = Array.IndexOf(s_states, at.RequiredString("a state"));
        return index >= 0 ? (PeerState)index : at.Complain(string.Join(" or ", s_states), PeerState.Unknown);
    }

    private static double? Optional(ConfigReader at) => at.Exists ? at.Seconds() : null;

    private void Write(Utf8JsonWriter w)
    {
        w.WriteStartObject();
        w.WriteString("bootId", BootId);
        w.WriteNumber("time", Math.Round(Time, 3));
        w.WriteNumber("fullSize", FullSize);
        if (NotMeasured is not null)
        {
            w.WriteString("notMeasured", NotMeasured);
        }

        w.WriteBoolean("noneAnswers", NoneAnswers);
        w.WriteStartArray("peers");
        foreach (PeerReachability peer in Peers)
        {
            Write(w, peer);
        }

        w.WriteEndArray();
        w.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter w, in PeerReachability peer)
    {
        w.WriteStartObject();
        w.WriteString("subnet", peer.Subnet.ToString());
        w.WriteString("publicIP", peer.PublicIP.ToString());
        w.WriteString("state", NameOf(peer.State));
        Write(w, "loss", peer.Loss);
        Write(w, "fullSizeLoss", peer.FullSizeLoss);
        Write(w, "roundTripMs", peer.RoundTrip);
        Write(w, "lastAnswer", peer.LastAnswer);
        Write(w, "lastHeard", peer.LastHeard);
        if (peer.SendError is not null)
        {
            w.WriteString("sendError", peer.SendError);
        }

        if (peer.HostAnswers)
        {
            w.WriteBoolean("hostAnswers", true);
        }

        if (peer.Fits > 0)
        {
            w.WriteNumber("fits", peer.Fits);
        }

        if (peer.DropsPings)
        {
            w.WriteBoolean("dropsPings", true);
        }

        if (peer.ReportsFailure)
        {
            w.WriteBoolean("reportsFailure", true);
        }

        if (peer.ReportsSilence)
        {
            w.WriteBoolean("reportsSilence", true);
        }

        w.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter w, string key, double? value)
    {
        if (value is { } number)
        {
            w.WriteNumber(key, Math.Round(number, 3));
        }
    }
}
