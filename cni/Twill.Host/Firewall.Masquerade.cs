using Twill.Host.Ports;
using Twill.Linux.Nftables;
using Twill.Linux.Nftables.Expressions;

namespace Twill.Host;

/// <content>The chain <c>postrouting</c>: what leaves under the host's address.</content>
public static partial class Firewall
{
    private const string Postrouting = "postrouting";

    private static ChainSpec PostroutingChain(FirewallSpec spec)
    {
        RuleList list = new(spec);
        foreach (TableFamily family in spec.Families)
        {
            list.Add(family, "published ports, asked for by containers", static (id, family) =>
                Translated(Rule.For(id).CtStatus(CtStatus.Dnat).SaddrIn(Local(id, family)), id, family)
            );
            if (family.Loopback is { } from)
            {
                list.Add(family, "published ports, asked for at 127.0.0.1", (id, family) =>
                    Translated(Rule.For(id).CtStatus(CtStatus.Dnat).Saddr(from), id, family)
                );
            }

            if (spec.Masquerade)
            {
                list.Add(family, "out of the cluster network", static (id, family) =>
                    ToOutside(Rule.For(id), id, family).Masquerade(NatFlags.FullyRandom)
                );
            }
        }

        return new(Postrouting, new BaseChain(ChainType.Nat, NftHook.Postrouting, ChainPriority.Srcnat, ChainPolicy.Accept), list.Rules);
    }

    /// <summary>From containers to destinations that do not see their addresses.</summary>
    private static Rule ToOutside(Rule rule, TableId id, TableFamily family) =>
        rule.SaddrIn(Local(id, family)).DaddrNotIn(Local(id, family)).DaddrNotIn(Exempt(id, family));

    private static Rule Translated(Rule from, TableId id, TableFamily family) =>
        from.In(new PortTable(id, family).Translated, KeyPart.L4Proto, KeyPart.OriginalDport, KeyPart.Daddr, KeyPart.Dport).Masquerade();
}
