using System.Net;
using System.Net.Sockets;
using Twill.System;

namespace Twill.Network.Configuration;

/// <summary>
/// What <c>ipam</c> says of one address family. With etcd <see cref="Network"/> is set, with a fixed subnet <see cref="Subnet"/> (neither
/// only after a noted complaint). The keys are the same for both families: <c>subnetLen</c>, <c>ipv6SubnetLen</c>.
/// </summary>
/// <param name="Family">IPv4 or IPv6</param>
public sealed record IpamFamily(AddressFamily Family)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Range}";

    /// <summary>With etcd: the cluster network.</summary>
    public IPNetwork? Network { get; init; }

    /// <summary>With etcd: the prefix length of a leased subnet.</summary>
    public int SubnetLen { get; init; } = Family == AddressFamily.InterNetwork ? 24 : 64;

    /// <summary>With etcd: the first subnet's base address; null: the network's second subnet's, as with flannel.</summary>
    public IPAddress? SubnetMin { get; init; }

    /// <summary>With etcd: the last subnet's base address; null: the network's last.</summary>
    public IPAddress? SubnetMax { get; init; }

    /// <summary>Where subnets are slices of a LAN: its router. Null elsewhere.</summary>
    public IPAddress? Router { get; init; }

    /// <summary>The fixed ranges that are together the pool; none with etcd.</summary>
    public IReadOnlyList<FixedRange> Fixed { get; init; } = [];

    /// <summary>The first fixed range's subnet; null with etcd.</summary>
    public IPNetwork? Subnet => Fixed.Count > 0 ? Fixed[0].Subnet : null;

    /// <summary>What may be handed out of a subnet that this host leases or has.</summary>
    public IReadOnlyList<FixedRange> RangesOf(IPNetwork subnet) =>
        Router is not null && Network is { } lan ? [SliceOf(lan, subnet)]
        : Fixed.Count == 0 ? [new FixedRange(subnet)]
        : [.. Fixed.FindAll(range => range.Subnet.Equals(subnet))];

    /// <summary>A slice of a LAN has the LAN's length and router. All of its addresses can be given, but the first and last of the
    /// LAN.</summary>
    private FixedRange SliceOf(IPNetwork lan, IPNetwork slice)
    {
        UInt128 first = UInt128.Max(slice.First(), IPPrefix.NumberOf(lan.FirstHost())),
            last = UInt128.Min(slice.Last(), IPPrefix.NumberOf(lan.LastHost()));
        return new FixedRange(lan, IPPrefix.AddressOf(first, Family), IPPrefix.AddressOf(last, Family), Router);
    }

    /// <summary>Where the addresses of all containers of the network are: the cluster network or the fixed subnet.</summary>
    public IPNetwork? Range => Network ?? Subnet;
}

/// <summary>A range of addresses in a fixed subnet.</summary>
/// <param name="Subnet">the subnet</param>
/// <param name="Start">the first address to hand out; null: the first there is</param>
/// <param name="End">the last address to hand out; null: the last there is</param>
/// <param name="ConfiguredGateway">the gateway; null: the subnet's first address</param>
public sealed record FixedRange(IPNetwork Subnet, IPAddress? Start = null, IPAddress? End = null, IPAddress? ConfiguredGateway = null)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Subnet}";

    /// <summary>The gateway.</summary>
    public IPAddress Gateway => ConfiguredGateway ?? Subnet.FirstHost();

    /// <summary>The first address to hand out, as a number.</summary>
    public UInt128 First => IPPrefix.NumberOf(Start ?? Subnet.FirstHost());

    /// <summary>The last address to hand out, as a number.</summary>
    public UInt128 Last => IPPrefix.NumberOf(End ?? Subnet.LastHost());
}
