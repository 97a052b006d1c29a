using System.Net;
using Twill.Host.Ports;
using Twill.Linux.Nftables;

namespace Twill.Host;

/// <content>The chains <c>prerouting</c> and <c>output</c>: published ports lead to their containers.</content>
public static partial class Firewall
{
    private const string Prerouting = "prerouting",
        Output = "output";

    private static ChainSpec[] PortChains(FirewallSpec spec)
    {
        RuleList list = new(spec);
        foreach (TableFamily family in spec.Families)
        {
            list.Add(family, "ports published at one address", static (id, family) =>
                Rule.For(id).DaddrIsLocal().DnatBy(new PortTable(id, family).PortsAt, KeyPart.Daddr, KeyPart.L4Proto, KeyPart.Dport)
            );
            list.Add(family, "published ports", static (id, family) =>
                AtPublishable(id, family).DaddrIsLocal().DnatBy(new PortTable(id, family).Ports, KeyPart.L4Proto, KeyPart.Dport)
            );
        }

        return
        [
            new(Prerouting, new BaseChain(ChainType.Nat, NftHook.Prerouting, ChainPriority.Dstnat, ChainPolicy.Accept), list.Rules),
            new(Output, new BaseChain(ChainType.Nat, NftHook.Output, ChainPriority.Dstnat, ChainPolicy.Accept), list.Rules),
        ];
    }

    /// <summary>Packets of the family to addresses that ports are published at; in IPv4 nothing is asked, for the map answers for its
    /// family only.</summary>
    private static Rule AtPublishable(TableId id, TableFamily family)
    {
        Rule rule = Rule.For(id);
        foreach (IPNetwork elsewhere in family.NotPublishedAt)
        {
            rule.Daddr(elsewhere, inverted: true);
        }

        return rule;
    }
}
