using Twill.Linux.Nftables;

namespace Twill.Host;

/// <content>
/// The chains of the table. What each is for, and its rules, is in a file of its own: <c>Firewall.Loopback.cs</c>,
/// <c>Firewall.Ports.cs</c>, <c>Firewall.Forward.cs</c>, <c>Firewall.Isolation.cs</c>, <c>Firewall.Tunnel.cs</c>,
/// <c>Firewall.Masquerade.cs</c>, <c>Firewall.Clear.cs</c>.
/// </content>
public static partial class Firewall
{
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

    private static ChainSpec[] ChainsOf(FirewallSpec spec) =>
        [LoopbackChain(spec), .. PortChains(spec), .. TunnelChains(spec), ForwardChain(spec), PostroutingChain(spec), .. ClearChains(spec)];

    /// <summary>The rules of a chain: all of one family, then all of the next.</summary>
    private sealed class RuleList(FirewallSpec spec)
    {
        private readonly TableId _table = TableOf(spec.Network);

        internal List<RuleSpec> Rules { get; } = [];

        internal void Add(TableFamily family, string comment, Func<TableId, TableFamily, Rule> content) =>
            Rules.Add(new RuleSpec(_table, family, comment, content));
    }
}
