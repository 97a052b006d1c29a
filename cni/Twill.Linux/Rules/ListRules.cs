using System.Net.Sockets;
using System.Runtime.InteropServices;
using Twill.Linux.Netlink;

namespace Twill.Linux.Rules;

/// <summary><c>ip [-4|-6] rule show</c>: the routing policy, in the order in which rules are asked.</summary>
/// <param name="Family">Of this family.</param>
public readonly record struct ListRules(AddressFamily Family) : INetlinkRequest
{
    /// <inheritdoc/>
    public static ushort Type => RTM.GETRULE;

    /// <inheritdoc/>
    public NetlinkFlags Flags => NetlinkFlags.Dump;

    /// <inheritdoc/>
    public string ToCommand(CommandNames names) => $"{AF.Ip(Family)} rule show";

    /// <inheritdoc/>
    public void Write(ref NetlinkWriter w) => w.Header(new FibRuleHdr { Family = AF.Of(Family) });
}

[StructLayout(LayoutKind.Sequential)]
internal struct FibRuleHdr // struct fib_rule_hdr, linux/fib_rules.h
{
    internal byte Family; // family
    internal byte DestinationLength; // dst_len
    internal byte SourceLength; // src_len
    internal byte Tos; // tos
    internal byte Table; // table: 252 when FRA_TABLE has a higher one
    internal byte Reserved1;
    internal byte Reserved2;
    internal byte Action; // action
    internal uint Flags; // flags
}

internal enum FRA : ushort // linux/fib_rules.h
{
    DST = 1,
    SRC = 2,
    IIFNAME = 3,
    PRIORITY = 6,
    FWMARK = 10,
    TABLE = 15,
    FWMASK = 16,
    OIFNAME = 17,
    PROTOCOL = 21,
}
