using System.Net;
using Twill.Host.Ports;
using Twill.Linux.Netlink;
using Twill.Linux.Nftables;
using Twill.Network;
using Twill.System;

namespace Twill.Host;

/// <summary>
/// One nftables table per network, of constant size: what a container costs it is nothing. As <c>nft list table</c> shows it:
/// <code>
/// table inet twill-NETWORK {
///   comment "twill, made anew when changed: FINGERPRINT"
///   set local  { type ipv4_addr; flags interval; elements = { 10.244.0.0/16 } }
///   set exempt { type ipv4_addr; flags interval; elements = { 192.168.0.0/16, 224.0.0.0/4, 255.255.255.255 } }
///   ..         the maps of published ports: PortTable
///   chain loopback    { type filter hook prerouting priority raw; policy accept;
///                       iifname != lo ip saddr 127.0.0.0/8 drop; iifname != lo ip daddr 127.0.0.0/8 drop }
///   chain prerouting  { type nat hook prerouting priority dstnat; policy accept;
///                       fib daddr type local dnat ip to ip daddr . meta l4proto . th dport map @ports_at
///                       fib daddr type local dnat ip to meta l4proto . th dport map @ports }
///   chain output      { type nat hook output priority dstnat; policy accept; the same }
///   chain forward     { type filter hook forward priority filter; policy accept;
///                       ct state invalid ip saddr @local ip daddr != @local ip daddr != @exempt drop
///                       isolated from other networks, and with "icc": false from each other:
///                       ct status dnat ip daddr @local accept
///                       ct state new ip daddr @local iifgroup 117 iifname != BRIDGE iifname != OVERLAY drop
///                       ct state new ip daddr @local iifgroup 116 ip saddr != @local drop
///                       ct state new ip daddr @local ip saddr @local drop
///                       ip saddr @local accept; ip daddr @local accept }
///   chain postrouting { type nat hook postrouting priority srcnat; policy accept;
///                       ct status dnat ip saddr @local meta l4proto . ct original proto-dst . ip daddr . th dport @translated masquerade
///                       ct status dnat ip saddr 127.0.0.0/8 meta l4proto . ct original proto-dst . ip daddr . th dport @translated
///                       masquerade
///                       ip saddr @local ip daddr != @local ip daddr != @exempt masquerade fully-random }
///   with VXLAN, and without the addresses with WireGuard, before the rest in the chain forward:
///                       udp dport PORT @th,96,24 VNI iifname BRIDGE ip daddr != @local drop; the same of iifgroup 116
///   set peers  { type ipv4_addr; elements = { 192.168.50.12, .. } }, and peers6: TunnelPeers
///   chain tunnel      { type filter hook input priority raw; policy accept;
///                       udp dport PORT @th,96,24 VNI iifname BRIDGE drop; the same of iifgroup 116
///                       udp dport PORT @th,96,24 VNI ip saddr != @peers drop; udp dport PORT @th,96,24 VNI ip6 saddr != @peers6 drop }
///   with a tunnel, beside which nothing goes from host to host:
///   chain arriving    { type filter hook prerouting priority raw; policy accept;
///                       ip saddr @local iifname != BRIDGE iifname != TUNNEL iifname != lo iifgroup != 116 drop }
///   chain leaving     { type filter hook postrouting priority filter; policy accept;
///                       ip daddr @local oifname != BRIDGE oifname != TUNNEL oifname != lo oifgroup != 116 drop }
/// }
/// </code>
/// Where containers have IPv6 addresses there is the same once more behind it in each chain, with <c>ip6</c>, <c>@local6</c>,
/// <c>@exempt6</c>, <c>@ports6</c>, .., but for what concerns 127.0.0.0/8: <see cref="TableFamily"/>.
/// <para>
/// The table's comment carries a fingerprint of what was asked for, and the kernel counts the rules of each chain, so that an ADD knows by
/// a few short questions that all is in place. Whether a rule was replaced by another is what <see cref="FindDifference"/> tells, by
/// comparing them.
/// </para>
/// <para>
/// A published port that is asked for by a container of the same bridge would be answered past this host, and one that the host asks for
/// at 127.0.0.1 would be answered to nobody: both are masqueraded, and only connections that went through our own maps. For the latter
/// the bridge has <c>route_localnet</c> while a port is published; the chain <c>loopback</c> keeps everybody from using that to reach what
/// listens on the host's 127.0.0.1.
/// </para>
/// </summary>
public static partial class Firewall
{
    /// <summary>Counts up when the content changes with a version of twill, so that a newer one replaces the table of an older.</summary>
    internal const int Generation = 4;

