using Twill.Linux.Netlink;

namespace Twill.Linux.Links;

/// <summary>A network interface as the kernel describes it (RTM_NEWLINK): what <c>ip -d link show</c> shows.</summary>
public sealed class Link
{
    /// <summary>Interface index, unique in its network namespace.</summary>
    public required int Index { get; init; }

    /// <summary>Name, unique in its network namespace.</summary>
    public string Name { get; private set; } = "";

    /// <summary><c>bridge</c>, <c>veth</c>, <c>vxlan</c>, ..; null for hardware and loopback.</summary>
    public string? Kind { get; private set; }

    /// <summary>Hardware address; null when it has none of six bytes.</summary>
    public MacAddress? Mac { get; private set; }

    /// <summary>MTU in bytes.</summary>
    public uint Mtu { get; private set; }

    /// <summary>Interface flags, IFF_* of linux/if.h.</summary>
    public required uint Flags { get; init; }

    /// <summary>IFF_UP: it was set up. Whether it can carry packets is <see cref="HasCarrier"/>.</summary>
    public bool IsUp => (Flags & (uint)IFF.UP) != 0;

    /// <summary>IFF_LOWER_UP: it is up and so is what is below; of a veth, the other end as well.</summary>
    public bool HasCarrier => (Flags & (uint)IFF.LOWER_UP) != 0;

    /// <summary>
    /// IFF_RUNNING: the kernel has taken note of the carrier. It does so by itself a moment after the carrier came; until then the
    /// interface drops what it is given, and as a bridge's port forwards nothing.
    /// </summary>
    public bool IsRunning => (Flags & (uint)IFF.RUNNING) != 0;

    /// <summary>IFF_LOOPBACK.</summary>
    public bool IsLoopback => (Flags & (uint)IFF.LOOPBACK) != 0;

    /// <summary>IFF_PROMISC: somebody set it to take all frames.</summary>
    public bool IsPromiscuous => (Flags & (uint)IFF.PROMISC) != 0;

    /// <summary>Interface index of the bridge it is a port of; 0 for none.</summary>
    public int MasterIndex { get; private set; }

    /// <summary>Interface index of the other end of a veth pair or of the lower device; 0 for none. Counts in
    /// <see cref="LinkNetnsId"/>.</summary>
    public int LinkIndex { get; private set; }

    /// <summary>The kernel's id of the namespace that <see cref="LinkIndex"/> counts in; null when it is this one.</summary>
    public int? LinkNetnsId { get; private set; }

    /// <summary>
    /// <c>net.ipv4.conf.LINK.proxy_arp</c>: the host answers for addresses that it has routes to by other links.
    /// </summary>
    public bool ProxyArp { get; private set; }

    /// <summary>What its <c>net.ipv6.conf.LINK</c> says; null where the kernel has no IPv6 for it.</summary>
    public LinkIPv6? IPv6 { get; private set; }

    /// <summary>A text for people; null when there is none.</summary>
    public string? Alias { get; private set; }

    /// <summary>Group number, 0 by default.</summary>
    public uint Group { get; private set; }

    /// <summary>Parameters of a bridge; null for other kinds.</summary>
    public BridgeDetails? Bridge { get; private set; }

    /// <summary>Parameters of a vxlan device; null for other kinds.</summary>
    public VxlanDetails? Vxlan { get; private set; }

    /// <summary>Parameters as a port of a bridge; null when it is none.</summary>
    public BridgePortDetails? BridgePort { get; private set; }

    /// <inheritdoc/>
    public override string ToString() => $"{Name} (index {Index})";

