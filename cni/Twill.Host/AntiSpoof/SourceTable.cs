using System.Net;
using System.Net.Sockets;
using Twill.Linux.Nftables;
using Twill.Network;

namespace Twill.Host.AntiSpoof;

/// <summary>
/// One of the nftables tables of a network that say what containers may send as: of the family bridge for those on the bridge, of the
/// families ip and ip6 for those past its ports. Its rules are constant (<see cref="SourceRules"/>); a container is an element in each of
/// its sets, which begins with the name of the container's host end:
/// <code>
/// set ends        { type ifname }                                           # whose packets are looked at: others pass
/// set macs        { type ifname . ether_addr }                              # family bridge
/// set ipv4        { type ifname . ether_addr . ipv4_addr }                  # families ip and ip6: without ether_addr
/// set ipv4_ranges { type ifname . ether_addr . ipv4_addr; flags interval }  # prefixes of allowedAddresses
/// set ipv6, ipv6_ranges
/// </code>
/// A host end that is in no set, because its container was made without the protection, is not looked at.
/// </summary>
internal sealed class SourceTable
{
    /// <summary>Counts up when the rules change with a version of twill, so that a newer one replaces the table of an older.</summary>
    private const int Generation = 2;

    /// <summary>The name of the one chain.</summary>
    internal const string Chain = "prerouting";

    private static readonly NftFamily[] s_bridge = [NftFamily.Bridge],
        s_routed = [NftFamily.Ip, NftFamily.Ip6];

    private readonly NftFamily _family;

    private SourceTable(string network, NftFamily family)
    {
        _family = family;
        Id = new TableId(family, DeviceNames.NftTable(network));
    }

    internal TableId Id { get; }

    /// <summary>What the table's comment says.</summary>
    internal static string Comment => $"twill, what containers may send as: {Generation}";

    /// <summary>Before br_netfilter, connection tracking and any rule that looks at what passes.</summary>
    internal static BaseChain Hook { get; } = new(ChainType.Filter, NftHook.Prerouting, ChainPriority.Raw, ChainPolicy.Accept);

    // Made when they are asked for: most calls need three of them.
    internal NftSet Ends => new(Id, "ends", NftType.IfName);

    internal NftSet Macs => new(Id, "macs", NftType.Concat(NftType.IfName, NftType.EtherAddr));

    internal NftSet IPv4 => SetOf("ipv4", NftType.Ipv4Addr);

    internal NftSet IPv4Ranges => SetOf("ipv4_ranges", NftType.Ipv4Addr) with { Interval = true };

    internal NftSet IPv6 => SetOf("ipv6", NftType.Ipv6Addr);

    internal NftSet IPv6Ranges => SetOf("ipv6_ranges", NftType.Ipv6Addr) with { Interval = true };

    /// <summary>Those of the sets that the table has.</summary>
    internal IReadOnlyList<NftSet> Sets =>
        _family switch
        {
            NftFamily.Bridge => [Ends, Macs, IPv4, IPv4Ranges, IPv6, IPv6Ranges],
            NftFamily.Ip => [Ends, IPv4, IPv4Ranges],
            _ => [Ends, IPv6, IPv6Ranges],
        };

    /// <summary>How many rules the chain has; a test compares it with <see cref="SourceRules"/>, which an ADD does not make.</summary>
    internal int RuleCount =>
        _family switch
        {
            NftFamily.Bridge => 16,
            NftFamily.Ip => 4,
            _ => 9,
        };

    private bool HasMacs => _family == NftFamily.Bridge;

    /// <summary>The tables for one kind of host ends.</summary>
    internal static IReadOnlyList<SourceTable> Of(string network, bool isRouted) =>
        Array.ConvertAll(isRouted ? s_routed : s_bridge, family => new SourceTable(network, family));

    /// <summary>All tables of a network.</summary>
    internal static IReadOnlyList<SourceTable> All(string network) => [.. Of(network, isRouted: false), .. Of(network, isRouted: true)];

    /// <summary>The elements that are a container.</summary>
    internal List<(NftSet Set, SetElement Element)> ElementsOf(ContainerSource source)
    {
        NftData end = NftData.OfInterface(source.HostName),
            mac = NftData.Of(source.Mac);
        List<(NftSet, SetElement)> elements = [(Ends, SetElement.Of(end))];
        if (HasMacs)
        {
            elements.Add((Macs, SetElement.Of(end, mac)));
        }

        foreach (IPNetwork address in source.Addresses)
        {
            bool four = address.BaseAddress.AddressFamily == AddressFamily.InterNetwork;
            if (_family == (four ? NftFamily.Ip6 : NftFamily.Ip))
            {
                continue;
            }

            if (address.PrefixLength == (four ? 32 : 128))
            {
                elements.Add((four ? IPv4 : IPv6, new SetElement(Key(NftData.Of(address.BaseAddress)))));
                continue;
            }

            SetElement range = SetElement.Of(address);
            elements.Add((four ? IPv4Ranges : IPv6Ranges, SetElement.Range(Key(range.Key), Key(range.KeyEnd ?? range.Key))));
        }

        return elements;

        NftData Key(NftData address) => HasMacs ? NftData.Concat(end, mac, address) : NftData.Concat(end, address);
    }

    /// <summary>The host end's name that the key of an element begins with.</summary>
    internal static string HostNameOf(SetElement element)
    {
        const int NameLength = 16;
        return global::System.Text.Encoding.UTF8.GetString(element.Key.Span[..NameLength]).TrimEnd('\0');
    }

    private NftSet SetOf(string name, NftType address) =>
        new(Id, name, HasMacs ? NftType.Concat(NftType.IfName, NftType.EtherAddr, address) : NftType.Concat(NftType.IfName, address));
}
