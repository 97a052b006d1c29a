using System.Net.Sockets;
using Twill.Linux;
using Twill.Linux.Addresses;
using Twill.Linux.Routes;
using Twill.System;

namespace Twill.Plugin.Cli.Doctor;

/// <summary>
/// Whether this host has its own way out of IPv6 from routers' announcements, as the kernel takes them: a host that forwards IPv6, as one
/// with IPv6 containers has to, ignores them by interfaces whose <c>accept_ra</c> is 1. NetworkManager and systemd-networkd do it
/// themselves.
/// </summary>
internal static class RouterAnnouncementCheck
{
    private const string Name = "routers";
    private const byte RTPROT_RA = 9;

    public static void Run(Findings to, HostView host, List<NetworkView> networks)
    {
        if (!networks.Exists(network => network.HasIPv6))
        {
            return;
        }

        List<Route> out6 = host
            .Route.ListRoutes(new ListRoutes { Family = AddressFamily.InterNetworkV6, Table = RouteTable.Main })
            .FindAll(route => route.Destination.PrefixLength == 0 && route.Index != 0);
        bool forwards = Value("net/ipv6/conf/all/forwarding") == "1";
        HashSet<int> devices = [];
        if (forwards && out6.Count == 0)
        {
            // An address that ages is from an announcement; without one nobody may ever have announced himself there.
            foreach (InterfaceAddress address in host.Route.ListAddresses(family: AddressFamily.InterNetworkV6))
            {
                if (address.Scope == RouteScope.Universe && (address.Flags & AddressFlags.Permanent) == 0)
                {
                    devices.Add(address.Index);
                }
            }
        }
        foreach (Route route in forwards ? [] : out6.FindAll(route => route.Protocol == RTPROT_RA))
        {
            devices.Add(route.Index);
        }

        foreach (int index in devices)
        {
            if (host.Links.Find(link => link.Index == index)?.Name is not { } device || Value($"net/ipv6/conf/{device}/accept_ra") != "1")
            {
                continue;
            }

            to.Warn(
                Name,
                forwards
                    ? $"this host has no IPv6 default route, and by {device} it takes none from routers' announcements since it "
                        + $"forwards IPv6: net.ipv6.conf.{device}.accept_ra is 1"
                    : $"this host's IPv6 default route by {device} is from a router's announcement: it is lost when the next container "
                        + $"with IPv6 turns on forwarding, for net.ipv6.conf.{device}.accept_ra is 1",
                $"sysctl -w net/ipv6/conf/{device}/accept_ra=2, and put it into /etc/sysctl.d"
            );
        }
    }

    private static string? Value(string parameter)
    {
        try
        {
            return Sysctl.Read(parameter);
        }
        catch (LibcException e) when (e.Errno == Errno.ENOENT)
        {
            return null; // no IPv6, or not on this interface
        }
    }
}
