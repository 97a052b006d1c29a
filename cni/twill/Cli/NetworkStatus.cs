using System.Net;
using Twill.Host.Forwarding;
using Twill.Linux.Links;
using Twill.Network.Configuration;
using Twill.Network.State;
using Twill.System;

namespace Twill.Plugin.Cli;

/// <summary>A subnet of this host and how much of it is taken.</summary>
/// <param name="Prefix">the subnet</param>
/// <param name="Used">addresses with a record</param>
/// <param name="Free">addresses a container could still get; <see cref="Countless"/> for so many or more</param>
internal sealed record SubnetUse(IPNetwork Prefix, int Used, long Free)
{
    /// <summary>The largest number that every reader of JSON takes as it is, 2^53 - 1: nobody counts the addresses of an IPv6
    /// subnet.</summary>
    public const long Countless = (1L << 53) - 1;

    /// <summary>As people read it.</summary>
    public string FreeText => Free == Countless ? "countless" : Format.Number(Free);
}

/// <summary>The lease of this host's subnets.</summary>
/// <param name="Id">etcd's number for it</param>
/// <param name="Ttl">seconds it lasts without renewal</param>
/// <param name="Age">seconds since it was renewed last; null: in an earlier boot</param>
/// <param name="Left">seconds until nothing is handed out any more; null: of an earlier boot, so nothing is</param>
internal sealed record LeaseStatus(long Id, long Ttl, double? Age, double? Left)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Id}";

    /// <summary>What is wrong with it; null: nothing.</summary>
    public string? Problem =>
        Left is not double left ? "the lease is of an earlier boot: no address is handed out before it is renewed"
        : left <= 0 ? $"the lease ran out {Format.Time(-left)} ago: no address is handed out until etcd is reached again"
        : left < Ttl / 2.0
            ? $"the lease was not renewed for {Format.Time(Age ?? 0)}: in {Format.Time(left)} no address is handed out any more"
        : null;

    public static LeaseStatus Of(SubnetFile file) =>
        file.BootId == BootClock.BootId
            ? new LeaseStatus(
                file.LeaseId,
                file.Ttl,
                Math.Max(0, BootClock.Now - (file.Deadline - file.Ttl)),
                file.Deadline - BootClock.Now
            )
            : new LeaseStatus(file.LeaseId, file.Ttl, null, null);
}

/// <summary>How a network is on this host: what <c>twill status</c> tells.</summary>
internal sealed record NetworkStatus
{
    /// <inheritdoc/>
    public override string ToString() => Name;

    public required string Name { get; init; }

    public required string File { get; init; }

    /// <summary>The backend: vxlan, host-gw, wireguard, none.</summary>
    public required string Backend { get; init; }

    /// <summary>What the backend tells of itself.</summary>
    public IReadOnlyList<StatusField> BackendFields { get; init; } = [];

    /// <summary>The addresses other hosts reach this one by, IPv4 first; none while unknown.</summary>
    public IReadOnlyList<IPAddress> PublicAddresses { get; init; } = [];

    /// <summary>The interface that has them; empty while unknown.</summary>
    public string Interface { get; init; } = "";

    /// <summary>The bridge's name; null under another main plugin.</summary>
    public string? Bridge { get; init; }

    /// <summary>What the bridge is: up, down, missing.</summary>
    public string BridgeState { get; init; } = "";

    /// <summary>Bytes; null while unknown.</summary>
    public long? Mtu { get; init; }

    /// <summary>Containers attached; null under another main plugin.</summary>
    public int? Containers { get; init; }

    public required IReadOnlyList<SubnetUse> Subnets { get; init; }

    /// <summary>Subnets that are another host's now.</summary>
    public IReadOnlyList<IPNetwork> Lost { get; init; } = [];

    /// <summary>Null without etcd, or before the first lease.</summary>
    public LeaseStatus? Lease { get; init; }

    /// <summary>Whether subnets are leased from etcd.</summary>
    public bool IsLeased { get; init; }

    public required AgentStatus Agent { get; init; }

    /// <summary>How the other hosts answer; null where there are none.</summary>
    public MeasuredPeers? Measured { get; init; }

    /// <summary>State files that cannot be read, and directories that take no more of them.</summary>
    public IReadOnlyList<string> StateProblems { get; init; } = [];

    /// <summary>Other programs' firewalls that drop containers' packets.</summary>
    public IReadOnlyList<string> BlockingChains { get; init; } = [];

