using System.Net.Sockets;
using Twill.Linux.Nftables;
using Twill.Network;

namespace Twill.Host.Forwarding;

/// <summary>
/// Looks through other programs' chains. Each of them has to let a packet through: what one table accepts, another with
/// <c>policy drop</c> still drops (Docker, firewalld, an administrator's own). In tables that are not iptables' nothing is ever written.
/// </summary>
public static class BlockingChains
{
    /// <summary>The chains that drop or may drop packets of containers.</summary>
    /// <param name="nft">A socket in the host's namespace.</param>
    /// <param name="families">The network, once for each address family.</param>
    public static List<BlockingChain> Find(NftSocket nft, IReadOnlyList<ForwardTraffic> families)
    {
        List<BlockingChain> blocking = [];
        foreach (ForwardTraffic traffic in families)
        {
            blocking.AddRange(Find(nft, traffic));
        }

        return blocking;
    }

    /// <summary>The chains that drop or may drop packets of containers, of one family.</summary>
    /// <param name="nft">A socket in the host's namespace.</param>
    /// <param name="traffic">The network.</param>
    public static List<BlockingChain> Find(NftSocket nft, ForwardTraffic traffic)
    {
        List<ProbePacket> packets = traffic.Packets(published: false),
            frames = traffic.Frames();
        return Find(nft, NftHook.Forward, family => Sees(family, traffic.Family) ? packets : family == NftFamily.Bridge ? frames : [])
            .ConvertAll(found => BlockingChain.Of(found.Chain, found.Stopped, traffic, IptablesOf(nft, found.Chain, traffic)));
    }

    /// <summary>Whether a table of that family sees packets of the other.</summary>
    internal static bool Sees(NftFamily table, AddressFamily packets) =>
        table == NftFamily.Inet || table == (packets == AddressFamily.InterNetworkV6 ? NftFamily.Ip6 : NftFamily.Ip);

    /// <summary>The chains of others at a hook that drop or may drop any of some packets, with these.</summary>
    /// <param name="nft">A socket in the host's namespace.</param>
    /// <param name="hook">The hook.</param>
    /// <param name="packetsOf">The packets that tables of a family see.</param>
    internal static List<(NftChain Chain, List<(ProbePacket Packet, ChainVerdict Verdict)> Stopped)> Find(
        NftSocket nft,
        NftHook hook,
        Func<NftFamily, List<ProbePacket>> packetsOf
    )
    {
        List<(NftChain, List<(ProbePacket, ChainVerdict)>)> found = [];
        List<NftTable> tables = nft.ListTables();
        foreach (NftChain chain in nft.ListBaseChains(hook))
        {
            if (
                chain.Base is not { Type: ChainType.Filter or ChainType.Route } at
                || !tables.Exists(table => table.Id == chain.Table && !table.IsDormant)
                || IsOurs(chain.Table)
            )
            {
                continue;
            }

            if (Look(nft, chain, at.Policy ?? ChainPolicy.Accept, packetsOf(chain.Table.Family)) is { Count: > 0 } stopped)
            {
                found.Add((chain, stopped));
            }
        }

        return found;
    }

    private static List<(ProbePacket, ChainVerdict)> Look(NftSocket nft, NftChain chain, ChainPolicy policy, List<ProbePacket> packets)
    {
        Dictionary<string, List<NftRule>> rules = [];
        Dictionary<string, List<SetElement>?> sets = [];
        ChainWalk walk = new(
            name => rules.TryGetValue(name, out List<NftRule>? known) ? known : rules[name] = nft.ListRules(chain.Table, name),
            name =>
                sets.TryGetValue(name, out List<SetElement>? known)
                    ? known
                    : sets[name] = nft.TryGetSet(chain.Table, name, out NftSet? set) ? nft.ListElements(set) : null
        );
        List<(ProbePacket, ChainVerdict)> stopped = [];
        foreach (ProbePacket packet in packets)
        {
            ChainVerdict verdict = walk.Take(chain.Name, policy, packet);
            if (verdict.Passes != MatchResult.Yes)
            {
                stopped.Add((packet, verdict));
            }
        }
        return stopped;
    }

    /// <summary>What is known of a chain when it is iptables' own.</summary>
    private static IptablesChains? IptablesOf(NftSocket nft, NftChain chain, ForwardTraffic traffic)
    {
        TableId filter = IptablesChains.FilterOf(traffic.Family);
        return chain.Table == filter && chain.Name == IptablesChains.Forward && IptablesChains.AreIptables(nft, filter)
            ? new IptablesChains(filter, name => nft.ListRules(filter, name))
            : null;
    }

    private static bool IsOurs(TableId table) =>
        table.Family == NftFamily.Inet && table.Name.StartsWith(DeviceNames.NftTable(""), StringComparison.Ordinal);
}
