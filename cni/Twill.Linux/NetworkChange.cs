using Twill.Linux.Addresses;
using Twill.Linux.Links;
using Twill.Linux.Neighbours;
using Twill.Linux.Netlink;
using Twill.Linux.Nexthops;
using Twill.Linux.Nftables;
using Twill.Linux.Routes;

namespace Twill.Linux;

/// <summary>One notification of the kernel's: something was made, changed or removed.</summary>
/// <param name="Kind">What kind of object.</param>
/// <param name="IsRemoval">True when it was removed.</param>
/// <param name="Index">Interface index; 0 for a route through none or several, and for <see cref="NetworkChangeKind.Everything"/>.</param>
/// <param name="Protocol">Who made the route, nexthop object or neighbour (its protocol number); 0 for other kinds.</param>
/// <param name="PortId">
/// <see cref="RouteSocket.PortId"/> of the socket whose request caused it; 0 for the kernel itself. The kernel tells it of routes,
/// nexthop objects, neighbours and nftables only.
/// </param>
public readonly record struct NetworkChange(NetworkChangeKind Kind, bool IsRemoval, int Index, byte Protocol, uint PortId)
{
    /// <summary>The link as it is, or was when it went; null for a port that left its bridge, and for other kinds.</summary>
    public Link? Link { get; init; }

    /// <summary>The address; null for other kinds.</summary>
    public InterfaceAddress? Address { get; init; }

    /// <summary>The route; null for other kinds.</summary>
    public Route? Route { get; init; }

    /// <summary>The nexthop object; null for other kinds.</summary>
    public NexthopObject? Nexthop { get; init; }

    /// <summary>The neighbour or FDB entry; null for other kinds.</summary>
    public Neighbour? Entry { get; init; }

    /// <summary>The nftables table that it was in; null for other kinds.</summary>
    public TableId? Table { get; init; }

    /// <summary>The set or map whose elements changed; null for other changes.</summary>
    public string? Set { get; init; }

    /// <summary>Notifications were lost: anything may have changed.</summary>
    public static NetworkChange Everything => default;

    /// <summary>Reads a notification.</summary>
    /// <returns>False for messages that are about none of <see cref="NetworkChangeKind"/>.</returns>
    /// <exception cref="NetlinkFormatException">The message is malformed.</exception>
    public static bool TryDecode(in NetlinkMessage message, out NetworkChange change)
    {
        bool removal = (message.Type & 3) == (RTM.DELLINK & 3);
        NetlinkReader reader = message.Reader;
        switch (message.Type)
        {
            case RTM.NEWLINK or RTM.DELLINK:
                IfInfoMsg link = reader.Header<IfInfoMsg>();
                // A port that leaves its bridge is announced as the removal of an AF_BRIDGE link: the link itself only changed.
                removal &= link.Family != AF.BRIDGE;
                change = new NetworkChange(NetworkChangeKind.Link, removal, link.Index, 0, message.PortId)
                {
                    Link = link.Family != AF.BRIDGE ? Links.Link.Decode(in message) : null,
                };
                return true;
            case RTM.NEWADDR or RTM.DELADDR:
                InterfaceAddress? address = InterfaceAddress.Decode(in message);
                change = new NetworkChange(NetworkChangeKind.Address, removal, address?.Index ?? 0, 0, message.PortId)
                {
                    Address = address,
                };
                return true;
            case RTM.NEWROUTE or RTM.DELROUTE:
                Route? route = Routes.Route.Decode(in message);
                change = new NetworkChange(NetworkChangeKind.Route, removal, route?.Index ?? 0, route?.Protocol ?? 0, message.PortId)
                {
                    Route = route,
                };
                return true;
            case RTM.NEWNEXTHOP or RTM.DELNEXTHOP:
                NexthopObject nexthop = NexthopObject.Decode(in message)!;
                change = new NetworkChange(NetworkChangeKind.Nexthop, removal, nexthop.Index, nexthop.Protocol, message.PortId)
                {
                    Nexthop = nexthop,
                };
                return true;
            case RTM.NEWNEIGH or RTM.DELNEIGH:
                Neighbour entry = Neighbour.Decode(in message)!;
                NetworkChangeKind kind = entry.IsFdbEntry ? NetworkChangeKind.FdbEntry : NetworkChangeKind.Neighbour;
                change = new NetworkChange(kind, removal, entry.Index, entry.Protocol, message.PortId) { Entry = entry };
                return true;
            case RTM.NEWNETCONF or RTM.DELNETCONF:
                change = new NetworkChange(NetworkChangeKind.Forwarding, removal, InterfaceOf(reader), 0, message.PortId);
                return true;
            default:
                return TryDecodeNftables(in message, out change);
        }
    }

    /// <summary>What a transaction changed, object by object. The note that ends it (NFT_MSG_NEWGEN) is of no table and left out.</summary>
    private static bool TryDecodeNftables(in NetlinkMessage message, out NetworkChange change)
    {
        change = default;
        if (message.Type >> 8 != NfGenMsg.SubsysNftables || message.Type == (ushort)NFT_MSG.NEWGEN)
        {
            return false;
        }

        NetlinkReader reader = message.Reader;
        var family = (NftFamily)reader.Header<NfGenMsg>().Family;
        bool isElement = (NFT_MSG)message.Type is NFT_MSG.NEWSETELEM or NFT_MSG.DELSETELEM;
        string table = "";
        string? set = null;
        while (reader.TryRead(out NetlinkAttribute a))
        {
            // The table is attribute 1 of every message that has one.
            if (a.Type == (ushort)NFTA_TABLE.NAME)
            {
                table = a.Text();
            }
            else if (isElement && a.Type == (ushort)NFTA_SET_ELEM_LIST.SET)
            {
                set = a.Text();
            }
        }
        bool removal =
            (NFT_MSG)message.Type is NFT_MSG.DELTABLE or NFT_MSG.DELCHAIN or NFT_MSG.DELRULE or NFT_MSG.DELSET or NFT_MSG.DELSETELEM;
        change = new NetworkChange(NetworkChangeKind.Nftables, removal, 0, 0, message.PortId)
        {
            Table = new TableId(family, table),
            Set = set,
        };
        return true;
    }

    // NETCONFA_IFINDEX is attribute 1; NETCONFA_IFINDEX_ALL and _DEFAULT are negative.
    private static int InterfaceOf(NetlinkReader reader)
    {
        reader.Header<NetconfMsg>();
        while (reader.TryRead(out NetlinkAttribute a))
        {
            if (a.Type == NetconfMsg.IfIndex)
            {
                return a.S32();
            }
        }
        return 0;
    }
}
