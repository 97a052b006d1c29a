using System.Net;
using Twill.Cni;
using Twill.System;

namespace Twill.Network.State;

/// <summary>
/// <c>subnet.json</c>: what this host leases in a network and until when it may hand out addresses of it. Whoever acquires or renews
/// writes it under the network's lock.
/// </summary>
public sealed record SubnetFile
{
    /// <inheritdoc/>
    public override string ToString() => string.Join(", ", Subnets);

    /// <summary>The network's name.</summary>
    public required string Network { get; init; }

    /// <summary>The lease holder's id (<see cref="NodeIdentity.NodeId"/>).</summary>
    public required string NodeId { get; init; }

    /// <summary>Leased subnets, oldest first, an IPv6 one right behind the IPv4 one that it was leased with; new containers may get
    /// addresses of these.</summary>
    public required IReadOnlyList<IPNetwork> Subnets { get; init; }

    /// <summary>The backend the lease was published with.</summary>
    public required string Backend { get; init; }

    /// <summary>The MTU for containers, bytes; 0 when unknown.</summary>
    public int Mtu { get; init; }

    /// <summary>etcd's lease id.</summary>
    public required long LeaseId { get; init; }

    /// <summary>Seconds the lease lasts without renewal.</summary>
    public required long Ttl { get; init; }

    /// <summary>The boot the deadline belongs to.</summary>
    public required string BootId { get; init; }

    /// <summary>The fence: seconds on <see cref="BootClock"/> after which nothing may be handed out.</summary>
    public required double Deadline { get; init; }

    /// <summary>Subnets that were this host's and are another's now: containers may still run there, new ones must not.</summary>
    public IReadOnlyList<IPNetwork> Lost { get; init; } = [];

    /// <summary>Subnets that this host gave back or lost in this boot, the newest last: their addresses go from the bridge.</summary>
    public IReadOnlyList<IPNetwork> Former { get; init; } = [];

    /// <summary>The network's prefix in etcd; empty: a former version wrote this, and it is unknown.</summary>
    public string Prefix { get; init; } = "";

    /// <summary>Seconds until the fence; negative when it has passed or the content is of an earlier boot.</summary>
    public double SecondsLeft => BootId == BootClock.BootId ? Deadline - BootClock.Now : double.NegativeInfinity;

    /// <summary>Whether this host holds a subnet in a network, in this boot.</summary>
    /// <param name="state">Where run-time state lives.</param>
    /// <param name="network">The network's name, of whatever origin.</param>
    /// <param name="bootId">This boot.</param>
    public static bool IsHeld(StateDir state, string network, string bootId) =>
        CniNames.NetworkNameFault(network) is null
        && TryRead(state.Existing(network), out _) is { } file
        && file.BootId == bootId
        && file.Subnets.Count > 0;

    /// <summary>Reads the file; null when it is absent or not to be trusted, and then <paramref name="problem"/> says why.</summary>
    public static SubnetFile? TryRead(NetworkStateDir state, out string? problem) =>
        StateFile.TryRead(
            state.SubnetPath,
            at => new SubnetFile
            {
                Network = at["network"].Network(state),
                NodeId = at["nodeId"].RequiredString("a node id"),
                Subnets = Networks(at["subnets"]),
                Backend = at["backend"].RequiredString("a backend"),
                Mtu = at["mtu"].Int(0, 0, 65_535),
                LeaseId = at["leaseId"].Number(long.MinValue, long.MaxValue),
                Ttl = at["ttl"].Number(0, long.MaxValue),
                BootId = at["bootId"].RequiredString("a boot id"),
                Deadline = at["deadline"].Seconds(),
                Lost = Networks(at["lost"]),
                Former = Networks(at["former"]),
                Prefix = at["prefix"].OptionalString() ?? "",
            },
            out problem
        );

    /// <summary>Replaces the file; the caller holds the network's lock.</summary>
    /// <exception cref="IOException">it cannot be written</exception>
    public void Write(NetworkStateDir state) => StateFile.Write(state.SubnetPath, w =>
        {
            w.WriteString("network", Network);
            w.WriteString("nodeId", NodeId);
            w.WriteList("subnets", Texts(Subnets));
            w.WriteString("backend", Backend);
            w.WriteNumber("mtu", Mtu);
            w.WriteNumber("leaseId", LeaseId);
            w.WriteNumber("ttl", Ttl);
            w.WriteString("bootId", BootId);
            w.WriteNumber("deadline", Deadline);
            w.WriteList("lost", Texts(Lost));
            w.WriteList("former", Texts(Former));
            w.WriteString("prefix", Prefix);
        });

    private static List<IPNetwork> Networks(ConfigReader at)
    {
        var networks = new List<IPNetwork>();
        foreach (ConfigReader item in at.Items())
        {
            networks.Add(item.OptionalNetwork() ?? item.Complain("a prefix", default(IPNetwork)));
        }

        return networks;
    }

    private static string[] Texts(IReadOnlyList<IPNetwork> networks)
    {
        string[] texts = new string[networks.Count];
        for (int i = 0; i < texts.Length; i++)
        {
            texts[i] = networks[i].ToString();
        }

        return texts;
    }
}
