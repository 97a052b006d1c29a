using Twill.Linux.Netlink;

namespace Twill.Linux.Links;

/// <summary>Parameters of a bridge's port.</summary>
public sealed class BridgePortDetails
{
    /// <summary>The port's number, from 1 on; the kernel gives the lowest that is free.</summary>
    public ushort Number { get; private set; }

    /// <summary>Frames may leave through the port they came in by.</summary>
    public bool Hairpin { get; private set; }

    /// <summary>The bridge learns from frames which addresses are behind the port.</summary>
    public bool Learning { get; private set; }

    /// <summary>Frames to unknown addresses are sent to it.</summary>
    public bool Flood { get; private set; }

    /// <summary>Multicast frames that nobody joined are sent to it.</summary>
    public bool MulticastFlood { get; private set; }

    /// <summary>The bridge answers ARP and neighbour discovery for what it knows.</summary>
    public bool NeighbourSuppression { get; private set; }

    /// <summary>It exchanges frames only with ports that are not isolated.</summary>
    public bool Isolated { get; private set; }

    internal static BridgePortDetails Decode(NetlinkReader reader)
    {
        BridgePortDetails port = new();
        while (reader.TryRead(out NetlinkAttribute a))
        {
            switch ((IFLA_BRPORT)a.Type)
            {
                case IFLA_BRPORT.NO:
                    port.Number = a.U16();
                    break;
                case IFLA_BRPORT.MODE:
                    port.Hairpin = a.Bool();
                    break;
                case IFLA_BRPORT.LEARNING:
                    port.Learning = a.Bool();
                    break;
                case IFLA_BRPORT.UNICAST_FLOOD:
                    port.Flood = a.Bool();
                    break;
                case IFLA_BRPORT.MCAST_FLOOD:
                    port.MulticastFlood = a.Bool();
                    break;
                case IFLA_BRPORT.NEIGH_SUPPRESS:
                    port.NeighbourSuppression = a.Bool();
                    break;
                case IFLA_BRPORT.ISOLATED:
                    port.Isolated = a.Bool();
                    break;
            }
        }
        return port;
    }
}
