using System.Net;
using System.Net.Sockets;
using Twill.Linux;
using Twill.Linux.Links;
using Twill.Linux.Netlink;
using Twill.Linux.Routes;
using Twill.Linux.Rules;
using Twill.System;

namespace Twill.Host;

/// <summary>
/// A container in two networks has a default route in each, and only the first is taken. What is asked of it at its other address would be
/// answered by the first network's interface, with an address that is not that interface's: its host drops this as spoofed, and so does
/// strict reverse-path filtering. So packets from an address of a later network leave by that network: a rule of this address, and a table
/// with the interface's own routes.
/// </summary>
public static class SourceRoutes
{
    /// <summary>The table of an interface has its index and this: <c>ip route show table 116003</c> for interface 3.</summary>
    private const uint FirstTable = 116_000,
        LastTable = FirstTable + int.MaxValue;

    /// <summary>
    /// <c>ip route add ... dev IFNAME table T; ip rule add from ADDRESS lookup T proto 116</c> for each address of a family. Rules of
    /// interfaces that are gone are deleted; until then they lead to a table that is empty, and change nothing.
    /// </summary>
    /// <param name="inPod">A socket in the container's namespace.</param>
    /// <param name="index">The interface's index there.</param>
    /// <param name="family">IPv4 or IPv6.</param>
    /// <param name="addresses">The interface's addresses.</param>
    /// <param name="routes">The interface's routes, next hops on the link first.</param>
    internal static void Ensure(
        RouteSocket inPod,
        int index,
        AddressFamily family,
        IReadOnlyList<PodAddress> addresses,
        IReadOnlyList<PodRoute> routes
    )
    {
        if (!TryDeleteOrphans(inPod, family))
        {
            return;
        }

        uint table = FirstTable + (uint)index;
        RouteBatch batch = inPod.NewBatch();
        foreach (PodAddress address in addresses)
        {
            if (address.Address.AddressFamily == family && !address.IsAlone)
            {
                PodRoute subnet = new(IPPrefix.Of(address.Address, address.PrefixLength), Gateway: null);
                batch.Add(PodLink.RouteOf(subnet, index) with { Table = table }, tolerate: Errno.EEXIST);
            }
        }

        foreach (PodRoute route in routes)
        {
            if (route.Dst.BaseAddress.AddressFamily == family && route.Table is null)
            {
                batch.Add(PodLink.RouteOf(route, index) with { Table = table }, tolerate: Errno.EEXIST);
            }
        }

        foreach (PodAddress address in addresses)
        {
            if (address.Address.AddressFamily == family)
            {
                IPNetwork alone = new(address.Address, IPPrefix.Bits(family));
                batch.Add(new NewPolicyRule(alone, table) { Protocol = RouteProtocol.Twill }, tolerate: Errno.EEXIST);
            }
        }

        batch.Send();
    }

    /// <summary>
    /// What an address lacks to leave by its own interface, where the default route of another network is taken first, and the command
    /// that puts it back. Null: it lacks nothing.
    /// </summary>
    /// <param name="inPod">A socket in the container's namespace.</param>
    /// <param name="link">The interface.</param>
    /// <param name="address">One of its addresses.</param>
    public static (string Fault, string Remedy)? FindDifference(RouteSocket inPod, Link link, IPAddress address)
    {
        AddressFamily family = address.AddressFamily;
        List<Route> main = inPod.ListRoutes(new() { Family = family, Table = RouteTable.Main });
        Route? own = main.Find(route => IsDefault(route) && route.Index == link.Index);
        if (
            own is null
            || !main.Exists(route => IsDefault(route) && route.Index != link.Index && route.Metric < own.Metric)
            || ListRules(inPod, family) is not { } rules
        )
        {
            return null;
        }

        uint table = FirstTable + (uint)link.Index;
        IPNetwork alone = new(address, IPPrefix.Bits(family));
        string rule = $"from {address} lookup {table}",
            ip = family == AddressFamily.InterNetworkV6 ? "ip -6" : "ip";
        if (!rules.Exists(one => one is { Action: PolicyAction.ToTable, IsInverted: false } && one.Table == table && one.Source == alone))
        {
            return ($"packets from {address} leave by another network's interface: the rule '{rule}' is missing", $"{ip} rule add {rule}");
        }

        List<Route> there = inPod.ListRoutes(new() { Family = family, Table = table, Index = link.Index });
        foreach (Route wanted in main)
        {
            bool isSubnet = wanted is { Gateway: null, Destination.PrefixLength: > 0 } && wanted.Destination.Contains(address);
            if (
                (wanted == own || (isSubnet && wanted.Index == link.Index))
                && !there.Exists(route => route.Destination == wanted.Destination && Equals(route.Gateway, wanted.Gateway))
            )
            {
                string via = wanted.Gateway is { } gateway ? $" via {gateway}" : "",
                    route = $"{wanted.Destination}{via} dev {link.Name} table {table}";
                return ($"packets from {address} do not find their way: the route {route} is missing", $"{ip} route add {route}");
            }
        }

        return null;
    }

    private static bool IsDefault(Route route) => route.Destination.PrefixLength == 0;

    /// <returns>False when the kernel has no rules.</returns>
    private static bool TryDeleteOrphans(RouteSocket inPod, AddressFamily family)
    {
        if (ListRules(inPod, family) is not { } rules)
        {
            return false;
        }

        foreach (PolicyRule rule in rules)
        {
            if (
                rule is { Protocol: RouteProtocol.Twill, Table: > FirstTable and <= LastTable, Source: { } source }
                && !inPod.TryGetLink((int)(rule.Table - FirstTable), out _)
            )
            {
                inPod.TryExecute(new DeletePolicyRule(source, rule.Table) { Protocol = RouteProtocol.Twill }, Errno.ENOENT);
            }
        }

        return true;
    }

    /// <summary>Null when the kernel has none: it was built without CONFIG_IP_MULTIPLE_TABLES or its IPv6 counterpart.</summary>
    private static List<PolicyRule>? ListRules(RouteSocket inPod, AddressFamily family)
    {
        try
        {
            return inPod.ListRules(family);
        }
        catch (NetlinkException e) when (e.Errno is Errno.EOPNOTSUPP or Errno.EAFNOSUPPORT)
        {
            return null;
        }
    }
}
