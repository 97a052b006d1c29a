using Twill.Linux.Nftables;
using Twill.Linux.Nftables.Expressions;

namespace Twill.Host;

/// <content>The chain <c>forward</c>: what is dropped between containers and others, and that the rest passes.</content>
public static partial class Firewall
{
    private const string Forward = "forward";

    private static ChainSpec ForwardChain(FirewallSpec spec)
    {
        RuleList list = new(spec);
        foreach (TableFamily family in spec.Families)
        {
            AddTunnelPackets(list, spec, family);
            if (spec.Masquerade)
            {
                list.Add(family, "out of the cluster network, of no connection", OfNoConnection);
            }

            AddIsolation(list, spec, family);
            list.Add(family, "from containers", static (id, family) => Rule.For(id).SaddrIn(Local(id, family)).Accept());
            list.Add(family, "to containers", static (id, family) => Rule.For(id).DaddrIn(Local(id, family)).Accept());
        }

        return new(Forward, new BaseChain(ChainType.Filter, NftHook.Forward, ChainPriority.Filter, ChainPolicy.Accept), list.Rules);
    }

    /// <summary>
    /// What conntrack calls invalid (late segments of a closed connection, say) passes no chain of type nat: it would leave with the
    /// container's own address, and whoever answers resets the connection.
    /// </summary>
    private static Rule OfNoConnection(TableId id, TableFamily family) =>
        ToOutside(Rule.For(id).CtState(CtState.Invalid), id, family).Drop();
}
