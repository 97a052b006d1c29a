using System.Net;
using Twill.Linux.Netlink;

namespace Twill.Linux.Links;

/// <summary>Parameters of a vxlan device.</summary>
public sealed class VxlanDetails
{
    /// <summary>VXLAN network identifier.</summary>
    public uint Vni { get; private set; }

    /// <summary>UDP port.</summary>
    public ushort Port { get; private set; }

    /// <summary>Outer source address; null when the routes decide.</summary>
    public IPAddress? Local { get; private set; }

    /// <summary>Where packets to unlisted hardware addresses go (`remote` or `group`); null: nowhere.</summary>
    public IPAddress? Remote { get; private set; }

    /// <summary>Hops that outer packets may take; 0 when the kernel decides.</summary>
    public byte Ttl { get; private set; }

    /// <summary>Interface index of the lower device it is bound to; 0 for none.</summary>
    public int LowerIndex { get; private set; }

    /// <summary>Whether it learns from packets which host an address is at.</summary>
    public bool Learning { get; private set; }

    /// <summary>UDP checksums over IPv4.</summary>
    public bool UdpChecksum { get; private set; }

    /// <summary>No UDP checksums sent over IPv6.</summary>
    public bool Udp6ZeroChecksumSent { get; private set; }

    /// <summary>No UDP checksums demanded over IPv6.</summary>
    public bool Udp6ZeroChecksumTaken { get; private set; }

    /// <summary>Group based policy extension.</summary>
    public bool GroupPolicy { get; private set; }

    /// <summary>Whether the network identifier comes with each packet instead of with the device.</summary>
    public bool External { get; private set; }

    internal static VxlanDetails Decode(NetlinkReader reader)
    {
        VxlanDetails vxlan = new();
        while (reader.TryRead(out NetlinkAttribute a))
        {
            switch ((IFLA_VXLAN)a.Type)
            {
                case IFLA_VXLAN.ID:
                    vxlan.Vni = a.U32();
                    break;
                case IFLA_VXLAN.PORT:
                    vxlan.Port = a.Be16();
                    break;
                case IFLA_VXLAN.LOCAL:
                    vxlan.Local = a.Address();
                    break;
                case IFLA_VXLAN.LOCAL6:
                    vxlan.Local = a.Address();
                    break;
                case IFLA_VXLAN.GROUP
                or IFLA_VXLAN.GROUP6:
                    vxlan.Remote = a.Address();
                    break;
                case IFLA_VXLAN.TTL:
                    vxlan.Ttl = a.U8();
                    break;
                case IFLA_VXLAN.LINK:
                    vxlan.LowerIndex = a.S32();
                    break;
                case IFLA_VXLAN.LEARNING:
                    vxlan.Learning = a.Bool();
                    break;
                case IFLA_VXLAN.UDP_CSUM:
                    vxlan.UdpChecksum = a.Bool();
                    break;
                case IFLA_VXLAN.UDP_ZERO_CSUM6_TX:
                    vxlan.Udp6ZeroChecksumSent = a.Bool();
                    break;
                case IFLA_VXLAN.UDP_ZERO_CSUM6_RX:
                    vxlan.Udp6ZeroChecksumTaken = a.Bool();
                    break;
                case IFLA_VXLAN.GBP:
                    vxlan.GroupPolicy = true;
                    break;
                case IFLA_VXLAN.COLLECT_METADATA:
                    vxlan.External = a.Bool();
                    break;
            }
        }
        return vxlan;
    }
}
