using Twill.Linux.Netlink;

namespace Twill.Linux.Links;

/// <summary>
/// <c>ip link add NAME mtu MTU type wireguard</c>. EOPNOTSUPP: the kernel has no WireGuard, and found no module to load. Keys and peers are
/// set by <see cref="WireGuard.SetWireGuard"/>.
/// </summary>
/// <param name="Name">At most 15 bytes.</param>
public readonly record struct NewWireGuard(string Name) : INetlinkRequest
{
    /// <summary>IFLA_INFO_KIND of such devices.</summary>
    public const string Kind = "wireguard";

    /// <inheritdoc/>
    public static ushort Type => RTM.NEWLINK;

    /// <inheritdoc/>
    public NetlinkFlags Flags => NetlinkFlags.Create | NetlinkFlags.Excl;

    /// <summary>MTU in bytes; 0 for the kernel's 1420.</summary>
    public uint Mtu { get; init; }

    /// <inheritdoc/>
    public string ToCommand(CommandNames names) =>
        LinkParts.NewCommand(Name, index: 0, mac: null, Mtu, up: false).Add("type wireguard").ToString();

    /// <inheritdoc/>
    public void Write(ref NetlinkWriter w)
    {
        LinkParts.PutNew(ref w, index: 0, up: false, mac: null, Mtu, master: 0);
        w.Put(IFLA.IFNAME, Name);
        Nest info = w.Begin(IFLA.LINKINFO);
        w.Put(IFLA_INFO.KIND, "wireguard"u8);
        w.End(info);
    }
}
