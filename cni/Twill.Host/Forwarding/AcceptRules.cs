using Twill.Linux.Nftables;
using Twill.Linux.Nftables.Expressions;
using Twill.Network;

namespace Twill.Host.Forwarding;

/// <summary>The rules of <see cref="IptablesAccept"/>: few, and as many with the first container as with the thousandth.</summary>
internal sealed class AcceptRules
{
    private readonly string _comment;

    public AcceptRules(ForwardTraffic traffic)
    {
        _comment = IptablesAccept.CommentOf(traffic.Network);
        TableId table = IptablesChains.FilterOf(traffic.Family);
        // The bridge, host ends that are not on it, and the overlay device begin so; only the bridge may have another name.
        const string OurDevices = DeviceNames.VethPrefix + "*";
        List<string> interfaces = traffic.Bridge.Name.StartsWith(DeviceNames.VethPrefix, StringComparison.Ordinal)
            ? [OurDevices]
            : [OurDevices, traffic.Bridge.Name];
        foreach (string link in interfaces)
        {
            Desired.Add(Accept(traffic.Containers is { } from ? New().IifName(link).Saddr(from) : New().IifName(link)));
        }

        if (traffic.Containers is { } to)
        {
            Desired.Add(Accept(New().Daddr(to)));
        }
        else
        {
            Desired.AddRange(interfaces.ConvertAll(link => Accept(New().OifName(link))));
        }

        Rule New() => Rule.For(table);
    }

    public List<Rule> Desired { get; } = [];

    /// <summary>Whether it is one of them, or of an earlier configuration of the same network.</summary>
    public bool IsOurs(NftRule rule) => CommentIn(rule.Rule) == _comment;

    /// <summary>Whether a chain has them, each once, and no other of this network.</summary>
    public bool AreIn(List<NftRule> chain)
    {
        List<NftRule> ours = chain.FindAll(IsOurs);
        return ours.Count == Desired.Count && Desired.TrueForAll(wanted => ours.Exists(rule => Same(rule.Rule, wanted)));
    }

    /// <summary>The comment of a rule: as nft keeps it, or the extension that iptables-restore makes of it.</summary>
    public static string? CommentIn(Rule rule)
    {
        if (rule.Comment is not null)
        {
            return rule.Comment;
        }

        foreach (NftExpression expression in rule.Expressions)
        {
            if (IsComment(expression))
            {
                return XtExtension.CommentOf((UnknownExpression)expression);
            }
        }
        return null;
    }

    private Rule Accept(Rule rule) => rule.Counter().Accept().WithComment(_comment);

    /// <summary>Equal but for the form of the comment.</summary>
    private static bool Same(Rule one, Rule other)
    {
        List<NftExpression> first = [.. one.Expressions],
            second = [.. other.Expressions];
        first.RemoveAll(IsComment);
        second.RemoveAll(IsComment);
        if (first.Count != second.Count)
        {
            return false;
        }

        for (int i = 0; i < first.Count; i++)
        {
            if (first[i] != second[i])
            {
                return false;
            }
        }
        return true;
    }

    private static bool IsComment(NftExpression expression) =>
        expression is UnknownExpression { Kind: "match" } match && XtExtension.NameOf(match) == "comment";
}
