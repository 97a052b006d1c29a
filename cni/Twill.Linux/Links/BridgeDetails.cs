using Twill.Linux.Netlink;

namespace Twill.Linux.Links;

/// <summary>Parameters of a bridge.</summary>
public sealed class BridgeDetails
{
    /// <summary>vlan_filtering: ports belong to VLANs.</summary>
    public bool VlanFiltering { get; private set; }

    /// <summary>mcast_snooping: multicast goes only to ports that joined.</summary>
    public bool MulticastSnooping { get; private set; }

    /// <summary>vlan_default_pvid: the VLAN of a new port, 0 for none; null where the kernel has no VLANs.</summary>
    public int? DefaultPvid { get; private set; }

    internal static BridgeDetails Decode(NetlinkReader reader)
    {
        BridgeDetails bridge = new();
        while (reader.TryRead(out NetlinkAttribute a))
        {
            switch ((IFLA_BR)a.Type)
            {
                case IFLA_BR.VLAN_FILTERING:
                    bridge.VlanFiltering = a.Bool();
                    break;
                case IFLA_BR.VLAN_DEFAULT_PVID:
                    bridge.DefaultPvid = a.U16();
                    break;
                case IFLA_BR.MCAST_SNOOPING:
                    bridge.MulticastSnooping = a.Bool();
                    break;
            }
        }
        return bridge;
    }
}