    /// <summary>Reads RTM_NEWLINK (or RTM_DELLINK). Attributes that are not known are skipped.</summary>
    /// <returns>Null for any other message.</returns>
    /// <exception cref="NetlinkFormatException">The message is malformed.</exception>
    public static Link? Decode(in NetlinkMessage message)
    {
        if (message.Type is not (RTM.NEWLINK or RTM.DELLINK))
        {
            return null;
        }

        NetlinkReader reader = message.Reader;
        IfInfoMsg header = reader.Header<IfInfoMsg>();
        Link link = new() { Index = header.Index, Flags = (uint)header.Flags };
        while (reader.TryRead(out NetlinkAttribute a))
        {
            switch ((IFLA)a.Type)
            {
                case IFLA.IFNAME:
                    link.Name = a.Text();
                    break;
                case IFLA.ADDRESS:
                    link.Mac = a.Value.Length == MacAddress.Length ? a.Mac() : null;
                    break;
                case IFLA.MTU:
                    link.Mtu = a.U32();
                    break;
                case IFLA.LINK:
                    link.LinkIndex = a.S32();
                    break;
                case IFLA.LINK_NETNSID:
                    link.LinkNetnsId = a.S32();
                    break;
                case IFLA.MASTER:
                    link.MasterIndex = a.S32();
                    break;
                case IFLA.IFALIAS:
                    link.Alias = a.Text();
                    break;
                case IFLA.GROUP:
                    link.Group = a.U32();
                    break;
                case IFLA.LINKINFO:
                    link.DecodeInfo(a.Nested);
                    break;
                case IFLA.AF_SPEC:
                    link.DecodeFamilies(a.Nested);
                    break;
            }
        }
        return link;
    }

    private void DecodeFamilies(NetlinkReader families)
    {
        const int AF_INET = 2,
            AF_INET6 = 10;
        while (families.TryRead(out NetlinkAttribute family))
        {
            if (family.Type == AF_INET)
            {
                DecodeIPv4(family.Nested);
            }
            else if (family.Type == AF_INET6)
            {
                DecodeIPv6(family.Nested);
            }
        }
    }

    private void DecodeIPv4(NetlinkReader inet)
    {
        const int IPV4_DEVCONF_PROXY_ARP = 3; // counted from 1, linux/ip.h
        while (inet.TryRead(out NetlinkAttribute a))
        {
            if ((IFLA_INET)a.Type == IFLA_INET.CONF && ValueAt(a, IPV4_DEVCONF_PROXY_ARP - 1) is { } value)
            {
                ProxyArp = value != 0;
            }
        }
    }

    private void DecodeIPv6(NetlinkReader inet6)
    {
        const int DEVCONF_ACCEPT_RA = 3, // counted from 0, linux/ipv6.h
            DEVCONF_AUTOCONF = 5,
            DEVCONF_DISABLE_IPV6 = 26;
        while (inet6.TryRead(out NetlinkAttribute a))
        {
            if ((IFLA_INET6)a.Type == IFLA_INET6.CONF && ValueAt(a, DEVCONF_DISABLE_IPV6) is { } disabled)
            {
                IPv6 = new LinkIPv6(ValueAt(a, DEVCONF_ACCEPT_RA) ?? 0, ValueAt(a, DEVCONF_AUTOCONF) != 0, disabled != 0);
            }
        }
    }

    private static int? ValueAt(in NetlinkAttribute values, int index) =>
        values.Value.Length >= (index + 1) * sizeof(int) ? BitConverter.ToInt32(values.Value[(index * sizeof(int))..]) : null;

    private void DecodeInfo(NetlinkReader reader)
    {
        string? portKind = null;
        while (reader.TryRead(out NetlinkAttribute a))
        {
            // The kernel sends a kind before the data that depends on it.
            switch ((IFLA_INFO)a.Type)
            {
                case IFLA_INFO.KIND:
                    Kind = a.Text();
                    break;
                case IFLA_INFO.SLAVE_KIND:
                    portKind = a.Text();
                    break;
                case IFLA_INFO.DATA when Kind == "bridge":
                    Bridge = BridgeDetails.Decode(a.Nested);
                    break;
                case IFLA_INFO.DATA when Kind == "vxlan":
                    Vxlan = VxlanDetails.Decode(a.Nested);
                    break;
                case IFLA_INFO.SLAVE_DATA when portKind == "bridge":
                    BridgePort = BridgePortDetails.Decode(a.Nested);
                    break;
            }
        }
    }
}
