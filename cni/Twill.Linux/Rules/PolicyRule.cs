using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Twill.Linux.Netlink;
using Twill.System;

namespace Twill.Linux.Rules;

/// <summary>A routing policy rule as the kernel describes it (RTM_NEWRULE): what <c>ip rule show</c> shows.</summary>
public sealed class PolicyRule
{
    private const uint FIB_RULE_INVERT = 2;

    /// <summary>IPv4 or IPv6.</summary>
    public AddressFamily Family { get; private set; }

    /// <summary>The lower, the sooner it is asked.</summary>
    public uint Priority { get; private set; }

    /// <summary>What it does with a packet.</summary>
    public PolicyAction Action { get; private set; }

    /// <summary>The table that <see cref="PolicyAction.ToTable"/> looks in; 0 for others.</summary>
    public uint Table { get; private set; }

    /// <summary>Packets from these addresses; null: from any.</summary>
    public IPNetwork? Source { get; private set; }

    /// <summary>Packets to these addresses; null: to any.</summary>
    public IPNetwork? Destination { get; private set; }

    /// <summary>Packets that came in by this interface; null: by any.</summary>
    public string? Iif { get; private set; }

    /// <summary>Packets of sockets that are bound to this interface; null: of any.</summary>
    public string? Oif { get; private set; }

    /// <summary>Packets with this mark, as far as the mask goes; 0 with mask 0: with any.</summary>
    public (uint Mark, uint Mask) Fwmark { get; private set; }

    /// <summary>Who made it (FRA_PROTOCOL); 0: the kernel does not say.</summary>
    public byte Protocol { get; private set; }

    /// <summary>Whether it is for all packets but those that it describes.</summary>
    public bool IsInverted { get; private set; }

    /// <summary>As <c>ip rule</c> writes it: <c>5270: from all lookup 52</c>.</summary>
    public override string ToString()
    {
        CommandText text = new(Priority.ToString(CultureInfo.InvariantCulture) + ":");
        text.AddIf(IsInverted, "not").Add("from", Source?.ToString() ?? "all").Add("to", Destination?.ToString());
        if (Fwmark.Mask != 0)
        {
            text.Add("fwmark", Hex(Fwmark.Mark)).Add("mask", Fwmark.Mask == uint.MaxValue ? null : Hex(Fwmark.Mask));
        }

        text.Add("iif", Iif).Add("oif", Oif);
        return (Action == PolicyAction.ToTable ? text.Add("lookup", TableName(Table)) : text.Add(Action.ToString().ToLowerInvariant()))
            .ToString();

        static string Hex(uint number) => "0x" + number.ToString("x", CultureInfo.InvariantCulture);
    }

    /// <summary>Reads RTM_NEWRULE. Attributes that are not known are skipped.</summary>
    /// <returns>Null for any other message, and for rules of other families than IPv4 and IPv6.</returns>
    /// <exception cref="NetlinkFormatException">The message is malformed.</exception>
    public static PolicyRule? Decode(in NetlinkMessage message)
    {
        if (message.Type != RTM.NEWRULE)
        {
            return null;
        }

        NetlinkReader reader = message.Reader;
        FibRuleHdr header = reader.Header<FibRuleHdr>();
        if (header.Family is not (AF.INET or AF.INET6))
        {
            return null;
        }

        PolicyRule rule = new()
        {
            Family = header.Family == AF.INET ? AddressFamily.InterNetwork : AddressFamily.InterNetworkV6,
            Action = (PolicyAction)header.Action,
            Table = header.Table,
            IsInverted = (header.Flags & FIB_RULE_INVERT) != 0,
        };
        while (reader.TryRead(out NetlinkAttribute a))
        {
            rule.Take(in a, in header);
        }

        return rule;
    }

    private void Take(in NetlinkAttribute a, in FibRuleHdr header)
    {
        switch ((FRA)a.Type)
        {
            case FRA.DST:
                Destination = Prefix(a.Address(), header.DestinationLength);
                break;
            case FRA.SRC:
                Source = Prefix(a.Address(), header.SourceLength);
                break;
            case FRA.IIFNAME:
                Iif = a.Text();
                break;
            case FRA.OIFNAME:
                Oif = a.Text();
                break;
            case FRA.PRIORITY:
                Priority = a.U32();
                break;
            case FRA.TABLE:
                Table = a.U32();
                break;
            case FRA.PROTOCOL:
                Protocol = a.U8();
                break;
            case FRA.FWMARK:
                Fwmark = (a.U32(), Fwmark.Mask);
                break;
            case FRA.FWMASK:
                Fwmark = (Fwmark.Mark, a.U32());
                break;
        }

        static IPNetwork Prefix(IPAddress address, byte length)
        {
            Prefixes.Check(address, length);
            return IPPrefix.Of(address, length);
        }
    }

    private static string TableName(uint table) =>
        table switch
        {
            Routes.RouteTable.Main => "main",
            Routes.RouteTable.Local => "local",
            253 => "default",
            _ => table.ToString(CultureInfo.InvariantCulture),
        };
}

/// <summary>What a rule does with a packet, FR_ACT_* of linux/fib_rules.h.</summary>
public enum PolicyAction : byte
{
    /// <summary>FR_ACT_UNSPEC.</summary>
    Unspecified = 0,

    /// <summary>FR_ACT_TO_TBL: looks for a route in a table, and goes on with the next rule when there is none.</summary>
    ToTable = 1,

    /// <summary>FR_ACT_GOTO: goes on with another rule.</summary>
    Goto = 2,

    /// <summary>FR_ACT_NOP: goes on with the next rule.</summary>
    Nop = 3,

    /// <summary>FR_ACT_BLACKHOLE: drops it without a word.</summary>
    Blackhole = 6,

    /// <summary>FR_ACT_UNREACHABLE: refuses it, "network unreachable".</summary>
    Unreachable = 7,

    /// <summary>FR_ACT_PROHIBIT: refuses it, "administratively prohibited".</summary>
    Prohibit = 8,
}
