using Twill.Linux.Netlink;

namespace Twill.Linux.Links;

/// <summary><c>bridge link set dev LINK [hairpin on] [learning off] [flood off] [isolated on] ..</c>: what is left null stays.</summary>
/// <param name="Index">Interface index of a port of a bridge. (The kernel takes no name here.)</param>
public readonly record struct SetBridgePort(int Index) : INetlinkRequest
{
    /// <inheritdoc/>
    public static ushort Type => RTM.SETLINK;

    /// <inheritdoc/>
    public NetlinkFlags Flags => NetlinkFlags.None;

    /// <summary>Whether frames may leave through the port they came in by.</summary>
    public bool? Hairpin { get; init; }

    /// <summary>Whether the bridge learns from frames which addresses are behind the port.</summary>
    public bool? Learning { get; init; }

    /// <summary>Whether frames to unknown addresses are sent to the port.</summary>
    public bool? Flood { get; init; }

    /// <summary>Whether multicast frames that nobody joined are sent to the port.</summary>
    public bool? MulticastFlood { get; init; }

    /// <summary>Whether the bridge answers ARP and neighbour discovery for what it knows (neigh_suppress).</summary>
    public bool? NeighbourSuppression { get; init; }

    /// <summary>Whether the port exchanges frames only with ports that are not isolated.</summary>
    public bool? Isolated { get; init; }

    /// <inheritdoc/>
    public string ToCommand(CommandNames names) =>
        new CommandText("bridge link set")
            .Add("dev", names.Link(Index))
            .AddSwitch("hairpin", Hairpin)
            .AddSwitch("learning", Learning)
            .AddSwitch("flood", Flood)
            .AddSwitch("mcast_flood", MulticastFlood)
            .AddSwitch("neigh_suppress", NeighbourSuppression)
            .AddSwitch("isolated", Isolated)
            .ToString();

    /// <inheritdoc/>
    public void Write(ref NetlinkWriter w)
    {
        w.Header(new IfInfoMsg { Family = AF.BRIDGE, Index = Index });
        Nest port = w.Begin(IFLA.PROTINFO);
        LinkParts.PutIfSet(ref w, IFLA_BRPORT.MODE, Hairpin);
        LinkParts.PutIfSet(ref w, IFLA_BRPORT.UNICAST_FLOOD, Flood);
        LinkParts.PutIfSet(ref w, IFLA_BRPORT.MCAST_FLOOD, MulticastFlood);
        LinkParts.PutIfSet(ref w, IFLA_BRPORT.LEARNING, Learning);
        LinkParts.PutIfSet(ref w, IFLA_BRPORT.NEIGH_SUPPRESS, NeighbourSuppression);
        LinkParts.PutIfSet(ref w, IFLA_BRPORT.ISOLATED, Isolated);
        w.End(port);
    }
}
