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

    /// <summary>By subnet, then by all else, so that the same leases always give the same result.</summary>
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

    /// <summary>Why there is no way at all.</summary>
    internal static string NoCommonFamily(LocalNode self, PeerLease peer) =>
        $"its host has {Names(peer.Addresses.Select(a => a.PublicIP))} on the underlay, this host "
        + $"{Names(self.Addresses.Select(a => a.PublicIP))}";

    /// <summary>Why no entry may be made for this lease, or null.</summary>
    internal string? Refusal(PeerLease peer)
    {
        if (!self.Networks.Any(network => network.Covers(peer.Subnet)))
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

        if (_bases.Contains(peer.Subnet.BaseAddress))
        {
            return "another lease's subnet begins at the same address";
        }

        return peer.BackendType == backendType ? null : $"it uses the backend \"{peer.BackendType}\", this host \"{backendType}\"";
    }

    /// <summary>Why nothing may be sent to this address, or null.</summary>
    internal string? Refusal(PeerAddress theirs)
    {
        if (self.Addresses.Any(ours => ours.PublicIP.Equals(theirs.PublicIP)))
        {
            return $"it is published with this host's own address {theirs.PublicIP} by another node";
        }

        return Identifies(theirs.PublicIP) ? null : $"its PublicIP {theirs.PublicIP} is no address of a host";
    }

    /// <summary>Whether packets of a peer may come from this address of its: whichever of its own it sends from.</summary>
    internal bool MaySend(IPAddress address) => Refusal(new PeerAddress(address)) is null;

    /// <summary>Takes note that entries are made for this lease: one neighbour cannot stand for two subnets that begin alike.</summary>
    internal void Accept(PeerLease peer) => _bases.Add(peer.Subnet.BaseAddress);

    private static string Names(IEnumerable<IPAddress> addresses)
    {
        string[] names = [.. addresses.Select(a => a.AddressFamily == AddressFamily.InterNetworkV6 ? "IPv6" : "IPv4")];
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
        && !address.Equals(IPAddress.Any)
        && !address.Equals(IPAddress.IPv6Any)
        && !address.IsIPv6Multicast
        && !address.IsIPv6LinkLocal
        && !address.IsIPv4MappedToIPv6
        && !IsIPv4MulticastOrBroadcast(address);

    private static bool IsIPv4MulticastOrBroadcast(IPAddress address) =>
        address.AddressFamily == AddressFamily.InterNetwork && address.GetAddressBytes()[0] >= 224;

    private static int Compare(PeerLease? one, PeerLease? other)
    {
        if (one is null || other is null)
        {
            return (one is null ? 0 : 1) - (other is null ? 0 : 1);
        }

        int order = Compare(one.Subnet.BaseAddress, other.Subnet.BaseAddress);
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
