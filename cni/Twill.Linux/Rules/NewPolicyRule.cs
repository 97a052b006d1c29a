using System.Net;
using Twill.Linux.Netlink;

namespace Twill.Linux.Rules;

/// <summary>
/// <c>ip [-6] rule add from SOURCE lookup TABLE [proto P]</c>: packets from these addresses look for their way in that table first. The
/// kernel gives it the priority just before the rules that are there, behind the one of the host's own addresses. EEXIST when there is such
/// a rule.
/// </summary>
/// <param name="Source">Addresses, not all.</param>
/// <param name="Table">Number of the routing table; not 0.</param>
public readonly record struct NewPolicyRule(IPNetwork Source, uint Table) : INetlinkRequest
{
    /// <inheritdoc/>
    public static ushort Type => RTM.NEWRULE;

    /// <inheritdoc/>
    public NetlinkFlags Flags => NetlinkFlags.Create | NetlinkFlags.Excl;

    /// <summary>Who makes the rule (FRA_PROTOCOL); 0 for nobody in particular.</summary>
    public byte Protocol { get; init; }

    /// <inheritdoc/>
    public string ToCommand(CommandNames names) => PolicyRuleParts.Command("add", Source, Table, Protocol);

    /// <inheritdoc/>
    public void Write(ref NetlinkWriter w) => PolicyRuleParts.Write(ref w, PolicyAction.ToTable, Source, Table, Protocol);
}