    /// <summary>
    /// Makes the table, or makes it anew when it is not what is asked for, or chains or rules of it are missing (<c>nft flush table</c>).
    /// A few short questions when it is whole.
    /// </summary>
    /// <param name="nft">A socket in the host's namespace.</param>
    /// <param name="spec">What is asked for.</param>
    /// <param name="inUse">Tells whom the network's tunnels send to; asked when the table does not say who may send to them.</param>
    /// <param name="keepsFormer">Whether a table that was made for another configuration stays for now.</param>
    /// <param name="isKept">Whether it did.</param>
    /// <returns>True when something had to be written.</returns>
    public static bool Ensure(NftSocket nft, FirewallSpec spec, PeersInUse? inUse, bool keepsFormer, out bool isKept)
    {
        isKept = false;
        if (LooksWhole(nft, spec) || (isKept = keepsFormer && IsOfAnother(nft, spec)))
        {
            return false;
        }

        bool written = false;
        nft.Change(batch =>
        {
            // Asked again between transactions: within somebody's, rules that are about to go are not counted any more.
            if (written = !LooksWhole(nft, spec))
            {
                Write(nft, spec, batch, inUse);
            }
        });
        return written;
    }

    /// <summary>The same, and a table that was made for another configuration is made anew.</summary>
    /// <param name="nft">A socket in the host's namespace.</param>
    /// <param name="spec">What is asked for.</param>
    /// <param name="inUse">Tells whom the network's tunnels send to; asked when the table does not say who may send to them.</param>
    /// <returns>True when something had to be written.</returns>
    public static bool Ensure(NftSocket nft, FirewallSpec spec, PeersInUse? inUse = null) =>
        Ensure(nft, spec, inUse, keepsFormer: false, out _);

    /// <summary>Makes the table anew, whatever is there, in one transaction: no packet sees it half made. Published ports and peers
    /// stay.</summary>
    public static void Write(NftSocket nft, FirewallSpec spec, PeersInUse? inUse = null) =>
        nft.Change(batch => Write(nft, spec, batch, inUse));

    /// <summary>Adds a prefix of containers that only the IPAM plugin knew. One that is there already costs one message.</summary>
    public static void AddLocal(NftSocket nft, string network, IPNetwork prefix)
    {
        NftSet local = Local(TableOf(network), TableFamily.Of(prefix.BaseAddress));
        try
        {
            nft.NewBatch().AddElements(local, SetElement.Of(prefix)).Send();
        }
        catch (NetlinkException e) when (e.Errno == Errno.EEXIST)
        {
            // It overlaps what is there: it lies inside, which is enough, or around, and then takes its place.
            SetElement wanted = SetElement.Of(prefix);
            List<SetElement> inside = nft.ListElements(local).FindAll(there => Covers(wanted, there));
            if (inside.Count > 0)
            {
                nft.NewBatch().DeleteElements(local, [.. inside]).AddElements(local, wanted).Send();
            }
        }
    }

    /// <summary>
    /// Whether the table is there, and made for other addresses of containers. One that differs otherwise, as that of another version of
    /// twill does, is of the same network.
    /// </summary>
    public static bool IsOfAnother(NftSocket nft, FirewallSpec spec)
    {
        TableId id = TableOf(spec.Network);
        if (!nft.TryGetTable(id, out NftTable? table) || table.Comment == CommentOf(spec))
        {
            return false;
        }

        try
        {
            foreach (TableFamily family in spec.Families)
            {
                List<SetElement> present = nft.ListElements(Local(id, family));
                foreach (IPNetwork element in spec.LocalElements(family.Family))
                {
                    if (!present.Exists(there => Covers(there, SetElement.Of(element))))
                    {
                        return true;
                    }
                }
            }
        }
        catch (NetlinkException e) when (e.Errno == Errno.ENOENT)
        {
            // Without such a set it is damaged, or gets the family now.
        }

        return false;
    }

    /// <summary>The first thing in which the kernel's table is not as asked for, in words; null when it is.</summary>
    /// <param name="nft">A socket in the host's namespace.</param>
    /// <param name="spec">What is asked for.</param>
    /// <param name="added">Prefixes that <see cref="AddLocal"/> has added.</param>
    public static string? FindDifference(NftSocket nft, FirewallSpec spec, IReadOnlyList<IPNetwork> added)
    {
        TableId id = TableOf(spec.Network);
        if (!nft.TryGetTable(id, out NftTable? table))
        {
            return $"nftables table {id} is missing";
        }

        if (table.Comment != CommentOf(spec))
        {
            return $"nftables table {id} was made for another configuration";
        }

        if (table.IsDormant)
        {
            return $"nftables table {id} is dormant: nothing of it is in force";
        }

        List<NftChain> chains = nft.ListChains(id);
        foreach (ChainSpec wanted in ChainsOf(spec))
        {
            string name = wanted.Name;
            if (!wanted.IsAtItsHook(chains.Find(c => c.Name == name)))
            {
                return $"chain {name} of nftables table {id} is missing, or is not a base chain at its hook with policy accept";
            }

            // Others' rules may stand between ours. The order of ours counts: what is accepted is not dropped any more.
            List<NftRule> present = nft.ListRules(id, name);
            int next = 0;
            foreach (RuleSpec one in wanted.Rules)
            {
                Rule rule = one.Make();
                int found = present.FindIndex(next, p => p.Rule.HasSameExpressions(rule));
                if (found < 0)
                {
                    return $"chain {name} of nftables table {id} lacks the rule '{rule.Comment}'{(next > 0 ? " in its place" : "")}";
                }

                next = found + 1;
            }
        }
        foreach ((NftSet set, IReadOnlyList<IPNetwork> elements) in SetsOf(spec with { Local = [.. spec.Local, .. added] }))
        {
            List<SetElement> present = nft.ListElements(set);
            foreach (IPNetwork element in elements)
            {
                if (!present.Exists(there => Covers(there, SetElement.Of(element))))
                {
                    return $"set {set.Name} of nftables table {id} lacks {element}";
                }
            }
        }
        return null;
    }

