using System.Net;
using System.Net.Sockets;
using Twill.System;

namespace Twill.Host.Backends;

/// <summary>What makes a lease unusable for every backend. What stands in etcd was written by others and may be anything.</summary>
/// <param name="self">This host.</param>
/// <param name="backendType">The backend that it runs.</param>
internal sealed class LeaseValidator(LocalNode self, string backendType)
{
    private readonly HashSet<IPAddress> _bases = [];
    private readonly List<PeerLease> _accepted = []; // where hosts' addresses may lie in the network

    /// <summary>The oldest first, for it stays where two contradict each other; then by all else, so that the same leases always give the
    /// same result.</summary>
    internal static PeerLease[] InOrder(IEnumerable<PeerLease> leases)
    {
        PeerLease[] sorted = [.. leases];
        Array.Sort(sorted, Compare);
        return sorted;
    }

    /// <summary>The ways to the lease's host: over each family that both hosts have on the underlay, the subnet's own family
    /// first.</summary>
    internal static IEnumerable<(LocalAddress Ours, PeerAddress Theirs)> Ways(LocalNode self, PeerLease peer)
    {
        foreach (PeerAddress theirs in peer.Addresses.From(peer.Subnet.BaseAddress.AddressFamily))
        {
            if (self.Addresses[theirs.PublicIP.AddressFamily] is { } ours)
            {
                yield return (ours, theirs);
            }
        }
    }

    /// <summary>How a lease comes to the hardware address or key of another host.</summary>
    internal const string SharedIdentity = ": two hosts share one stored identity (copied disks?)";

    /// <summary>How a lease comes to this host's own: nothing in it tells the one from the other.</summary>
    internal const string OwnIdentity =
        ", so it is of a copy of this host's disk, or this host's own of before its address changed, which runs out";

    /// <summary>Why there is no way at all.</summary>
    internal static string NoCommonFamily(LocalNode self, PeerLease peer) =>
        $"its host has {Names(peer.Addresses.ConvertAll(a => a.PublicIP))} on the underlay, this host "
        + $"{Names(self.Addresses.ConvertAll(a => a.PublicIP))}";

    /// <summary>Why no entry may be made for this lease, or null.</summary>
    internal string? Refusal(PeerLease peer)
    {
        if (!self.Networks.Exists(network => network.Covers(peer.Subnet)))
        {
            return $"it is not inside the network {string.Join(" or ", self.Networks)}";
        }

        if (FirstOverlap(self.Subnets, peer.Subnet) is { } mine)
        {
            return $"it overlaps this host's own subnet {mine}";
        }

        if (FirstOverlap(self.Lost, peer.Subnet) is { } lost)
        {
            return $"it overlaps {lost}, which this host lost while containers may still use it here";
        }

        if (self.Needs.FindOverlap(peer.Subnet, self.LedTo.Contains(peer.Subnet)) is { } needed)
        {
            return $"it overlaps {needed.Reason}";
        }

        foreach (PeerLease older in _accepted)
        {
            foreach (PeerAddress address in older.Addresses)
            {
                if (peer.Subnet.Contains(address.PublicIP))
                {
                    return $"it overlaps {address.PublicIP}, the address of the host of {older.Subnet}";
                }
            }
        }

        if (_bases.Contains(peer.Subnet.BaseAddress))
        {
            return "another lease's subnet begins at the same address";
        }

        return peer.BackendType == backendType ? null : $"it uses the backend \"{peer.BackendType}\", this host \"{backendType}\"";
    }

    /// <summary>Why nothing may be sent to this address of a lease's host, or null.</summary>
    internal string? Refusal(PeerLease peer, PeerAddress theirs)
    {
        IPAddress address = theirs.PublicIP;
        if (IsOurs(address))
        {
            return $"it is published with this host's own address {address} by another node";
        }

        if (!Identifies(address))
        {
            return $"its PublicIP {address} is no address of a host";
        }

        if (self.Needs.LinkWithEdge(address) is { } link)
        {
            string which = link.BaseAddress.Equals(address) ? "network" : "broadcast";
            return $"its PublicIP {address} is no address of a host, but the {which} address of {link}";
        }

        return self.NetworkOf(address) is { } network ? RefusalInside(peer, address, network) : null;
    }

