using Twill.Linux.Netlink;

namespace Twill.Linux.Links;

/// <summary>
/// <c>ip link add NAME mtu MTU up type ifb</c>: an intermediate functional block. What a filter redirects to it passes its queueing
/// discipline and then goes on where it was taken from, so that traffic that arrives can be queued like traffic that leaves.
/// </summary>
/// <param name="Name">At most 15 bytes.</param>
public readonly record struct NewIfb(string Name) : INetlinkRequest
{
    /// <inheritdoc/>
    public static ushort Type => RTM.NEWLINK;

    /// <inheritdoc/>
    public NetlinkFlags Flags => NetlinkFlags.Create | NetlinkFlags.Excl;

    /// <summary>Interface index; 0 leaves the choice to the kernel.</summary>
    public int Index { get; init; }

    /// <summary>MTU in bytes; 0 for the kernel's 1500.</summary>
    public uint Mtu { get; init; }

    /// <summary>Whether it is set up.</summary>
    public bool Up { get; init; }

    /// <inheritdoc/>
    public string ToCommand(CommandNames names) => LinkParts.NewCommand(Name, Index, mac: null, Mtu, Up).Add("type ifb").ToString();

    /// <inheritdoc/>
    public void Write(ref NetlinkWriter w)
    {
        LinkParts.PutNew(ref w, Index, Up, mac: null, Mtu, master: 0);
        w.Put(IFLA.IFNAME, Name);
        Nest info = w.Begin(IFLA.LINKINFO);
        w.Put(IFLA_INFO.KIND, "ifb"u8);
        w.End(info);
    }
}
