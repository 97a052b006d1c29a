using Twill.Linux.Nftables;
using Twill.Linux.Nftables.Expressions;

namespace Twill.Host;

/// <content>
/// In the chain <c>forward</c>: who among containers may begin a connection with a container of this network. Those of other networks of
/// twill are known by the group of the link that they come by. What was translated to a published port, or to whatever somebody leads to a
/// container, is asked for there.
/// </content>
public static partial class Firewall
{
    private static void AddIsolation(RuleList list, FirewallSpec spec, TableFamily family)
    {
        if (spec.IsolatedBut is null && spec.Icc)
        {
            return;
        }

        list.Add(family, "asked for at another address", static (id, family) =>
            Rule.For(id).CtStatus(CtStatus.Dnat).DaddrIn(Local(id, family)).Accept()
        );
        if (spec.IsolatedBut is { } overlays)
        {
            list.Add(family, "from other networks", (id, family) =>
            {
                Rule rule = ToContainers(id, family).IifGroup(HostBridge.Group).IifName(spec.Bridge, inverted: true);
                foreach (string overlay in overlays)
                {
                    rule.IifName(overlay, inverted: true);
                }

                return rule.Drop();
            });
            list.Add(family, "from other networks, past their bridge", static (id, family) =>
                ToContainers(id, family).IifGroup(RoutedVeth.Group).SaddrNotIn(Local(id, family)).Drop()
            );
        }

        if (!spec.Icc)
        {
            list.Add(family, "from container to container", static (id, family) =>
                ToContainers(id, family).SaddrIn(Local(id, family)).Drop()
            );
        }
    }

    /// <summary>The first packet of a connection to a container.</summary>
    private static Rule ToContainers(TableId id, TableFamily family) => Rule.For(id).CtState(CtState.New).DaddrIn(Local(id, family));
}
