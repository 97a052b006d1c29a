using Twill.Linux.Nftables;

namespace Twill.Host.Forwarding;

/// <summary>How a kind of packets fares in a base chain.</summary>
/// <param name="Passes">Whether they pass; perhaps, when rules that are not understood may accept them first.</param>
/// <param name="At">The rule of the base chain that decided, or led to what decided; null: the policy did.</param>
/// <param name="Top">That rule's place in the base chain; behind all when the policy decided.</param>
/// <param name="By">The rule that decided, in the base chain or another; null: the policy did.</param>
/// <param name="IsForEverything">Whether it decides about whatever comes to it, and not about packets of this kind.</param>
internal sealed record ChainVerdict(MatchResult Passes, NftRule? At, int Top, NftRule? By, bool IsForEverything);

/// <summary>Takes a kind of packets through the chains of one table, as the kernel would.</summary>
/// <param name="rulesOf">the rules of a chain, in order</param>
/// <param name="elementsOf">the elements of a set of the table; null when they cannot be told</param>
internal sealed class ChainWalk(Func<string, IReadOnlyList<NftRule>> rulesOf, Func<string, IReadOnlyList<SetElement>?> elementsOf)
{
    /// <summary>The kernel follows at most so many jumps (NFT_JUMP_STACK_SIZE).</summary>
    private const int DeepestJump = 16;

    private readonly RuleMatch _match = new(elementsOf);
    private bool _perhapsAccepted;
    private ChainVerdict? _decided;

    /// <summary>Through a base chain.</summary>
    public ChainVerdict Take(string chain, ChainPolicy policy, ProbePacket packet)
    {
        (_perhapsAccepted, _decided) = (false, null);
        VerdictCode end = Walk(chain, packet, 0, forEverything: true);
        bool accepted = end == VerdictCode.Accept || (end != VerdictCode.Drop && policy == ChainPolicy.Accept);
        MatchResult passes =
            accepted ? MatchResult.Yes
            : _perhapsAccepted ? MatchResult.Perhaps
            : MatchResult.No;
        return (_decided ?? new ChainVerdict(passes, null, int.MaxValue, null, IsForEverything: true)) with { Passes = passes };
    }

    /// <returns>Accept, Drop, or Return when the chain decided nothing</returns>
    private VerdictCode Walk(string chain, ProbePacket packet, int depth, bool forEverything)
    {
        if (depth > DeepestJump)
        {
            return VerdictCode.Return;
        }

        IReadOnlyList<NftRule> rules = rulesOf(chain);
        for (int i = 0; i < rules.Count; i++)
        {
            MatchResult concerned = _match.Of(rules[i].Rule, packet, out Verdict? what);
            if (concerned == MatchResult.No || what is not { } verdict)
            {
                continue;
            }

            bool all = forEverything && RuleMatch.IsForEverything(rules[i].Rule);
            _decided = null;
            VerdictCode end = verdict.Code;
            if (end is VerdictCode.Jump or VerdictCode.Goto)
            {
                VerdictCode there = Walk(verdict.Chain!, packet, depth + 1, all);
                end = there != VerdictCode.Return || end == VerdictCode.Goto ? there : VerdictCode.Continue;
            }
            if (concerned == MatchResult.Perhaps)
            {
                _perhapsAccepted |= end is VerdictCode.Accept or VerdictCode.Return;
            }
            else if (end is VerdictCode.Accept or VerdictCode.Drop or VerdictCode.Return)
            {
                _decided = (_decided ?? new ChainVerdict(MatchResult.No, null, 0, rules[i], all)) with { At = rules[i], Top = i };
                return end;
            }
            _decided = null; // what a chain decided that some of the packets came to, or whose end they came back from
        }
        return VerdictCode.Return;
    }
}
