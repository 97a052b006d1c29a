using System.Net.Sockets;
using Twill.Linux;
using Twill.Linux.Addresses;
using Twill.Linux.Links;
using Twill.Linux.Routes;
using Twill.System;

namespace Twill.Host;

/// <summary>
/// Nobody on the host listens to routers that containers announce: one announcement would be the host's IPv6 default route
/// (CVE-2020-10749). The kernel's default is to listen, also on a bridge and on host ends of a network that has no IPv6. So
/// <c>accept_ra</c> is 0 on all of them, and where containers have no IPv6 addresses the bridge, and host ends that are on no bridge, have
/// no IPv6 at all. What arrives at a port of the bridge, the bridge gets. A <see cref="Link"/> says how it is: to look costs nothing.
/// </summary>
public static class RouterAnnouncements
{
    private const string No = "0",
        Yes = "1";

    /// <summary>Makes a bridge, or a host end that is on none, deaf to announcements; with <paramref name="hasIPv6"/> false, to all of
    /// IPv6.</summary>
    /// <param name="route">A socket in the host's namespace, which is the calling thread's.</param>
    /// <param name="link">The link. A bridge that is not of twill's make and has IPv6 addresses is left as it is: its IPv6 is
    /// somebody's.</param>
    /// <param name="hasIPv6">Whether containers behind it have, or may have, IPv6 addresses.</param>
    /// <returns>What was done, each a phrase for the log.</returns>
    /// <exception cref="LibcException">A parameter cannot be written: a container could take over the host's IPv6.</exception>
    public static IReadOnlyList<string> Refuse(RouteSocket route, Link link, bool hasIPv6)
    {
        if (Difference(link, hasIPv6) is null || link.IPv6 is not { } now || IsOthers(route, link))
        {
            return [];
        }

        List<string> changes = [];
        try
        {
            if (now.AcceptRA != 0)
            {
                Sysctl.Write(ParameterOf(link.Name, "accept_ra"), No);
                changes.Add($"{link.Name} listens to no routers that containers announce");
            }

            if (now.Autoconf)
            {
                Sysctl.Write(ParameterOf(link.Name, "autoconf"), No);
            }

            if (!hasIPv6 && !now.IsDisabled && !HasGateways(route, link))
            {
                Sysctl.Write(ParameterOf(link.Name, "disable_ipv6"), Yes);
                changes.Add($"IPv6 turned off on {link.Name}: its containers have none");
            }
        }
        catch (LibcException e) when (e.Errno == Errno.ENOENT)
        {
            // With an MTU below 1280 the kernel has taken IPv6 off the link.
        }

        return changes;
    }

    /// <summary>The same for host ends, on a bridge or on none.</summary>
    /// <param name="route">A socket in the host's namespace, which is the calling thread's.</param>
    /// <param name="ends">Host ends of one network.</param>
    /// <param name="hasIPv6">Whether its containers have, or may have, IPv6 addresses.</param>
    /// <returns>At how many something had to be done.</returns>
    public static int RefuseAtAll(RouteSocket route, IReadOnlyList<Link> ends, bool hasIPv6)
    {
        int count = 0;
        foreach (Link end in ends)
        {
            bool changed = RoutedVeth.Is(end) ? Refuse(route, end, hasIPv6).Count > 0 : RefuseAt(end);
            count += changed ? 1 : 0;
        }

        return count;
    }

    /// <summary>Makes a host end on a bridge deaf to announcements. There it gets none, but it may be taken off.</summary>
    /// <param name="end">The host end.</param>
    /// <returns>True when something had to be done.</returns>
    internal static bool RefuseAt(Link end) =>
        end.IPv6 is { AcceptRA: not 0, IsDisabled: false } && Sysctl.TryWrite(ParameterOf(end.Name, "accept_ra"), No);

    /// <summary>The first parameter by which a bridge, or a host end that is on none, listens to announcements; null when it does
    /// not.</summary>
    /// <param name="route">A socket in the host's namespace.</param>
    /// <param name="link">The link.</param>
    /// <param name="hasIPv6">Whether containers behind it have, or may have, IPv6 addresses.</param>
    public static string? FindDifference(RouteSocket route, Link link, bool hasIPv6)
    {
        if (Difference(link, hasIPv6) is not { } difference || IsOthers(route, link))
        {
            return null;
        }

        return difference.Parameter == "disable_ipv6" && HasGateways(route, link)
            ? null
            : $"net.ipv6.conf.{link.Name}.{difference.Parameter} is not {difference.Expected}: {difference.Why}";
    }

    /// <summary>Opens the namespace of a container whose interface is not up yet, and makes that deaf to announcements of other
    /// containers.</summary>
    /// <param name="pod">The namespace.</param>
    /// <param name="ifName">The interface's name inside.</param>
    public static RouteSocket OpenRefusing(NetNs pod, string ifName) => RouteSocket.Open(pod, ParameterOf(ifName, "accept_ra"), No);

    private static (string Parameter, string Expected, string Why)? Difference(Link link, bool hasIPv6) =>
        link.IPv6 switch
        {
            { AcceptRA: not 0 } => ("accept_ra", No, "a container can give the host an IPv6 default route"),
            { Autoconf: true } => ("autoconf", No, "a container can give the host IPv6 addresses"),
            { IsDisabled: false } when !hasIPv6 => ("disable_ipv6", Yes, "the network has no IPv6, but containers reach the host by it"),
            _ => null,
        };

    private static bool IsOthers(RouteSocket route, Link link) =>
        link.Kind == HostBridge.Kind && link.Mac != HostMacs.ForBridge(link.Name) && GlobalAddresses(route, link).Count > 0;

    /// <summary>Addresses that stay are those of a gateway: the network had IPv6, and its containers may live. Others are from an
    /// announcement.</summary>
    private static bool HasGateways(RouteSocket route, Link link) =>
        GlobalAddresses(route, link).Exists(address => (address.Flags & AddressFlags.Permanent) != 0);

    private static List<InterfaceAddress> GlobalAddresses(RouteSocket route, Link link) =>
        route.ListAddresses(link.Index, AddressFamily.InterNetworkV6).FindAll(address => address.Scope == RouteScope.Universe);

    private static string ParameterOf(string link, string name) => $"net/ipv6/conf/{link}/{name}";
}
