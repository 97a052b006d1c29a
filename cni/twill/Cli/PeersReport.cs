using System.Text.Json;
using Twill.Network.State;

namespace Twill.Plugin.Cli;

/// <summary>The peers of a network.</summary>
/// <param name="Network">its name</param>
/// <param name="Backend">how hosts are joined</param>
/// <param name="Wanted">remote subnets that the agent knows of; null when no agent has reported</param>
/// <param name="Rows">what the kernel has</param>
internal sealed record NetworkPeers(string Network, string Backend, int? Wanted, IReadOnlyList<PeerRow> Rows)
{
    /// <inheritdoc/>
    public override string ToString() => Network;

    /// <summary>How they answer.</summary>
    public MeasuredPeers Measured { get; init; } = MeasuredPeers.From(null, null, agentRuns: true);

    /// <summary>Keys in etcd that lead to no host: the first of them.</summary>
    public IReadOnlyList<RefusedLease> Refused { get; init; } = [];

    /// <summary>How many there are.</summary>
    public int RefusedCount { get; init; }

    /// <summary>What keeps this host and others from reaching each other, and an administrator must mend.</summary>
    public IReadOnlyList<string> Conflicts { get; init; } = [];

    /// <summary>Why nothing can be told of the ways; null: it can.</summary>
    public string? Unreadable { get; init; }

    /// <summary>What is not as it should be; null: all ways are whole.</summary>
    public string? Problem
    {
        get
        {
            int broken = 0;
            foreach (PeerRow row in Rows)
            {
                broken += row.IsWhole ? 0 : 1;
            }

            return Unreadable is not null ? Unreadable
                : broken > 0 ? $"the way to {broken} of {Format.Count(Rows.Count, "remote subnet")} is not whole"
                : Wanted is int wanted && wanted != Rows.Count
                    ? $"the agent knows of {Format.Count(wanted, "remote subnet")}, the kernel has the way to {Rows.Count}"
                : Conflicts.Count > 0 ? string.Join("; ", Conflicts)
                : Measured.Problem;
        }
    }
}

/// <summary><c>twill peers</c> for people and for programs.</summary>
internal static class PeersReport
{
    public static void Print(ConsoleOutput screen, IReadOnlyList<NetworkPeers> networks)
    {
        IReadOnlyList<string> answers = PeerAnswers.Header;
        Table table = new(["NETWORK", "SUBNET", "PUBLIC IP", "VTEP MAC", "DEVICE", "ROUTE", "NEIGHBOUR", "FDB", .. answers]);
        Table tunnels = new(["NETWORK", "SUBNET", "PUBLIC IP", "PUBLIC KEY", "DEVICE", "ROUTE", "PEER", "HANDSHAKE", .. answers]);
        int rows = 0,
            through = 0;
        foreach (NetworkPeers network in networks)
        {
            foreach (PeerRow row in network.Rows)
            {
                Cell[] measured = PeerAnswers.Cells(network.Measured.Of(row.Subnet));
                if (row.Tunnel is { } tunnel)
                {
                    tunnels.Add([
                        network.Network,
                        row.Subnet?.ToString() ?? "?",
                        row.PublicIP?.ToString() ?? "?",
                        tunnel.PublicKey?.ToString() ?? "?",
                        row.Device,
                        Word(row.Route),
                        Word(tunnel.Peer),
                        tunnel.HandshakeAge is double age ? $"{Format.Time(age)} ago" : new Cell("none yet", Style.Faint),
                        .. measured,
                    ]);
                    through++;
                    continue;
                }
                table.Add([
                    network.Network,
                    row.Subnet?.ToString() ?? "?",
                    row.PublicIP?.ToString() ?? "?",
                    row.VtepMac?.ToString() ?? (row.Neighbour == EntryState.NotNeeded ? "-" : "?"),
                    row.Device,
                    Word(row.Route),
                    Word(row.Neighbour),
                    Word(row.Fdb),
                    .. measured,
                ]);
                rows++;
            }
        }
        if (rows > 0)
        {
            table.Print(screen);
        }

        if (through > 0)
        {
            tunnels.Print(screen);
        }

        foreach (NetworkPeers network in networks)
        {
            foreach (RefusedLease refused in network.Refused)
            {
                screen.Line($"{network.Network}: etcd key {refused.Key} does not count: {refused.Reason}");
            }

            if (network.RefusedCount > network.Refused.Count)
            {
                screen.Line($"{network.Network}: {network.RefusedCount - network.Refused.Count} more keys do not count");
            }

            if (network.Problem is { } problem)
            {
                screen.Line($"{screen.Paint(Style.Bad, "problem")}  {network.Network}: {problem}");
            }
            else if (network.Rows.Count > 0 && network.Measured.NotMeasured is { } reason)
            {
                screen.Line($"{network.Network}: how peers answer is not measured: {reason}");
            }
            else if (network.Rows.Count == 0)
            {
                screen.Line(
                    $"{network.Network}: {(network.Backend == "none" ? "one host, no peers (backend none)" : "no other host has a subnet")}"
                );
            }
        }
    }

    public static void Write(Utf8JsonWriter w, IReadOnlyList<NetworkPeers> networks)
    {
        w.WriteStartObject();
        w.WriteStartArray("networks");
        foreach (NetworkPeers network in networks)
        {
            w.WriteStartObject();
            w.WriteString("network", network.Network);
            w.WriteString("backend", network.Backend);
            w.WriteOptional("peersWanted", network.Wanted);
            w.WriteStartArray("peers");
            foreach (PeerRow row in network.Rows)
            {
                Write(w, row, network.Measured.Of(row.Subnet));
            }

            w.WriteEndArray();
            w.WriteStartArray("refused");
            foreach (RefusedLease refused in network.Refused)
            {
                w.WriteStartObject();
                w.WriteString("key", refused.Key);
                w.WriteString("reason", refused.Reason);
                w.WriteEndObject();
            }

            w.WriteEndArray();
            w.WriteNumber("refusedCount", network.RefusedCount);
            w.WriteOptional("notMeasured", network.Measured.NotMeasured);
            w.WriteOptional("problem", network.Problem);
            w.WriteEndObject();
        }
        w.WriteEndArray();
        w.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter w, PeerRow row, PeerReachability? measured)
    {
        w.WriteStartObject();
        w.WriteOptional("subnet", row.Subnet?.ToString());
        w.WriteOptional("publicIP", row.PublicIP?.ToString());
        w.WriteOptional("vtepMac", row.VtepMac?.ToString());
        w.WriteString("device", row.Device);
        w.WriteString("route", Word(row.Route).Text);
        w.WriteString("neighbour", Word(row.Neighbour).Text);
        w.WriteString("fdb", Word(row.Fdb).Text);
        if (row.Tunnel is { } tunnel)
        {
            w.WriteOptional("publicKey", tunnel.PublicKey?.ToString());
            w.WriteString("peer", Word(tunnel.Peer).Text);
            w.WriteSeconds("handshakeSecondsAgo", tunnel.HandshakeAge);
        }
        PeerAnswers.Write(w, measured);
        w.WriteBoolean("ok", row.IsWhole && measured is not { State: PeerState.Silent or PeerState.LosesFullSize });
        w.WriteEndObject();
    }

    private static Cell Word(EntryState state) =>
        state switch
        {
            EntryState.Ok => new Cell("ok", Style.Good),
            EntryState.Missing => new Cell("missing", Style.Bad),
            EntryState.Changed => new Cell("changed", Style.Bad),
            _ => new Cell("-", Style.Faint),
        };
}
