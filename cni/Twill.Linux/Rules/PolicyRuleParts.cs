using System.Net;
using Twill.Linux.Netlink;
using Twill.Linux.Routes;

namespace Twill.Linux.Rules;

/// <summary>What requests about policy rules have in common.</summary>
internal static class PolicyRuleParts
{
    /// <summary><c>ip [-6] rule VERB from SOURCE lookup TABLE [proto P]</c>.</summary>
    internal static string Command(string verb, IPNetwork source, uint table, byte protocol) =>
        new CommandText($"{AF.Ip(source.BaseAddress.AddressFamily)} rule {verb}")
            .Add("from", source)
            .Add("lookup", table)
            .Add("proto", protocol)
            .ToString();

    /// <summary>The header and attributes of a rule for packets from some addresses.</summary>
    internal static void Write(ref NetlinkWriter w, PolicyAction action, IPNetwork source, uint table, byte protocol)
    {
        w.Header(
            new FibRuleHdr
            {
                Family = AF.Of(source.BaseAddress),
                SourceLength = (byte)source.PrefixLength,
                Table = RouteParts.HeaderTable(table),
                Action = (byte)action,
            }
        );
        w.Put(FRA.SRC, source.BaseAddress);
        if (table > byte.MaxValue)
        {
            w.Put(FRA.TABLE, table);
        }

        if (protocol != 0)
        {
            w.Put(FRA.PROTOCOL, protocol);
        }
    }
}
