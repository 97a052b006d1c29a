using System.Net;
using System.Net.Sockets;
using Twill.Host.Backends;
using Twill.Linux;
using Twill.Linux.Addresses;
using Twill.Linux.Links;
using Twill.Linux.Netlink;
using Twill.Network.Configuration;
using Twill.System;

namespace Twill.Host;

/// <summary>The overlay devices of a network, kept as their <see cref="OverlaySpec"/>s say: what those of every kind have in
/// common.</summary>
public static class OverlayDevice
{
    /// <summary>The kinds of devices that may be a network's overlay.</summary>
    private static readonly HashSet<string> s_kinds = KindsOf(BackendTable.All.All);

    /// <summary>What <see cref="Ensure"/> found and did.</summary>
    /// <param name="Name">The device's name.</param>
    /// <param name="Index">Interface index of the device.</param>
    /// <param name="IsNew">Whether it was made now, so that it has no neighbours, FDB entries and routes yet.</param>
    /// <param name="Changes">What was done, each a phrase for the log; empty when it was as it should be.</param>
    public sealed record Result(string Name, int Index, bool IsNew, IReadOnlyList<string> Changes);

    /// <summary>Whether a link is an overlay device, of whichever network.</summary>
    public static bool IsOverlay(Link link) => link.Kind is { } kind && s_kinds.Contains(kind);

    private static HashSet<string> KindsOf(IReadOnlyList<BackendConf> backends)
    {
        HashSet<string> kinds = [];
        foreach (BackendConf backend in backends)
        {
            if (backend is IBackend joining)
            {
                kinds.UnionWith(joining.DeviceKinds);
            }
        }

        return kinds;
    }

    /// <summary>Makes the device, or corrects it.</summary>
    /// <exception cref="HostException">Something that is not ours is in the way.</exception>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public static Result Ensure(RouteSocket route, OverlaySpec spec) => spec.Ensure(route);

    /// <summary>Deletes overlay devices that this network had under another configuration.</summary>
    /// <param name="route">A socket in the host's namespace.</param>
    /// <param name="networkName">The network whose devices are meant, by their alias.</param>
    /// <param name="keep">Names of the devices that belong to it now.</param>
    /// <returns>The names of the deleted devices.</returns>
    public static IReadOnlyList<string> DeleteOthers(RouteSocket route, string networkName, IReadOnlyCollection<string> keep)
    {
        List<string> deleted = [];
        string alias = OverlaySpec.AliasOf(networkName);
        foreach (string kind in s_kinds)
        {
            foreach (Link link in route.ListLinks(kind: kind))
            {
                if (link.Alias == alias && !keep.Contains(link.Name) && route.DeleteLinkIfPresent(link.Index))
                {
                    deleted.Add(link.Name);
                }
            }
        }

        return deleted;
    }

    /// <summary>The device under the name of one that is wanted; null when there is none.</summary>
    /// <exception cref="HostException">It is of another kind, so not ours.</exception>
    internal static Link? Find(RouteSocket route, OverlaySpec spec)
    {
        if (!route.TryGetLink(spec.Name, out Link? link))
        {
            return null;
        }

        return spec.IsKind(link.Kind)
            ? link
            : throw new HostException(
                $"link {spec.Name} is a {link.Kind ?? "hardware"} device, not the {spec.Kind} device that belongs there: rename or "
                    + $"delete it"
            );
    }

    /// <summary>
    /// No link-local address and no router advertisements: the device floods nothing, so all that IPv6 would send is lost. Where it carries
    /// IPv6 addresses, IPv6 is on.
    /// </summary>
    internal static void DisableAutoconf(OverlaySpec spec, List<string> changes)
    {
        (string, string)[] wanted = spec.Addresses.V6 is null
            ? [("addr_gen_mode", "1"), ("accept_ra", "0")]
            : [("addr_gen_mode", "1"), ("accept_ra", "0"), ("disable_ipv6", "0")];
        foreach ((string parameter, string value) in wanted)
        {
            try
            {
                if (Sysctl.Ensure($"net/ipv6/conf/{spec.Name}/{parameter}", value))
                {
                    changes.Add($"net.ipv6.conf.{spec.Name.Replace('.', '/')}.{parameter} is {value} again");
                }
            }
            catch (LibcException e) when (e.Errno == Errno.ENOENT)
            {
                // This kernel has no IPv6.
            }
        }
    }

    /// <summary>Corrects what a device of any kind can be corrected in while it lives.</summary>
    /// <param name="route">A socket in the host's namespace.</param>
    /// <param name="spec">How it should be.</param>
    /// <param name="link">How it is.</param>
    /// <param name="mac">The hardware address it should have; null when its kind has none.</param>
    /// <param name="changes">Where to say what was done.</param>
    internal static void Correct(RouteSocket route, OverlaySpec spec, Link link, MacAddress? mac, List<string> changes)
    {
        SetLink set = new(link.Index);
        if (mac is not null && link.Mac != mac)
        {
            set = set with { Mac = mac };
            changes.Add($"MAC {link.Mac} is {mac} again");
        }

        if (link.Mtu != spec.Mtu)
        {
            set = set with { Mtu = (uint)spec.Mtu };
            changes.Add($"MTU {link.Mtu} is now {spec.Mtu}");
        }

        if (link.Alias != spec.Alias)
        {
            set = set with { Alias = spec.Alias };
            changes.Add($"alias is \"{spec.Alias}\" again");
        }

        if (link.Group == 0)
        {
            set = set with { Group = HostBridge.Group };
            changes.Add($"is in group {HostBridge.Group}, by which firewalls of other networks know it");
        }

        if (!link.IsUp)
        {
            set = set with { Up = true };
            changes.Add("set up again");
        }

        if (set != new SetLink(link.Index))
        {
            route.Execute(set);
        }

        CorrectAddresses(route, spec, link.Index, changes);
    }

    private static void CorrectAddresses(RouteSocket route, OverlaySpec spec, int index, List<string> changes)
    {
        RouteBatch batch = route.NewBatch();
        HashSet<IPNetwork> there = [];
        foreach (InterfaceAddress address in route.ListAddresses(index))
        {
            IPNetwork? wanted = spec.Addresses[address.Address.AddressFamily];
            if (wanted is { } own && address.Address.Equals(own.BaseAddress) && address.PrefixLength == own.PrefixLength)
            {
                there.Add(own);
            }
            else if (address.Scope != Linux.Routes.RouteScope.Link)
            {
                batch.Add(new DeleteAddress(index, address.Address, address.PrefixLength), tolerate: Errno.EADDRNOTAVAIL);
                changes.Add($"address {address} removed");
            }
        }

        foreach (IPNetwork wanted in spec.Addresses)
        {
            if (!there.Contains(wanted))
            {
                batch.Add(
                    new NewAddress(index, wanted.BaseAddress, wanted.PrefixLength)
                    {
                        AddressFlags =
                            wanted.BaseAddress.AddressFamily == AddressFamily.InterNetworkV6 ? AddressFlags.NoDad : AddressFlags.None,
                    },
                    tolerate: Errno.EEXIST
                );
                changes.Add($"address {wanted} added");
            }
        }

        if (batch.Count > 0)
        {
            batch.Send();
        }
    }
}