    /// <summary>Removes the table; nothing to do when there is none.</summary>
    public static void Delete(NftSocket nft, string network)
    {
        NftBatch batch = nft.NewBatch();
        batch.DestroyTable(TableOf(network));
        batch.Send();
    }

    private static TableId TableOf(string network) => new(NftFamily.Inet, DeviceNames.NftTable(network));

    private static string CommentOf(FirewallSpec spec) => $"twill, made anew when changed: {spec.Fingerprint()}";

    private static NftSet Local(TableId id, TableFamily family) => new(id, $"local{family.Suffix}", family.Address) { Interval = true };

    private static NftSet Exempt(TableId id, TableFamily family) => new(id, $"exempt{family.Suffix}", family.Address) { Interval = true };

    private static List<(NftSet Set, IReadOnlyList<IPNetwork> Elements)> SetsOf(FirewallSpec spec)
    {
        TableId id = TableOf(spec.Network);
        List<(NftSet, IReadOnlyList<IPNetwork>)> sets = [];
        foreach (TableFamily family in spec.Families)
        {
            sets.Add((Local(id, family), spec.LocalElements(family.Family)));
            sets.Add((Exempt(id, family), spec.ExemptElements(family.Family)));
        }
        return sets;
    }

    /// <summary>The table is of this configuration, and every chain is at its hook with as many rules as it should have.</summary>
    private static bool LooksWhole(NftSocket nft, FirewallSpec spec)
    {
        TableId id = TableOf(spec.Network);
        if (!nft.TryGetTable(id, out NftTable? table) || table.IsDormant || table.Comment != CommentOf(spec))
        {
            return false;
        }

        foreach (ChainSpec wanted in ChainsOf(spec))
        {
            if (!nft.TryGetChain(id, wanted.Name, out NftChain? chain) || !wanted.IsAtItsHook(chain) || chain.Use < wanted.Rules.Count)
            {
                return false;
            }
        }
        return true;
    }

    private static void Write(NftSocket nft, FirewallSpec spec, NftBatch batch, PeersInUse? inUse)
    {
        TableId id = TableOf(spec.Network);
        List<(NftSet Set, List<SetElement> Elements)> kept = ReadPeers(nft, spec, inUse);
        foreach (TableFamily family in spec.Families)
        {
            kept.AddRange(ReadPortMaps(nft, new PortTable(id, family)));
        }

        batch.DestroyTable(id);
        batch.Add(new NewTable(id, CommentOf(spec)));
        foreach ((NftSet set, IReadOnlyList<IPNetwork> elements) in SetsOf(spec))
        {
            batch.Add(new NewSet(set)).AddElements(set, Elements(elements));
        }

        foreach ((NftSet set, List<SetElement> elements) in kept)
        {
            batch.Add(new NewSet(set)).AddElements(set, [.. elements]);
        }

        foreach (ChainSpec chain in ChainsOf(spec))
        {
            batch.Add(new NewChain(id, chain.Name, chain.Chain));
            foreach (RuleSpec rule in chain.Rules)
            {
                batch.Add(new NewRule(id, chain.Name, rule.Make()));
            }
        }
    }

    /// <summary>What the maps of the table hold now; nothing of a map that is missing or of another make.</summary>
    private static List<(NftSet Set, List<SetElement> Elements)> ReadPortMaps(NftSocket nft, PortTable table)
    {
        List<(NftSet, List<SetElement>)> there = [];
        foreach (NftSet set in table.All)
        {
            bool same = nft.TryGetSet(set.Table, set.Name, out NftSet? found) && found.Key.Equals(set.Key) && Equals(found.Data, set.Data);
            there.Add((set, same ? nft.ListElements(set) : []));
        }
        return there;
    }

    private static bool Covers(SetElement outer, SetElement inner) =>
        outer.Key.Span.SequenceCompareTo(inner.Key.Span) <= 0 && LastOf(outer).SequenceCompareTo(LastOf(inner)) >= 0;

    private static ReadOnlySpan<byte> LastOf(SetElement element) => (element.KeyEnd ?? element.Key).Span;

    private static SetElement[] Elements(IReadOnlyList<IPNetwork> prefixes)
    {
        SetElement[] elements = new SetElement[prefixes.Count];
        for (int i = 0; i < elements.Length; i++)
        {
            elements[i] = SetElement.Of(prefixes[i]);
        }

        return elements;
    }
}
