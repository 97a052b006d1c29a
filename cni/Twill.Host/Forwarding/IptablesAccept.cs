using System.Net.Sockets;
using Twill.Linux.Nftables;
using Twill.Network;
using Twill.System;

namespace Twill.Host.Forwarding;

/// <summary>
/// Lets containers' packets through where iptables (its nft variant) drops what is forwarded: Docker's <c>-P FORWARD DROP</c>, ufw, a
/// REJECT at the end. What our own table accepts is dropped there all the same, so the accept stands in the chain that drops:
/// <code>
/// iptables -A CHAIN -i tw+ -s 10.244.0.0/16 -m comment --comment twill-NETWORK -j ACCEPT      (and -i BRIDGE, if it is named otherwise)
/// iptables -A CHAIN        -d 10.244.0.0/16 -m comment --comment twill-NETWORK -j ACCEPT
/// </code>
/// What containers send has to come out of a device of ours as well (the bridge, a host end, the overlay), or whoever forges such an
/// address could have anything forwarded. Where only the IPAM plugin knows the addresses it is <c>-i</c> and <c>-o</c> instead.
/// <para>
/// CHAIN is DOCKER-USER where FORWARD leads there: Docker keeps it, and what it holds comes before Docker's own rules. Else it is FORWARD.
/// In either the rules stand behind what is there for some packets only, which an administrator wanted, and before what drops or returns
/// everything. Nothing is written where containers' packets pass anyway, unless Docker is about, whose policy may turn at any time.
/// IPv6's are the same in ip6tables. The rules are of the form that iptables writes itself: it lists, saves, restores and deletes them as
/// its own.
/// </para>
/// </summary>
public static class IptablesAccept
{
    /// <summary>What nft shows of a comment, in bytes.</summary>
    private const int LongestComment = 127;

    /// <summary>For an ADD: one short question where iptables is not used, two or three where the rules are in place.</summary>
    /// <param name="nft">A socket in the host's namespace.</param>
    /// <param name="traffic">The network; its outer interfaces need not be known.</param>
    /// <returns>What was done and why; null when nothing was to be done.</returns>
    public static string? Ensure(NftSocket nft, ForwardTraffic traffic)
    {
        TableId table = IptablesChains.FilterOf(traffic.Family);
        if (!IptablesChains.TryGetPolicy(nft, table, out ChainPolicy policy))
        {
            return null;
        }

        IptablesChains chains = new(table, chain => nft.GlanceAtRules(table, chain));
        if (new AcceptRules(traffic).AreIn(chains.Of(chains.JumpToDockerUser() >= 0 ? IptablesChains.DockerUser : IptablesChains.Forward)))
        {
            return null;
        }

        return new AcceptPlan(chains, policy, traffic).Why is null ? null : Keep(nft, traffic);
    }

    /// <summary>For the agent: looks whether the packets pass, and puts the rules where they do.</summary>
    /// <param name="nft">A socket in the host's namespace.</param>
    /// <param name="traffic">The network.</param>
    /// <returns>What was done and why; null when nothing was to be done.</returns>
    public static string? Keep(NftSocket nft, ForwardTraffic traffic)
    {
        string? done = null;
        nft.Change(batch =>
        {
            done = null;
            if (PlanOf(nft, traffic) is not { Why: { } why } plan)
            {
                return;
            }

            plan.Write(batch);
            done =
                $"accept for containers put into chain {plan.Chain} of "
                + $"{IptablesChains.NameOf(IptablesChains.FilterOf(traffic.Family))}, because {why}";
        });
        return done;
    }

    /// <summary>Why the rules have to be put in, or put elsewhere; null when all is in order. Nothing is changed.</summary>
    public static string? FindDifference(NftSocket nft, ForwardTraffic traffic) => PlanOf(nft, traffic)?.Why;

    /// <summary>Removes the rules of a network; nothing to do when there is none.</summary>
    public static void Delete(NftSocket nft, string network) =>
        nft.Change(batch =>
        {
            foreach (NftRule rule in RulesWithComment(nft))
            {
                if (AcceptRules.CommentIn(rule.Rule) == CommentOf(network))
                {
                    batch.Add(new DeleteRule(rule.Table, rule.Chain, rule.Handle));
                }
            }
        });

    /// <summary>Where a network has rules, in words.</summary>
    public static List<string> Describe(NftSocket nft, string network)
    {
        List<string> places = [];
        foreach (NftRule rule in RulesWithComment(nft))
        {
            string place = $"accept for containers in chain {rule.Chain} of {IptablesChains.NameOf(rule.Table)}";
            if (AcceptRules.CommentIn(rule.Rule) == CommentOf(network) && !places.Contains(place))
            {
                places.Add(place);
            }
        }
        return places;
    }

    /// <summary>The networks that have rules, as far as the rules tell their names.</summary>
    public static List<string> Networks(NftSocket nft)
    {
        string start = DeviceNames.NftTable("");
        List<string> networks = [];
        foreach (NftRule rule in RulesWithComment(nft))
        {
            if (
                AcceptRules.CommentIn(rule.Rule) is { Length: < LongestComment } comment
                && comment.StartsWith(start, StringComparison.Ordinal)
            )
            {
                networks.Add(comment[start.Length..]);
            }
        }
        return networks;
    }

    /// <summary>By what the rules of a network are found again: the name of its table, which ends in a hash where it is too long.</summary>
    internal static string CommentOf(string network)
    {
        string name = DeviceNames.NftTable(network),
            hash = $"~{StableHash.Of(network, ""):x16}";
        return name.Length < LongestComment ? name : name[..(LongestComment - hash.Length)] + hash;
    }

    private static AcceptPlan? PlanOf(NftSocket nft, ForwardTraffic traffic)
    {
        TableId table = IptablesChains.FilterOf(traffic.Family);
        if (!IptablesChains.TryGetPolicy(nft, table, out ChainPolicy policy) || !IptablesChains.AreIptables(nft, table))
        {
            return null;
        }

        return new AcceptPlan(new IptablesChains(table, chain => nft.ListRules(table, chain)), policy, traffic);
    }

    private static List<NftRule> RulesWithComment(NftSocket nft)
    {
        List<NftRule> rules = [];
        foreach (AddressFamily family in (ReadOnlySpan<AddressFamily>)[AddressFamily.InterNetwork, AddressFamily.InterNetworkV6])
        {
            foreach (string chain in (ReadOnlySpan<string>)[IptablesChains.Forward, IptablesChains.DockerUser])
            {
                rules.AddRange(
                    nft.ListRules(IptablesChains.FilterOf(family), chain).FindAll(rule => AcceptRules.CommentIn(rule.Rule) is not null)
                );
            }
        }
        return rules;
    }
}
