using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Twill.Linux;
using Twill.Linux.Routes;
using Twill.Linux.Rules;

namespace Twill.Host;

/// <summary>A routing policy rule that leads packets away from the main table: a VPN's, an administrator's.</summary>
public sealed class Diversion
{
    private readonly PolicyRule _rule;

    private Diversion(PolicyRule rule) => _rule = rule;

    /// <summary>For people, behind a sentence about the packets.</summary>
    public string Text => ": rule '" + _rule + "' leads them there";

    /// <summary>The rule that led a packet into the table that its route was found in; null: that is the main table, or no rule is
    /// known to.</summary>
    /// <param name="kernel">A socket in the host's namespace.</param>
    /// <param name="packet">The packet.</param>
    /// <param name="route">The route that it takes.</param>
    public static Diversion? Of(RouteSocket kernel, in GetRoute packet, Route? route)
    {
        if (route is null or { Table: RouteTable.Main or RouteTable.Local or 0 })
        {
            return null;
        }

        foreach (PolicyRule rule in kernel.ListRules(packet.Destination.AddressFamily))
        {
            if (
                rule.Action == PolicyAction.ToTable
                && rule.Table == route.Table
                && (rule.IsInverted || (Holds(rule.Source, packet.Source) && Holds(rule.Destination, packet.Destination)))
            )
            {
                return new Diversion(rule);
            }
        }

        return null;
    }

    /// <summary>What lets packets ask the main table first, and disturbs nobody else.</summary>
    /// <param name="destination">Where they go to.</param>
    public string Remedy(IPNetwork destination)
    {
        string rule = destination.BaseAddress.AddressFamily == AddressFamily.InterNetworkV6 ? "ip -6 rule " : "ip rule ",
            delete = rule + "del priority " + Number(_rule.Priority);
        return _rule.Priority == 0
            ? delete
            : rule + "add to " + destination + " lookup main priority " + Number(_rule.Priority - 1)
                + " (they ask the main table first; put it where that rule is made, to keep it); or, if nobody needs that rule: " + delete;
    }

    private static bool Holds(IPNetwork? prefix, IPAddress? address) =>
        prefix is not { } known || (address is null ? known.PrefixLength == 0 : known.Contains(address));

    private static string Number(uint number) => number.ToString(CultureInfo.InvariantCulture);
}