    /// <summary>Whether packets of a peer may come from this address of its: whichever of its own it sends from.</summary>
    internal bool MaySend(PeerLease peer, IPAddress address) => Refusal(peer, new PeerAddress(address)) is null;

    /// <summary>Takes note that entries are made for this lease: one neighbour cannot stand for two subnets that begin alike.</summary>
    internal void Accept(PeerLease peer)
    {
        _bases.Add(peer.Subnet.BaseAddress);
        if (self.IsInsideNetwork)
        {
            _accepted.Add(peer);
        }
    }

    private bool IsOurs(IPAddress address) => self.Addresses.Exists(ours => ours.PublicIP.Equals(address));

    /// <summary>Why an address in the cluster network is no host's, or null: what is there is containers', unless the hosts' own link is in
    /// the network.</summary>
    private string? RefusalInside(PeerLease peer, IPAddress address, IPNetwork network)
    {
        if (!self.Addresses.Exists(ours => network.Contains(ours.PublicIP)))
        {
            return $"its PublicIP {address} lies in the network {network}, whose addresses are containers'";
        }

        IPNetwork within = new(address, IPPrefix.Bits(address.AddressFamily));
        return
            FirstOverlap([.. self.Subnets, .. self.Lost, peer.Subnet], within) is { } own ? Inside(own)
            : _accepted.Find(older => older.Subnet.Contains(address)) is { } other ? Inside(other.Subnet)
            : null;

        string Inside(IPNetwork subnet) => $"its PublicIP {address} lies in the subnet {subnet}, whose addresses are containers'";
    }

    private static string Names(IEnumerable<IPAddress> addresses)
    {
        string[] names = [.. addresses.ConvertAll(a => a.AddressFamily == AddressFamily.InterNetworkV6 ? "IPv6" : "IPv4")];
        return names.Length == 0 ? "no address" : string.Join(" and ", names);
    }

    private static IPNetwork? FirstOverlap(IReadOnlyList<IPNetwork> subnets, IPNetwork with)
    {
        foreach (IPNetwork subnet in subnets)
        {
            if (subnet.Overlaps(with))
            {
                return subnet;
            }
        }

        return null;
    }

    private static bool Identifies(IPAddress address) =>
        !IPAddress.IsLoopback(address)
        && !IsOfThisNetwork(address)
        && !address.Equals(IPAddress.Any)
        && !address.Equals(IPAddress.IPv6Any)
        && !address.IsIPv6Multicast
        && !address.IsIPv6LinkLocal
        && !address.IsIPv4MappedToIPv6
        && !IsIPv4MulticastOrBroadcast(address);

    /// <summary>0.0.0.0/8 (RFC 1122, section 3.2.1.3).</summary>
    private static bool IsOfThisNetwork(IPAddress address) =>
        address.AddressFamily == AddressFamily.InterNetwork && address.GetAddressBytes()[0] == 0;

    private static bool IsIPv4MulticastOrBroadcast(IPAddress address) =>
        address.AddressFamily == AddressFamily.InterNetwork && address.GetAddressBytes()[0] >= 224;

    private static int Compare(PeerLease? one, PeerLease? other)
    {
        if (one is null || other is null)
        {
            return (one is null ? 0 : 1) - (other is null ? 0 : 1);
        }

        int order = one.Created.CompareTo(other.Created);
        order = order != 0 ? order : Compare(one.Subnet.BaseAddress, other.Subnet.BaseAddress);
        order = order != 0 ? order : one.Subnet.PrefixLength.CompareTo(other.Subnet.PrefixLength);
        return order != 0 ? order : string.CompareOrdinal(Rest(one), Rest(other));

        static string Rest(PeerLease lease) => $"{lease.BackendType} {lease.Addresses.V4} {lease.Addresses.V6}";
    }

    private static int Compare(IPAddress one, IPAddress other)
    {
        Span<byte> first = stackalloc byte[16],
            second = stackalloc byte[16];
        one.TryWriteBytes(first, out int firstLength);
        other.TryWriteBytes(second, out int secondLength);
        return first[..firstLength].SequenceCompareTo(second[..secondLength]);
    }
}
