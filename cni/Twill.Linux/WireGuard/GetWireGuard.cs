using Twill.Linux.GenericNetlink;
using Twill.Linux.Netlink;

namespace Twill.Linux.WireGuard;

/// <summary><c>wg show DEVICE dump</c>, with NLM_F_DUMP. ENODEV: there is no such device; EOPNOTSUPP: it is of another kind.</summary>
/// <param name="Name">The device's name.</param>
public readonly record struct GetWireGuard(string Name) : INetlinkRequest
{
    /// <inheritdoc/>
    public static ushort Type => NetlinkSocket.TypeOfFamily;

    /// <inheritdoc/>
    public NetlinkFlags Flags => NetlinkFlags.None;

    /// <inheritdoc/>
    public string ToCommand(CommandNames names) => $"wg show {CommandText.Quote(Name)} dump";

    /// <inheritdoc/>
    public void Write(ref NetlinkWriter w)
    {
        w.Header(new GenlMsgHdr((byte)WG_CMD.GET_DEVICE, SetWireGuard.Version));
        w.Put(WGDEVICE_A.IFNAME, Name);
    }
}
