using System.Runtime.InteropServices;
using Twill.Linux.Netlink;

namespace Twill.Linux.Links;

/// <summary>
/// <c>ip link add NAME mtu MTU up master BRIDGE type veth peer name PEER mtu MTU netns FD</c>: both ends in one message, the
/// peer at once in its namespace under its final name. (The peer cannot be set up here: the kernel answers ENOTCONN.)
/// </summary>
/// <param name="Name">The near end, in the socket's namespace: at most 15 bytes.</param>
/// <param name="Peer">The far end: at most 15 bytes.</param>
public readonly record struct NewVeth(string Name, string Peer) : INetlinkRequest
{
    /// <inheritdoc/>
    public static ushort Type => RTM.NEWLINK;

    /// <inheritdoc/>
    public NetlinkFlags Flags => NetlinkFlags.Create | NetlinkFlags.Excl;

    /// <summary>The near end's interface index; 0 leaves the choice to the kernel.</summary>
    public int Index { get; init; }

    /// <summary>Interface index of the bridge that the near end is put on; 0 for none.</summary>
    public int Master { get; init; }

    /// <summary>The near end's group number; 0 is every link's.</summary>
    public uint Group { get; init; }

    /// <summary>Whether the near end is set up.</summary>
    public bool Up { get; init; }

    /// <summary>MTU of both ends in bytes; 0 for the kernel's 1500.</summary>
    public uint Mtu { get; init; }

    /// <summary>The near end's hardware address; null for a random one.</summary>
    public MacAddress? Mac { get; init; }

    /// <summary>The far end's network namespace; null for the same. Must stay open until the request was sent.</summary>
    public SafeHandle? PeerNetns { get; init; }

    /// <summary>The far end's interface index; 0 leaves the choice to the kernel.</summary>
    public int PeerIndex { get; init; }

    /// <summary>The far end's hardware address; null for a random one.</summary>
    public MacAddress? PeerMac { get; init; }

    /// <inheritdoc/>
    public string ToCommand(CommandNames names) =>
        LinkParts
            .NewCommand(Name, Index, Mac, Mtu, Up)
            .Add("master", names.LinkOrNull(Master))
            .Add("group", Group)
            .Add("type veth peer name")
            .Add(CommandText.Quote(Peer))
            .Add("index", PeerIndex)
            .Add("address", PeerMac)
            .Add("mtu", Mtu)
            .Add("netns", PeerNetns is null ? null : names.Netns(PeerNetns))
            .ToString();

    /// <inheritdoc/>
    public void Write(ref NetlinkWriter w)
    {
        LinkParts.PutNew(ref w, Index, Up, Mac, Mtu, Master);
        if (Group != 0)
        {
            w.Put(IFLA.GROUP, Group);
        }

        w.Put(IFLA.IFNAME, Name);
        Nest info = w.Begin(IFLA.LINKINFO);
        {
            w.Put(IFLA_INFO.KIND, "veth"u8);
            Nest data = w.Begin(IFLA_INFO.DATA);
            {
                Nest peer = w.Begin(VETH_INFO.PEER);
                w.Header(new IfInfoMsg { Index = PeerIndex });
                LinkParts.Put(ref w, PeerMac, Mtu, master: 0);
                if (PeerNetns is not null)
                {
                    w.Put(IFLA.NET_NS_FD, PeerNetns);
                }

                w.Put(IFLA.IFNAME, Peer);
                w.End(peer);
            }
            w.End(data);
        }
        w.End(info);
    }
}
