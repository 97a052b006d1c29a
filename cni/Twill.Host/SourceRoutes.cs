using System.Net;
using System.Net.Sockets;
using Twill.Linux;
using Twill.Linux.Netlink;
using Twill.Linux.Rules;
using Twill.System;

namespace Twill.Host;

/// <summary>
/// A container in two networks has a default route in each, and only the first is taken. What is asked of it at its other address would be
/// answered by the first network's interface, with an address that is not that interface's: its host drops this as spoofed, and so does
/// strict reverse-path filtering. So packets from an address of a later network leave by that network: a rule of this address, and a table
/// with the interface's own routes.
/// </summary>
internal static class SourceRoutes
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

    /// <returns>False when the kernel has no rules: it was built without CONFIG_IP_MULTIPLE_TABLES or its IPv6 counterpart.</returns>
    private static bool TryDeleteOrphans(RouteSocket inPod, AddressFamily family)
    {
        List<PolicyRule> rules;
        try
        {
            rules = inPod.ListRules(family);
        }
        catch (NetlinkException e) when (e.Errno is Errno.EOPNOTSUPP or Errno.EAFNOSUPPORT)
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
}
