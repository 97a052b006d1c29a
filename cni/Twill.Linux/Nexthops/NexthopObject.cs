using System.Globalization;
using System.Net;
using Twill.Linux.Netlink;
using Twill.Linux.Routes;

namespace Twill.Linux.Nexthops;

/// <summary>A nexthop object as the kernel describes it (RTM_NEWNEXTHOP): what <c>ip nexthop show</c> shows.</summary>
public sealed class NexthopObject
{
    private uint _flags;

    /// <summary>Its number, one of all in the network namespace.</summary>
    public uint Id { get; private set; }

    /// <summary>The next hop; null when destinations are on the link, and for groups and blackholes.</summary>
    public IPAddress? Gateway { get; private set; }

    /// <summary>Interface index; 0 for groups and blackholes.</summary>
    public int Index { get; private set; }

    /// <summary>Who made it (nh_protocol); 0 for nobody.</summary>
    public byte Protocol { get; private set; }

    /// <summary>The gateway is taken to be on the link.</summary>
    public bool Onlink => (_flags & RouteParts.RTNH_F_ONLINK) != 0;

    /// <inheritdoc/>
    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{Id}{(Gateway is null ? "" : $" via {Gateway}")} dev #{Index}");

    /// <summary>Reads RTM_NEWNEXTHOP (or RTM_DELNEXTHOP). Attributes that are not known are skipped.</summary>
    /// <returns>Null for any other message.</returns>
    /// <exception cref="NetlinkFormatException">The message is malformed.</exception>
    public static NexthopObject? Decode(in NetlinkMessage message)
    {
        if (message.Type is not (RTM.NEWNEXTHOP or RTM.DELNEXTHOP))
        {
            return null;
        }

        NetlinkReader reader = message.Reader;
        NhMsg header = reader.Header<NhMsg>();
        NexthopObject nexthop = new() { Protocol = header.Protocol, _flags = header.Flags };
        while (reader.TryRead(out NetlinkAttribute a))
        {
            switch ((NHA)a.Type)
            {
                case NHA.ID:
                    nexthop.Id = a.U32();
                    break;
                case NHA.GATEWAY:
                    nexthop.Gateway = a.Address();
                    break;
                case NHA.OIF:
                    nexthop.Index = a.S32();
                    break;
            }
        }

        return nexthop;
    }
}
