using Twill.Linux.Netlink;

namespace Twill.Linux.Links;

/// <summary>
/// <c>ip link add NAME address MAC mtu MTU up type bridge vlan_filtering 0</c>. A bridge made with an address keeps it; one made
/// without takes the lowest of its ports', and changes it as ports come and go.
/// </summary>
/// <param name="Name">At most 15 bytes.</param>
public readonly record struct NewBridge(string Name) : INetlinkRequest
{
    /// <inheritdoc/>
    public static ushort Type => RTM.NEWLINK;

    /// <inheritdoc/>
    public NetlinkFlags Flags => NetlinkFlags.Create | NetlinkFlags.Excl;

    /// <summary>Interface index; 0 leaves the choice to the kernel.</summary>
    public int Index { get; init; }

    /// <summary>Hardware address; null for a changing one.</summary>
    public MacAddress? Mac { get; init; }

    /// <summary>
    /// MTU in bytes; 0 for the kernel's 1500. It follows the smallest of the ports', and falls back to 1500 with the last port, until a
    /// <see cref="SetLink"/> changes it: only then does the kernel take it for somebody's wish.
    /// </summary>
    public uint Mtu { get; init; }

    /// <summary>Whether it is set up.</summary>
    public bool Up { get; init; }

    /// <summary>vlan_filtering; null for the kernel's default, off. A kernel built without it refuses both values (EOPNOTSUPP).</summary>
    public bool? VlanFiltering { get; init; }

    /// <summary>mcast_snooping; null for the kernel's default, on.</summary>
    public bool? MulticastSnooping { get; init; }

    /// <inheritdoc/>
    public string ToCommand(CommandNames names) =>
        LinkParts
            .NewCommand(Name, Index, Mac, Mtu, Up)
            .Add("type bridge")
            .AddSwitch("vlan_filtering", VlanFiltering, "1", "0")
            .AddSwitch("mcast_snooping", MulticastSnooping, "1", "0")
            .ToString();

    /// <inheritdoc/>
    public void Write(ref NetlinkWriter w)
    {
        LinkParts.PutNew(ref w, Index, Up, Mac, Mtu, master: 0);
        w.Put(IFLA.IFNAME, Name);
        Nest info = w.Begin(IFLA.LINKINFO);
        {
            w.Put(IFLA_INFO.KIND, "bridge"u8);
            if (VlanFiltering is not null || MulticastSnooping is not null)
            {
                Nest data = w.Begin(IFLA_INFO.DATA);
                LinkParts.PutIfSet(ref w, IFLA_BR.VLAN_FILTERING, VlanFiltering);
                LinkParts.PutIfSet(ref w, IFLA_BR.MCAST_SNOOPING, MulticastSnooping);
                w.End(data);
            }
        }
        w.End(info);
    }
}
