using System.Net;

namespace Twill.Host.Backends;

/// <summary>What makes a lease unusable for every backend. What stands in etcd was written by others and may be anything.</summary>
internal static class PeerCheck
{
    /// <summary>By subnet, then by all else, so that the same leases always give the same result.</summary>
    internal static PeerLease[] InOrder(IEnumerable<PeerLease> leases)
    {
        PeerLease[] sorted = [.. leases];
        Array.Sort(sorted, Compare);
        return sorted;
    }

    /// <summary>Why no entry may be made for this lease, or null.</summary>
    /// <param name="self">This host.</param>
    /// <param name="peer">The lease.</param>
    /// <param name="backendType">The backend that this host runs.</param>
    /// <param name="bases">Where the subnets begin that entries were made for already: one neighbour cannot stand for two.</param>
    internal static string? Refusal(LocalNode self, PeerLease peer, string backendType, HashSet<IPAddress> bases)
    {
        if (!self.Network.Covers(peer.Subnet))
        {
            return $"it is not inside the network {self.Network}";
        }

        if (FirstOverlap(self.Subnets, peer.Subnet) is { } mine)
        {
            return $"it overlaps this host's own subnet {mine}";
        }

        if (FirstOverlap(self.Lost, peer.Subnet) is { } lost)
        {
            return $"it overlaps {lost}, which this host lost while containers may still use it here";
        }

        if (peer.PublicIP.Equals(self.PublicIP))
        {
            return $"it is published with this host's own address {peer.PublicIP} by another node";
        }

        if (!Identifies(peer.PublicIP))
        {
            return $"its PublicIP {peer.PublicIP} is no address of a host";
        }

        if (bases.Contains(peer.Subnet.BaseAddress))
        {
            return "another lease's subnet begins at the same address";
        }

        return peer.BackendType == backendType
            ? null
            : $"it uses the backend \"{peer.BackendType}\", this host \"{backendType}\"";
    }

    private static IPNetwork? FirstOverlap(IReadOnlyList<IPNetwork> subnets, IPNetwork with)
    {
        foreach (IPNetwork subnet in subnets)
        {
            if (subnet.Covers(with) || with.Covers(subnet))
            {
                return subnet;
            }
        }

        return null;
    }

    private static bool Identifies(IPAddress address) =>
        !IPAddress.IsLoopback(address) && !address.Equals(IPAddress.Any) && !address.Equals(IPAddress.IPv6Any)
        && !address.IsIPv6Multicast && !IsIPv4MulticastOrBroadcast(address);

    private static bool IsIPv4MulticastOrBroadcast(IPAddress address) =>
        address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork && address.GetAddressBytes()[0] >= 224;

    /// <summary>Whether every address of <paramref name="inner"/> is one of <paramref name="outer"/>.</summary>
    private static bool Covers(this IPNetwork outer, IPNetwork inner) =>
        outer.BaseAddress.AddressFamily == inner.BaseAddress.AddressFamily
        && outer.PrefixLength <= inner.PrefixLength && outer.Contains(inner.BaseAddress);

    private static int Compare(PeerLease? one, PeerLease? other)
    {
        if (one is null || other is null)
        {
            return (one is null ? 0 : 1) - (other is null ? 0 : 1);
        }

        int order = Compare(one.Subnet.BaseAddress, other.Subnet.BaseAddress);
        order = order != 0 ? order : one.Subnet.PrefixLength.CompareTo(other.Subnet.PrefixLength);
        order = order != 0 ? order : Compare(one.PublicIP, other.PublicIP);
        return order != 0 ? order : string.CompareOrdinal($"{one.BackendType} {one.Vni} {one.VtepMac}", $"{other.BackendType} {other.Vni} {other.VtepMac}");
    }

    private static int Compare(IPAddress one, IPAddress other)
    {
        Span<byte> first = stackalloc byte[16], second = stackalloc byte[16];
        one.TryWriteBytes(first, out int firstLength);
        other.TryWriteBytes(second, out int secondLength);
        return first[..firstLength].SequenceCompareTo(second[..secondLength]);
    }
}
