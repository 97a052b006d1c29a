using Twill.Linux.Nftables;

namespace Twill.Host.Forwarding;

/// <summary>Whether the rules of <see cref="IptablesAccept"/> are needed and where; pure, of what iptables' chains hold.</summary>
internal sealed class AcceptPlan
{
    private readonly AcceptRules _rules;
    private readonly TableId _table;
    private readonly List<NftRule> _stale = [];
    private readonly ulong _before;

    public AcceptPlan(IptablesChains chains, ChainPolicy policy, ForwardTraffic traffic)
    {
        AcceptRules rules = new(traffic);
        (_rules, _table) = (rules, chains.Table);
        List<ProbePacket> packets = traffic.Packets(published: true);

        // Where, is asked of the chains as others made them.
        ChainWalk others = chains.Walk(without: rules.IsOurs);
        bool needed = StoppedBy(others, IptablesChains.Forward, policy, packets, out NftRule? before) is not null;
        int jump = chains.JumpToDockerUser();
        if (jump >= 0 && (before is null || chains.Of(IptablesChains.Forward).IndexOf(before) >= jump))
        {
            (Chain, needed) = (IptablesChains.DockerUser, true);
            StoppedBy(others, Chain, ChainPolicy.Drop, packets, out before);
        }
        _before = before?.Handle ?? 0;
        foreach (string chain in (ReadOnlySpan<string>)[IptablesChains.Forward, IptablesChains.DockerUser])
        {
            _stale.AddRange(chains.Of(chain).FindAll(rules.IsOurs));
        }

        // Whether, of the chains as they are.
        bool there = rules.AreIn(chains.Of(Chain)),
            more = _stale.Count > (there ? rules.Desired.Count : 0);
        Why = StoppedBy(chains.Walk(), IptablesChains.Forward, policy, packets, out _)
            ?? (
                more ? "rules of it are elsewhere, or of an earlier configuration"
                : needed && !there ? "Docker is about"
                : null
            );
    }

    /// <summary>What the packets need them for; null when all is in order.</summary>
    public string? Why { get; }

    /// <summary>The chain that they belong into.</summary>
    public string Chain { get; } = IptablesChains.Forward;

    /// <summary>Puts them there, and takes away what is elsewhere or of an earlier configuration.</summary>
    public void Write(NftBatch batch)
    {
        foreach (NftRule rule in _stale)
        {
            batch.Add(new DeleteRule(rule.Table, rule.Chain, rule.Handle));
        }

        foreach (Rule rule in _rules.Desired)
        {
            if (_before != 0)
            {
                batch.Add(new InsertRule(_table, Chain, rule, _before));
            }
            else
            {
                batch.Add(new NewRule(_table, Chain, rule));
            }
        }
    }

    /// <summary>
    /// What keeps packets from passing although nobody meant them: a policy, or a rule for everything. What rules drop of just these
    /// packets somebody wanted.
    /// </summary>
    /// <param name="walk">the chains</param>
    /// <param name="chain">where to begin</param>
    /// <param name="policy">of that chain</param>
    /// <param name="packets">what should pass</param>
    /// <param name="before">the first rule of the chain that stops some; null: the policy does</param>
    private static string? StoppedBy(ChainWalk walk, string chain, ChainPolicy policy, List<ProbePacket> packets, out NftRule? before)
    {
        before = null;
        int first = int.MaxValue;
        List<string> stopped = [];
        foreach (ProbePacket packet in packets)
        {
            ChainVerdict verdict = walk.Take(chain, policy, packet);
            if (verdict.Passes == MatchResult.Yes || !verdict.IsForEverything)
            {
                continue;
            }

            stopped.Add(packet.Description);
            if (verdict.Top < first)
            {
                (first, before) = (verdict.Top, verdict.At);
            }
        }
        return stopped.Count == 0
            ? null
            : $"{chain}{(policy == ChainPolicy.Drop ? " (policy drop)" : "")} would drop packets {string.Join("; ", stopped)}";
    }
}
