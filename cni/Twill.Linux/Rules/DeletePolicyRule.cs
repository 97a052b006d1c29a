using System.Net;
using Twill.Linux.Netlink;

namespace Twill.Linux.Rules;

/// <summary><c>ip [-6] rule del from SOURCE lookup TABLE [proto P]</c>: the first rule that has all that is given. ENOENT when there is
/// none.</summary>
/// <param name="Source">Addresses, not all.</param>
/// <param name="Table">Number of the routing table; not 0.</param>
public readonly record struct DeletePolicyRule(IPNetwork Source, uint Table) : INetlinkRequest
{
    /// <inheritdoc/>
    public static ushort Type => RTM.DELRULE;

    /// <inheritdoc/>
    public NetlinkFlags Flags => NetlinkFlags.None;

    /// <summary>Who made the rule (FRA_PROTOCOL); 0 for anyone.</summary>
    public byte Protocol { get; init; }

    /// <inheritdoc/>
    public string ToCommand(CommandNames names) => PolicyRuleParts.Command("del", Source, Table, Protocol);

    /// <inheritdoc/>
    public void Write(ref NetlinkWriter w) => PolicyRuleParts.Write(ref w, PolicyAction.Unspecified, Source, Table, Protocol);
}
