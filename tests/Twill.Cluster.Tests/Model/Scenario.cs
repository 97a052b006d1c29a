using System.Net;

namespace Twill.Cluster.Tests.Model;

/// <summary>A defect put in on purpose, to show that the exploration finds it.</summary>
internal enum Mutation
{
    None,

    /// <summary>etcd ignores the conditions of transactions.</summary>
    NoCompare,

    /// <summary>Nodes hand out addresses also after their deadline.</summary>
    NoFence,

    /// <summary>Deadlines are counted from a time after the request was sent.</summary>
    LateDeadline,

    /// <summary>What nodes had is not remembered in etcd.</summary>
    NoMemory,

    /// <summary>etcd ends leases before their time.</summary>
    EarlyExpiry,

    /// <summary>etcd ignores what transactions delete: what was leased without the node hearing of it is not given back.</summary>
    NoDelete,

    /// <summary>Nothing tells a host from a copy of its disk.</summary>
    NoIncarnation,

    /// <summary>A key that was written by hand is not known by its value.</summary>
    NoTakingBack,

    /// <summary>etcd says of a lease that it does not know that it lives on.</summary>
    LeaseNeverGone,

    /// <summary>Containers are not seen when the network's configuration has changed.</summary>
    NoContainers,
}

/// <summary>What an exploration starts from and how much may happen in it. Time is counted in ticks; leases last <see cref="Ttl"/> of
/// them.</summary>
internal sealed record Scenario(string Name)
{
    public const long Ttl = 2;

    /// <summary>The nodes' configurations. All are of the same network of two /24 subnets; a node whose subnets are smaller shows
    /// overlaps.</summary>
    public IReadOnlyList<NetworkConfig> Nodes { get; init; } = [Whole, Whole, Whole];

    /// <summary>The network when the holders took their subnets, if it was another then.</summary>
    public NetworkConfig? Before { get; init; }

    /// <summary>Whether containers use every subnet that a node holds.</summary>
    public bool Containers { get; init; }

    /// <summary>How many of the nodes hold a subnet at the start.</summary>
    public int Holders { get; init; }

    /// <summary>Nodes that want a second subnet.</summary>
    public IReadOnlyList<int> Growing { get; init; } = [];

    /// <summary>Nodes that give back what they hold, instead of renewing it.</summary>
    public IReadOnlyList<int> Leaving { get; init; } = [];

    /// <summary>How often each node starts something: leasing, renewing with growing, giving back. 0: it is away, and comes back in the
    /// calm after the run.</summary>
    public IReadOnlyList<int> Operations { get; init; } = [1, 1, 1];

    /// <summary>Ticks that have gone by since the holders took their subnets.</summary>
    public int Age { get; init; }

    /// <summary>How many messages are lost or late in one run.</summary>
    public int Faults { get; init; }

    public int Reboots { get; init; }

    /// <summary>Whether the second node is a copy of the first: it has the same id, and another address.</summary>
    public bool IsCopied { get; init; }

    /// <summary>How many keys somebody writes or deletes by hand.</summary>
    public int HandEdits { get; init; }

    /// <summary>How often etcd is restored to what it held when the run began.</summary>
    public int Restores { get; init; }

    public int Ticks { get; init; }

    public Mutation Mutation { get; init; }

    /// <summary>10.1.0.0/24 and 10.1.1.0/24.</summary>
    public static NetworkConfig Whole { get; } =
        NetworkConfig.Create(IPNetwork.Parse("10.1.0.0/22"), 24, IPAddress.Parse("10.1.0.0"), IPAddress.Parse("10.1.1.0"));

    /// <summary>The same with fd00:1::/64 and fd00:1:0:1::/64 beside.</summary>
    public static NetworkConfig Dual { get; } = WithIPv6(64, "fd00:1:0:1::");

    /// <summary>With fd00:1::/64 alone beside: whoever has an IPv4 subnet, only one can have this.</summary>
    public static NetworkConfig DualOfOne { get; } = WithIPv6(64, "fd00:1::");

    /// <summary>With fd00:1::/65 and fd00:1:0:0:8000::/65 beside: both overlap the first /64.</summary>
    public static NetworkConfig DualHalves { get; } = WithIPv6(65, "fd00:1:0:0:8000::");

    private static NetworkConfig WithIPv6(int length, string max) =>
        NetworkConfig.Create(
            Whole.IPv4,
            SubnetRange.Create(IPNetwork.Parse("fd00:1::/60"), length, IPAddress.Parse("fd00:1::"), IPAddress.Parse(max))
        );

    /// <summary>10.1.1.0/25 and 10.1.1.128/25: who has the first /24 can have one of them beside.</summary>
    public static NetworkConfig UpperHalves { get; } =
        NetworkConfig.Create(IPNetwork.Parse("10.1.0.0/22"), 25, IPAddress.Parse("10.1.1.0"), IPAddress.Parse("10.1.1.128"));

    /// <summary>10.1.0.0/25 and 10.1.0.128/25: both overlap the first /24.</summary>
    public static NetworkConfig Halves { get; } =
        NetworkConfig.Create(IPNetwork.Parse("10.1.0.0/22"), 25, IPAddress.Parse("10.1.0.0"), IPAddress.Parse("10.1.0.128"));
}
