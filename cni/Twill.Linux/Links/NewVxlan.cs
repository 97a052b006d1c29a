using System.Net;
using System.Net.Sockets;
using Twill.Linux.Netlink;

namespace Twill.Linux.Links;

/// <summary>
/// <c>ip link add NAME address MAC mtu MTU up type vxlan id VNI local ADDRESS dstport PORT nolearning</c>: a device that is bound to no
/// lower one, so that it outlives it.
/// </summary>
/// <param name="Name">At most 15 bytes.</param>
/// <param name="Vni">VXLAN network identifier, 0 to 16777215.</param>
/// <param name="Port">UDP port of both sides.</param>
public readonly record struct NewVxlan(string Name, uint Vni, ushort Port) : INetlinkRequest
{
    /// <inheritdoc/>
    public static ushort Type => RTM.NEWLINK;

    /// <inheritdoc/>
    public NetlinkFlags Flags => NetlinkFlags.Create | NetlinkFlags.Excl;

    /// <summary>Interface index; 0 leaves the choice to the kernel.</summary>
    public int Index { get; init; }

    /// <summary>The outer source address, IPv4 or IPv6; null leaves the choice to the routes. Decides the family of the outer
    /// packets.</summary>
    public IPAddress? Local { get; init; }

    /// <summary>Whether it learns from packets which host a hardware address is at. Off: it knows only its FDB.</summary>
    public bool Learning { get; init; }

    /// <summary>Hardware address; null for a random one.</summary>
    public MacAddress? Mac { get; init; }

    /// <summary>MTU in bytes; 0 for the kernel's 1500 less the overhead.</summary>
    public uint Mtu { get; init; }

    /// <summary>Whether it is set up.</summary>
    public bool Up { get; init; }

    /// <summary>UDP checksums over IPv4 (udpcsum); null for the kernel's default, on.</summary>
    public bool? UdpChecksum { get; init; }

    /// <summary>No UDP checksums over IPv6, neither sent (udp6zerocsumtx) nor demanded (udp6zerocsumrx); null for the kernel's default,
    /// off.</summary>
    public bool? Udp6ZeroChecksum { get; init; }

    /// <summary>Group based policy extension (gbp).</summary>
    public bool GroupPolicy { get; init; }

    /// <inheritdoc/>
    public string ToCommand(CommandNames names) =>
        LinkParts
            .NewCommand(Name, Index, Mac, Mtu, Up)
            .Add("type vxlan")
            .AddNumber("id", Vni)
            .Add("local", Local)
            .AddNumber("dstport", Port)
            .Add(Learning ? "learning" : "nolearning")
            .AddIf(UdpChecksum is not null, UdpChecksum == true ? "udpcsum" : "noudpcsum")
            .AddIf(Udp6ZeroChecksum is not null, Udp6ZeroChecksum == true ? "udp6zerocsumtx" : "noudp6zerocsumtx")
            .AddIf(Udp6ZeroChecksum is not null, Udp6ZeroChecksum == true ? "udp6zerocsumrx" : "noudp6zerocsumrx")
            .AddIf(GroupPolicy, "gbp")
            .ToString();

    /// <inheritdoc/>
    public void Write(ref NetlinkWriter w)
    {
        LinkParts.PutNew(ref w, Index, Up, Mac, Mtu, master: 0);
        w.Put(IFLA.IFNAME, Name);
        Nest info = w.Begin(IFLA.LINKINFO);
        {
            w.Put(IFLA_INFO.KIND, "vxlan"u8);
            Nest data = w.Begin(IFLA_INFO.DATA);
            {
                LinkParts.PutIfSet(ref w, IFLA_VXLAN.UDP_CSUM, UdpChecksum);
                LinkParts.PutIfSet(ref w, IFLA_VXLAN.UDP_ZERO_CSUM6_TX, Udp6ZeroChecksum);
                LinkParts.PutIfSet(ref w, IFLA_VXLAN.UDP_ZERO_CSUM6_RX, Udp6ZeroChecksum);
                if (GroupPolicy)
                {
                    w.Put(IFLA_VXLAN.GBP);
                }

                w.Put(IFLA_VXLAN.ID, Vni);
                if (Local is not null)
                {
                    w.Put(Local.AddressFamily == AddressFamily.InterNetwork ? IFLA_VXLAN.LOCAL : IFLA_VXLAN.LOCAL6, Local);
                }

                w.Put(IFLA_VXLAN.LEARNING, Learning);
                w.PutBe16(IFLA_VXLAN.PORT, Port);
            }
            w.End(data);
        }
        w.End(info);
    }
}
