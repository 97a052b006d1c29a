using System.Net;
using Twill.Host.Ports;
using Twill.Linux.Nftables;
using Twill.Linux.Nftables.Expressions;
using Twill.Network;

namespace Twill.Host;

/// <content>The chains of the table, and their rules.</content>
public static partial class Firewall
{
    /// <summary>Host ends that are on no bridge (<see cref="RoutedVeth"/>); of those that are, no packet arrives under their own
    /// name.</summary>
    private const string RoutedEnds = $"{DeviceNames.VethPrefix}*";

    private const string Loopback = "loopback",
        Prerouting = "prerouting",
        Output = "output",
        Forward = "forward",
        Postrouting = "postrouting",
        Arriving = "arriving",
        Leaving = "leaving";

    /// <summary>A rule as it should be. It is made when it is needed: to count rules it is not.</summary>
    private readonly record struct RuleSpec(TableId Table, TableFamily Family, string Comment, Func<TableId, TableFamily, Rule> Content)
    {
        public Rule Make() => Content(Table, Family).WithComment(Family.Suffix.Length == 0 ? Comment : $"{Comment} (IPv{Family.Suffix})");
    }

    /// <summary>A chain as it should be.</summary>
    private sealed record ChainSpec(string Name, BaseChain Chain, IReadOnlyList<RuleSpec> Rules)
    {
        public bool IsAtItsHook(NftChain? chain) =>
            chain?.Base is { } found && found.Hook == Chain.Hook && found.Priority == Chain.Priority && found.Policy != ChainPolicy.Drop;
    }

    private static ChainSpec[] ChainsOf(FirewallSpec spec)
    {
        TableId id = TableOf(spec.Network);
        List<RuleSpec> loopback = [],
            translation = [],
            forward = [],
            postrouting = [],
            arriving = [],
            leaving = [];
        foreach (TableFamily family in spec.Families)
        {
            if (family.Loopback is { } own)
            {
                loopback.Add(New("spoofed loopback source", (id, _) => Rule.For(id).IifName(spec.Bridge).Saddr(own).Drop()));
                loopback.Add(New("to the host's loopback addresses", (id, _) => Rule.For(id).IifName(spec.Bridge).Daddr(own).Drop()));
                loopback.Add(
                    New("spoofed loopback source, past the bridge", (id, _) => Rule.For(id).IifName(RoutedEnds).Saddr(own).Drop())
                );
                loopback.Add(
                    New("to the host's loopback addresses, past the bridge", (id, _) => Rule.For(id).IifName(RoutedEnds).Daddr(own).Drop())
                );
            }
            translation.Add(
                New("ports published at one address", static (id, family) =>
                    Rule.For(id).DaddrIsLocal().DnatBy(new PortTable(id, family).PortsAt, KeyPart.Daddr, KeyPart.L4Proto, KeyPart.Dport)
                )
            );
            translation.Add(
                New("published ports", static (id, family) =>
                    AtPublishable(id, family).DaddrIsLocal().DnatBy(new PortTable(id, family).Ports, KeyPart.L4Proto, KeyPart.Dport)
                )
            );
            forward.Add(New("from containers", static (id, family) => Rule.For(id).SaddrIn(Local(id, family)).Accept()));
            forward.Add(New("to containers", static (id, family) => Rule.For(id).DaddrIn(Local(id, family)).Accept()));
            postrouting.Add(
                New("published ports, asked for by containers", static (id, family) =>
                    Translated(Rule.For(id).CtStatus(CtStatus.Dnat).SaddrIn(Local(id, family)), id, family)
                )
            );
            if (family.Loopback is { } from)
            {
                postrouting.Add(
                    New("published ports, asked for at 127.0.0.1", (id, family) =>
                        Translated(Rule.For(id).CtStatus(CtStatus.Dnat).Saddr(from), id, family)
                    )
                );
            }

            if (spec.Masquerade)
            {
                postrouting.Add(New("out of the cluster network", OutOfCluster));
            }

            if (spec.Tunnel is { } tunnel)
            {
                arriving.Add(
                    New("from other hosts in clear", (id, family) =>
                        Rule.For(id)
                            .SaddrIn(Local(id, family))
                            .IifName(spec.Bridge, inverted: true)
                            .IifName(tunnel, inverted: true)
                            .IifName("lo", inverted: true)
                            .IifGroup(RoutedVeth.Group, inverted: true)
                            .Drop()
                    )
                );
                leaving.Add(
                    New("to other hosts in clear", (id, family) =>
                        Rule.For(id)
                            .DaddrIn(Local(id, family))
                            .OifName(spec.Bridge, inverted: true)
                            .OifName(tunnel, inverted: true)
                            .OifName("lo", inverted: true)
                            .OifGroup(RoutedVeth.Group, inverted: true)
                            .Drop()
                    )
                );
            }

            RuleSpec New(string comment, Func<TableId, TableFamily, Rule> content) => new(id, family, comment, content);
        }
        return
        [
            new(Loopback, new BaseChain(ChainType.Filter, NftHook.Prerouting, ChainPriority.Raw, ChainPolicy.Accept), loopback),
            new(Prerouting, new BaseChain(ChainType.Nat, NftHook.Prerouting, ChainPriority.Dstnat, ChainPolicy.Accept), translation),
            new(Output, new BaseChain(ChainType.Nat, NftHook.Output, ChainPriority.Dstnat, ChainPolicy.Accept), translation),
            new(Forward, new BaseChain(ChainType.Filter, NftHook.Forward, ChainPriority.Filter, ChainPolicy.Accept), forward),
            new(Postrouting, new BaseChain(ChainType.Nat, NftHook.Postrouting, ChainPriority.Srcnat, ChainPolicy.Accept), postrouting),
            .. spec.Tunnel is null
                ? Array.Empty<ChainSpec>()
                :
                [
                    new(Arriving, new BaseChain(ChainType.Filter, NftHook.Prerouting, ChainPriority.Raw, ChainPolicy.Accept), arriving),
                    new(Leaving, new BaseChain(ChainType.Filter, NftHook.Postrouting, ChainPriority.Filter, ChainPolicy.Accept), leaving),
                ],
        ];
    }

    private static Rule OutOfCluster(TableId id, TableFamily family) =>
        Rule.For(id)
            .SaddrIn(Local(id, family))
            .DaddrNotIn(Local(id, family))
            .DaddrNotIn(Exempt(id, family))
            .Masquerade(NatFlags.FullyRandom);

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

    private static Rule Translated(Rule from, TableId id, TableFamily family) =>
        from.In(new PortTable(id, family).Translated, KeyPart.L4Proto, KeyPart.OriginalDport, KeyPart.Daddr, KeyPart.Dport).Masquerade();
}
