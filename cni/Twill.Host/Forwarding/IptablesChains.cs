using System.Net.Sockets;
using Twill.Linux.Nftables;

namespace Twill.Host.Forwarding;

/// <summary>
/// What iptables or ip6tables (their nft variant) has for forwarded packets: <c>iptables -S FORWARD</c> and the chains that it leads to,
/// read as they are needed.
/// </summary>
internal sealed class IptablesChains(TableId table, Func<string, List<NftRule>> read)
{
    public const string Forward = "FORWARD";

    /// <summary>The chain that Docker leaves to the administrator: it keeps what is in it, and jumps to it first.</summary>
    public const string DockerUser = "DOCKER-USER";

    /// <summary>The table that they are in.</summary>
    public TableId Table => table;

    /// <summary>The table of <c>iptables -t filter</c>, or of <c>ip6tables</c>.</summary>
    public static TableId FilterOf(AddressFamily family) =>
        new(family == AddressFamily.InterNetworkV6 ? NftFamily.Ip6 : NftFamily.Ip, "filter");

    /// <summary>What the table is called among people: iptables, ip6tables.</summary>
    public static string NameOf(TableId table) => table.Family == NftFamily.Ip6 ? "ip6tables" : "iptables";

    private readonly Dictionary<string, List<NftRule>> _rules = [];

    /// <summary>The rules of a chain, in order.</summary>
    public List<NftRule> Of(string chain)
    {
        if (!_rules.TryGetValue(chain, out List<NftRule>? rules))
        {
            _rules[chain] = rules = read(chain);
        }

        return rules;
    }

    /// <summary>The policy of FORWARD.</summary>
    /// <returns>False when iptables has no such chain.</returns>
    public static bool TryGetPolicy(NftSocket nft, TableId table, out ChainPolicy policy)
    {
        policy = ChainPolicy.Accept;
        if (!nft.TryGetChain(table, Forward, out NftChain? chain) || chain.Base is not { Type: ChainType.Filter, Hook: NftHook.Forward } at)
        {
            return false;
        }

        policy = at.Policy ?? ChainPolicy.Accept;
        return true;
    }

    /// <summary>Whether the table is iptables': sets, which that never makes in it, are the mark of somebody's own table of the same
    /// name.</summary>
    public static bool AreIptables(NftSocket nft, TableId table) => nft.ListSets(table).Count == 0;

    /// <summary>Where FORWARD leads everything to <see cref="DockerUser"/>; -1 when it does not.</summary>
    public int JumpToDockerUser() => Of(Forward).FindIndex(rule => RuleMatch.IsForEverything(rule.Rule) && LeadsTo(rule.Rule, DockerUser));

    /// <summary>A walk through them.</summary>
    public ChainWalk Walk(Func<NftRule, bool>? without = null) =>
        new(chain => without is null ? Of(chain) : Of(chain).FindAll(rule => !without(rule)), _ => null); // iptables uses no sets

    private static bool LeadsTo(Rule rule, string chain)
    {
        foreach (var expression in rule.Expressions)
        {
            if (expression is Linux.Nftables.Expressions.ImmediateVerdict { Verdict.Chain: { } name } && name == chain)
            {
                return true;
            }
        }
        return false;
    }
}
