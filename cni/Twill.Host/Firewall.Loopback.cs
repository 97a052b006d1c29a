using Twill.Linux.Nftables;

namespace Twill.Host;

/// <content>
/// The chain <c>loopback</c>: the host's 127.0.0.0/8 belongs to <c>lo</c>. Published ports need <c>route_localnet</c>, and so does other
/// software, which sets it for all interfaces; and destinations are translated before the kernel looks whether a packet may have them.
/// Without this chain whoever is on the link reaches what listens on 127.0.0.1 then, and what is published there.
/// </content>
public static partial class Firewall
{
    private const string Loopback = "loopback";

    private static ChainSpec LoopbackChain(FirewallSpec spec)
    {
        RuleList list = new(spec);
        foreach (TableFamily family in spec.Families)
        {
            if (family.Loopback is { } own)
            {
                list.Add(family, "spoofed loopback source", (id, _) => Rule.For(id).IifName("lo", inverted: true).Saddr(own).Drop());
                list.Add(family, "to the host's loopback addresses", (id, _) =>
                    Rule.For(id).IifName("lo", inverted: true).Daddr(own).Drop()
                );
            }
        }

        return new(Loopback, new BaseChain(ChainType.Filter, NftHook.Prerouting, ChainPriority.Raw, ChainPolicy.Accept), list.Rules);
    }
}
