using Twill.Linux.Nftables;

namespace Twill.Host;

/// <content>
/// The chains <c>arriving</c> and <c>leaving</c>, where packets from host to host must not go in clear: beside the tunnel there is no way,
/// whatever routes say and whether or not the tunnel's device exists.
/// </content>
public static partial class Firewall
{
    private const string Arriving = "arriving",
        Leaving = "leaving";

    private static ChainSpec[] ClearChains(FirewallSpec spec)
    {
        if (spec.Tunnel is not { } tunnel)
        {
            return [];
        }

        RuleList arriving = new(spec),
            leaving = new(spec);
        foreach (TableFamily family in spec.Families)
        {
            arriving.Add(family, "from other hosts in clear", (id, family) =>
                Rule.For(id)
                    .SaddrIn(Local(id, family))
                    .IifName(spec.Bridge, inverted: true)
                    .IifName(tunnel, inverted: true)
                    .IifName("lo", inverted: true)
                    .IifGroup(RoutedVeth.Group, inverted: true)
                    .Drop()
            );
            leaving.Add(family, "to other hosts in clear", (id, family) =>
                Rule.For(id)
                    .DaddrIn(Local(id, family))
                    .OifName(spec.Bridge, inverted: true)
                    .OifName(tunnel, inverted: true)
                    .OifName("lo", inverted: true)
                    .OifGroup(RoutedVeth.Group, inverted: true)
                    .Drop()
            );
        }

        return
        [
            new(Arriving, new BaseChain(ChainType.Filter, NftHook.Prerouting, ChainPriority.Raw, ChainPolicy.Accept), arriving.Rules),
            new(Leaving, new BaseChain(ChainType.Filter, NftHook.Postrouting, ChainPriority.Filter, ChainPolicy.Accept), leaving.Rules),
        ];
    }
}
