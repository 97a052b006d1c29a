using System.Net;
using System.Net.Sockets;

namespace Twill.Network.Configuration;

/// <summary>
/// What <c>ipam</c> says of one address family. With etcd <see cref="Network"/> is set, with a fixed subnet <see cref="Subnet"/> (neither
/// only after a noted complaint). The keys are the same for both families: <c>subnetLen</c>, <c>ipv6SubnetLen</c>.
/// </summary>
/// <param name="Family">IPv4 or IPv6</param>
public sealed record IpamFamily(AddressFamily Family)
{
    /// <summary>With etcd: the cluster network.</summary>
    public IPNetwork? Network { get; init; }

    /// <summary>With etcd: the prefix length of a leased subnet.</summary>
    public int SubnetLen { get; init; } = Family == AddressFamily.InterNetwork ? 24 : 64;

    /// <summary>With etcd: the first subnet's base address; null: the network's second subnet's, as with flannel.</summary>
    public IPAddress? SubnetMin { get; init; }

    /// <summary>With etcd: the last subnet's base address; null: the network's last.</summary>
    public IPAddress? SubnetMax { get; init; }

    /// <summary>The fixed subnet; null with etcd.</summary>
    public IPNetwork? Subnet { get; init; }

    /// <summary>Fixed subnet: the first address to hand out; null: the first there is.</summary>
    public IPAddress? RangeStart { get; init; }

    /// <summary>Fixed subnet: the last address to hand out; null: the last there is.</summary>
    public IPAddress? RangeEnd { get; init; }

    /// <summary>Fixed subnet: the gateway; null: the subnet's first address.</summary>
    public IPAddress? Gateway { get; init; }

    /// <summary>Where the addresses of all containers of the network are: the cluster network or the fixed subnet.</summary>
    public IPNetwork? Range => Network ?? Subnet;
}
