using Twill.Linux.Nftables;
using Twill.Network.Configuration;
using Twill.System;

namespace Twill.Host;

/// <content>
/// The chain <c>tunnel</c>, and the beginning of the chain <c>forward</c>: nobody but a peer puts frames into the overlay. VXLAN has no
/// other proof of who sent a packet than its source address; WireGuard proves it itself. Of VXLAN only packets with the network's own
/// identifier are looked at, for others use the same port.
/// </content>
public static partial class Firewall
{
    private const string Tunnel = "tunnel";

    private static ChainSpec[] TunnelChains(FirewallSpec spec)
    {
        if (spec.TunnelPort is not { } port)
        {
            return [];
        }

        RuleList list = new(spec);
        list.Add(TableFamily.IPv4, "tunnel packets from containers", (id, _) => ToTunnel(id, port).IifName(spec.Bridge).Drop());
        list.Add(TableFamily.IPv4, "tunnel packets from containers past the bridge", (id, _) =>
            ToTunnel(id, port).IifGroup(RoutedVeth.Group).Drop()
        );
        foreach (TableFamily outer in spec.Outer)
        {
            list.Add(outer, "tunnel packets from who is no peer", (id, family) =>
                ToTunnel(id, port).SaddrNotIn(TunnelPeers.SetOf(id, family)).Drop()
            );
        }

        return [new(Tunnel, new BaseChain(ChainType.Filter, NftHook.Input, ChainPriority.Raw, ChainPolicy.Accept), list.Rules)];
    }

    /// <summary>Containers send tunnel packets to no host, which would take them for this host's when they are masqueraded. Among
    /// containers they may: there may be an overlay of their own inside.</summary>
    private static void AddTunnelPackets(RuleList list, FirewallSpec spec, TableFamily family)
    {
        if (spec.TunnelPort is not { Vni: not null } port)
        {
            return;
        }

        list.Add(family, "tunnel packets from containers to other hosts", (id, family) =>
            ToTunnel(id, port).IifName(spec.Bridge).DaddrNotIn(Local(id, family)).Drop()
        );
        list.Add(family, "tunnel packets from containers past the bridge to other hosts", (id, family) =>
            ToTunnel(id, port).IifGroup(RoutedVeth.Group).DaddrNotIn(Local(id, family)).Drop()
        );
    }

    private static Rule ToTunnel(TableId id, TunnelPort port) =>
        port.Vni is { } vni ? Rule.For(id).Vxlan(port.Port, vni) : Rule.For(id).Dport(IPProtocol.Udp, port.Port);

    /// <summary>The sets of peers' addresses and what they hold now. Those of a table without are what the network's VXLAN devices send to:
    /// what runs goes on while nobody tells this host who its peers are.</summary>
    private static List<(NftSet Set, List<SetElement> Elements)> ReadPeers(NftSocket nft, FirewallSpec spec, PeersInUse? inUse)
    {
        List<(NftSet, List<SetElement>)> sets = [];
        foreach (TableFamily outer in spec.Outer)
        {
            NftSet set = TunnelPeers.SetOf(TableOf(spec.Network), outer);
            List<SetElement> elements =
                nft.TryGetSet(set.Table, set.Name, out NftSet? found) && found.Key.Equals(set.Key) ? nft.ListElements(set)
                : inUse is null ? []
                : [.. inUse(outer.Family).ConvertAll(SetElement.Of)];
            sets.Add((set, elements));
        }

        return sets;
    }
}
