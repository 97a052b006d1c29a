using System.Net;
using Twill.Linux;
using Twill.Linux.Addresses;
using Twill.Linux.Links;
using Twill.System;

namespace Twill.Host;

/// <summary>
/// The bridge that the containers of a host hang on, and the host's own leg in each local subnet: its address there is the containers'
/// gateway.
/// </summary>
/// <remarks>
/// Without an address of its own a bridge takes the lowest of its ports', so that it changes when containers come and go, and is zero
/// when the last one leaves: frames of hosts that cached it are lost then. twill's is given at creation and stays, and is the same when
/// the bridge is made again. A bridge that somebody else has made keeps the one that it has when its first container comes.
/// </remarks>
public static class HostBridge
{
    /// <summary>What <c>ip link</c> shows as the kind of a bridge.</summary>
    public const string Kind = "bridge";

    /// <summary>The group of bridges and overlay devices (<c>ip link show group 117</c>), by which the firewalls of twill's networks know
    /// packets of other networks of its. A device that somebody put into another group stays there.</summary>
    public const uint Group = RoutedVeth.Group + 1;

    /// <summary>
    /// Makes the bridge when it is missing, takes it up when it is down, and corrects its MTU:
    /// <c>ip link add NAME address MAC up type bridge; ip link set NAME mtu MTU group 117</c>. Of somebody else's it sets the address that
    /// it has.
    /// </summary>
    /// <param name="route">A socket in the host's namespace.</param>
    /// <param name="name">The bridge's name.</param>
    /// <param name="mtu">Bytes.</param>
    /// <exception cref="HostException">A device of that name is no bridge.</exception>
    public static Link Ensure(RouteSocket route, string name, int mtu)
    {
        if (!route.TryGetLink(name, out Link? link))
        {
            // Somebody else may be making it at this moment: then theirs is as good, being made the same way. The MTU is set afterwards:
            // the one a bridge is born with follows its ports', and is 1500 again when the last one has left; one that is set stays
            // (br_change_mtu).
            route.TryExecute(new NewBridge(name) { Mac = HostMacs.ForBridge(name), Up = true }, Errno.EEXIST);
            if (!route.TryGetLink(name, out link))
            {
                throw new HostException($"bridge {name} was deleted by somebody while it was being made");
            }
        }
        ThrowIfNotBridge(link);
        MacAddress ours = HostMacs.ForBridge(name);
        if (link.IsUp && link.Mtu == mtu && link.Mac == ours && link.Group != 0)
        {
            return link;
        }

        // Set, an address stays, even if it was the same before (dev_set_mac_address). Zero has been left by the last port.
        MacAddress mac = link.Mac is { } there && there != MacAddress.Zero ? there : ours;
        route.Execute(
            new SetLink(link.Index)
            {
                Up = true,
                Mtu = (uint)mtu,
                Mac = link.Mac == ours ? null : mac,
                Group = link.Group == 0 ? Group : null,
            }
        );
        return link.Mac == mac ? link : route.GetLink(link.Index);
    }

    /// <summary>Nothing, when a bridge of that name is there or can be made.</summary>
    /// <exception cref="HostException">A device of that name is no bridge.</exception>
    public static void ThrowIfNotBridge(RouteSocket route, string name)
    {
        if (route.TryGetLink(name, out Link? link))
        {
            ThrowIfNotBridge(link);
        }
    }

    private static void ThrowIfNotBridge(Link link)
    {
        if (link.Kind != Kind)
        {
            throw new HostException(
                $"device {link.Name} exists and is {Describe(link.Kind)}, not a bridge: delete it, or name another in $.bridge"
            );
        }
    }

    /// <summary>
    /// The host's leg in a subnet: <c>ip address add GATEWAY/LEN dev BRIDGE</c>, IPv6 with <c>nodad</c>: it is answered at once. It may be
    /// there already.
    /// </summary>
    public static NewAddress Gateway(int bridgeIndex, IPAddress gateway, int prefixLength) =>
        new(bridgeIndex, gateway, prefixLength) { AddressFlags = IPv6Settings.IsIPv6(gateway) ? AddressFlags.NoDad : AddressFlags.None };

    private static string Describe(string? kind) => string.IsNullOrEmpty(kind) ? "a hardware interface" : $"of kind '{kind}'";
}