    /// <summary>What doctor's checks found wrong.</summary>
    public IReadOnlyList<string> Found { get; init; } = [];

    /// <summary>What is not as it should be; empty: all is well.</summary>
    public IReadOnlyList<string> Problems
    {
        get
        {
            List<string> all = [.. StateProblems];
            if (Agent.Problem is { } agent)
            {
                all.Add(agent);
            }

            if (Lease?.Problem is { } lease)
            {
                all.Add(lease);
            }

            if (Agent.Pid is not null && Agent.PeersProgrammed < Agent.PeersWanted)
            {
                all.Add(
                    $"the way to {Agent.PeersWanted - Agent.PeersProgrammed} of {Format.Count(Agent.PeersWanted, "remote subnet")} is "
                        + $"not made"
                );
            }

            all.AddRange(Agent.Conflicts);
            if (Measured?.Problem is { } unreached)
            {
                all.Add(unreached);
            }

            foreach (IPNetwork lost in Lost)
            {
                all.Add($"subnet {lost} is another host's now: containers that still have an address of it must be restarted");
            }

            if (Subnets.Count > 0 && !IsLeased && FreeInAll == 0)
            {
                all.Add("every address is taken");
            }

            if (Containers > 0 && BridgeState != "up")
            {
                all.Add($"bridge {Bridge} is {BridgeState}");
            }

            all.AddRange(BlockingChains);
            foreach (string found in Found)
            {
                // What is said above already, in these words or within others.
                if (!all.Exists(said => said.Contains(found, StringComparison.Ordinal) || found.Contains(said, StringComparison.Ordinal)))
                {
                    all.Add(found);
                }
            }

            return all;
        }
    }

    private long FreeInAll
    {
        get
        {
            long sum = 0;
            foreach (SubnetUse subnet in Subnets)
            {
                sum += subnet.Free;
            }

            return sum;
        }
    }

    public static NetworkStatus Of(HostView host, NetworkView network)
    {
        TwillConf conf = network.Conf;
        Link? bridge = network.IsOurs ? host.Find(conf.Bridge) : null;
        return new NetworkStatus
        {
            Name = network.Name,
            File = network.File,
            Backend = conf.Backend.Type,
            BackendFields = conf.Backend.Status(network.Node),
            PublicAddresses = network.Node?.PublicAddresses ?? [],
            Interface = network.Node?.Interface ?? "",
            Bridge = network.IsOurs ? conf.Bridge : null,
            BridgeState =
                bridge is null ? "missing"
                : bridge.IsUp ? "up"
                : "down",
            Mtu =
                network.Node is { Mtu: > 0 } told ? told.Mtu
                : conf.Mtu != 0 ? conf.Mtu
                : bridge?.Mtu,
            Containers = network.IsOurs ? network.HostEnds.Count : null,
            Subnets = UseOf(network),
            Lost = network.Subnet?.Lost ?? [],
            Lease = network.Subnet is { } file && conf.Ipam.Etcd is not null ? LeaseStatus.Of(file) : null,
            IsLeased = conf.Ipam.Etcd is not null,
            Agent = network.Agent,
            Measured = conf.Ipam.Etcd is not null && conf.Backend.JoinsHosts ? network.Measured : null,
            StateProblems = [.. network.StateProblems, .. network.StorageProblems],
            BlockingChains = network.IsOurs
                ? ForwardPaths
                    .FindBlockingChains(host.Route, conf, network.Node)
                    .FindAll(chain => chain.IsCertain && !chain.IsMeant)
                    .ConvertAll(chain => chain.Text)
                : [],
        };
    }

    private static List<SubnetUse> UseOf(NetworkView network)
    {
        List<SubnetUse> all = [];
        foreach (IPNetwork subnet in network.Subnets)
        {
            UInt128 room = 0;
            IpamFamily? family = network.Conf.Ipam.Of(subnet.BaseAddress.AddressFamily);
            foreach (FixedRange range in family?.RangesOf(subnet) ?? [new FixedRange(subnet)])
            {
                UInt128 gateway = IPPrefix.NumberOf(range.Gateway);
                room +=
                    range.First > range.Last ? 0
                    : range.Last - range.First + 1 - (gateway >= range.First && gateway <= range.Last ? 1u : 0u);
            }

            uint used = (uint)network.Records.FindAll(record => subnet.Contains(record.Address)).Count;
            all.Add(new SubnetUse(subnet, (int)used, room <= used ? 0 : (long)UInt128.Min(room - used, SubnetUse.Countless)));
        }
        return all;
    }
}
