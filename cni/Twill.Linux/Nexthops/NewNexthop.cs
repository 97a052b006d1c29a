using System.Net;
using Twill.Linux.Netlink;
using Twill.Linux.Routes;

namespace Twill.Linux.Nexthops;

/// <summary>
/// <c>ip nexthop add id ID via GATEWAY dev LINK [onlink] [proto P]</c>: a way that routes name by its number instead of describing it.
/// EEXIST when the number is taken, EOPNOTSUPP before Linux 5.3.
/// </summary>
/// <param name="Id">Its number; never 0.</param>
/// <param name="Gateway">The next hop, IPv4 or IPv6.</param>
/// <param name="Index">Interface index of the link, which must be up and have a carrier; when it has not any more, the kernel deletes the
/// object and all routes that name it.</param>
public readonly record struct NewNexthop(uint Id, IPAddress Gateway, int Index) : INetlinkRequest
{
    /// <inheritdoc/>
    public static ushort Type => RTM.NEWNEXTHOP;

    /// <inheritdoc/>
    public NetlinkFlags Flags => NetlinkFlags.Create | NetlinkFlags.Excl;

    /// <summary>The gateway is taken to be on the link, though no prefix of the link says so.</summary>
    public bool Onlink { get; init; }

    /// <summary>Who made it (nh_protocol); 0 for nobody.</summary>
    public byte Protocol { get; init; }

    /// <inheritdoc/>
    public string ToCommand(CommandNames names) =>
        new CommandText("ip nexthop add")
            .AddNumber("id", Id)
            .Add("via", Gateway)
            .Add("dev", names.LinkOrNull(Index))
            .AddIf(Onlink, "onlink")
            .Add("proto", Protocol)
            .ToString();

    /// <inheritdoc/>
    public void Write(ref NetlinkWriter w)
    {
        w.Header(
            new NhMsg
            {
                Family = AF.Of(Gateway),
                Protocol = Protocol,
                Flags = Onlink ? RouteParts.RTNH_F_ONLINK : 0,
            }
        );
        w.Put(NHA.ID, Id);
        w.Put(NHA.GATEWAY, Gateway);
        w.Put(NHA.OIF, Index);
    }
}
