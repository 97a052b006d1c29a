using Twill.Cni;
using Twill.System;

namespace Twill.Network.State;

/// <summary><c>agent.json</c>: how the agent is in a network, written by it each round.</summary>
public sealed class AgentFile
{
    /// <summary>The agent's process id.</summary>
    public required int Pid { get; init; }

    /// <summary>When it wrote this, for people: somebody may set that clock.</summary>
    public required DateTimeOffset Time { get; init; }

    /// <summary>When it wrote this: seconds on <see cref="BootClock"/>; null: a former version wrote it.</summary>
    public double? BootTime { get; init; }

    /// <summary>The boot that <see cref="BootTime"/> belongs to; null: a former version wrote it.</summary>
    public string? BootId { get; init; }

    /// <summary>Seconds since it was written, whatever became of the time of day; infinite when that was in another boot.</summary>
    public double Age =>
        BootTime is not double written ? Math.Max(0, (DateTimeOffset.UtcNow - Time).TotalSeconds)
        : BootId == BootClock.BootId ? Math.Max(0, BootClock.Now - written)
        : double.PositiveInfinity;

    /// <summary>Seconds since etcd last answered; null: not yet.</summary>
    public double? EtcdAge => LastEtcdContact is { } contact ? Math.Max(0, (Time - contact).TotalSeconds) + Age : null;

    /// <summary>Whether it has compared the kernel with all leases since it has one of its own; false: it has not come that far. A former
    /// version did not say: true.</summary>
    public bool ArePeersKnown { get; init; } = true;

    /// <summary>Remote subnets it knows of.</summary>
    public required int PeersWanted { get; init; }

    /// <summary>Remote subnets that are reachable as far as the kernel's tables say.</summary>
    public required int PeersProgrammed { get; init; }

    /// <summary>When etcd last answered; null: not yet.</summary>
    public DateTimeOffset? LastEtcdContact { get; init; }

    /// <summary>What failed last and still does; null: nothing.</summary>
    public string? LastError { get; init; }

    /// <summary>Keys in etcd that lead to no host: the first <see cref="RefusedLease.Most"/>.</summary>
    public IReadOnlyList<RefusedLease> Refused { get; init; } = [];

    /// <summary>How many there are.</summary>
    public int RefusedCount { get; init; }

    /// <summary>What keeps this host from reaching others, or from being reached, that its administrator must mend: an address that another
    /// host publishes too, a subnet that this host itself needs. An operator's <c>status</c> says it.</summary>
    public IReadOnlyList<string> Conflicts { get; init; } = [];

    /// <summary>Reads the file; null when it is absent or not to be trusted, and then <paramref name="problem"/> says why.</summary>
    public static AgentFile? TryRead(NetworkStateDir state, out string? problem) =>
        StateFile.TryRead(
            state.AgentPath,
            at => new AgentFile
            {
                Pid = (int)at["pid"].Number(1, int.MaxValue),
                Time = ReadTime(at["time"]) ?? at["time"].Complain("a time", default(DateTimeOffset)),
                ArePeersKnown = at["peersKnown"].Bool(fallback: true),
                PeersWanted = (int)at["peersWanted"].Number(0, int.MaxValue),
                PeersProgrammed = (int)at["peersProgrammed"].Number(0, int.MaxValue),
                LastEtcdContact = ReadTime(at["lastEtcdContact"]),
                LastError = at["lastError"].OptionalString(),
                BootTime = at["bootTime"].Exists ? at["bootTime"].Seconds() : null,
                BootId = at["bootId"].OptionalString(),
                Refused = ReadRefused(at["refused"]),
                RefusedCount = at["refusedCount"].Exists ? (int)at["refusedCount"].Number(0, int.MaxValue) : 0,
                Conflicts = [.. at["conflicts"].Items().ConvertAll(item => item.OptionalString() ?? "")],
            },
            out problem
        );

    /// <summary>Replaces the file.</summary>
    /// <exception cref="IOException">it cannot be written</exception>
    public void Write(NetworkStateDir state) => StateFile.Write(state.AgentPath, w =>
        {
            w.WriteNumber("pid", Pid);
            w.WriteString("time", Time);
            w.WriteNumber("bootTime", BootTime ?? BootClock.Now);
            w.WriteString("bootId", BootId ?? BootClock.BootId);
            w.WriteBoolean("peersKnown", ArePeersKnown);
            w.WriteNumber("peersWanted", PeersWanted);
            w.WriteNumber("peersProgrammed", PeersProgrammed);
            if (LastEtcdContact is DateTimeOffset contact)
            {
                w.WriteString("lastEtcdContact", contact);
            }

            if (LastError is not null)
            {
                w.WriteString("lastError", LastError);
            }

            if (RefusedCount > 0)
            {
                w.WriteNumber("refusedCount", RefusedCount);
                w.WriteStartArray("refused");
                foreach (RefusedLease refused in Refused)
                {
                    w.WriteStartObject();
                    w.WriteString("key", ForeignText.Shown(refused.Key));
                    w.WriteString("reason", refused.Reason);
                    w.WriteEndObject();
                }

                w.WriteEndArray();
            }

            if (Conflicts.Count > 0)
            {
                w.WriteStartArray("conflicts");
                foreach (string conflict in Conflicts)
                {
                    w.WriteStringValue(conflict);
                }

                w.WriteEndArray();
            }
        });

    private static List<RefusedLease> ReadRefused(ConfigReader at)
    {
        List<RefusedLease> all = [];
        foreach (ConfigReader item in at.Items())
        {
            all.Add(new RefusedLease(item["key"].OptionalString() ?? "", item["reason"].OptionalString() ?? ""));
        }

        return all;
    }

    private static DateTimeOffset? ReadTime(ConfigReader at)
    {
        if (at.OptionalString() is not string text)
        {
            return null;
        }

        return Rfc3339.TryParseUtc(text, out DateTimeOffset time)
            ? time
            : at.Complain("a time like 2030-01-31T12:00:00Z", (DateTimeOffset?)null);
    }
}
