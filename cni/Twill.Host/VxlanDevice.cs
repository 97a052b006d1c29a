using System.Net.Sockets;
using Twill.Linux;
using Twill.Linux.Addresses;
using Twill.Linux.Links;
using Twill.Linux.Netlink;

namespace Twill.Host;

/// <summary>The overlay device of a network, kept as its <see cref="VxlanSpec"/> says.</summary>
public static class VxlanDevice
{
    private const string Kind = "vxlan";

    /// <summary>What <see cref="Ensure"/> found and did.</summary>
    /// <param name="Index">Interface index of the device.</param>
    /// <param name="IsNew">Whether it was made now, so that it has no neighbours, FDB entries and routes yet.</param>
    /// <param name="Changes">What was done, each a phrase for the log; empty when it was as it should be.</param>
    public sealed record Result(int Index, bool IsNew, IReadOnlyList<string> Changes);

    /// <summary>
    /// Makes the device, or corrects it. What the kernel does not change on a living device (VNI, port, local address, learning, lower
    /// device) is corrected by making it anew; routes, neighbours and FDB entries go with the old one.
    /// </summary>
    /// <exception cref="HostException">The name or the VNI is taken by a device that is not ours.</exception>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public static Result Ensure(RouteSocket route, VxlanSpec spec)
    {
        List<string> changes = [];
        if (route.TryGetLink(spec.Name, out Link? link))
        {
            if (link.Kind != Kind)
            {
                throw new HostException(
                    $"link {spec.Name} is a {link.Kind ?? "hardware"} device, not the VXLAN device that belongs there: rename or delete it");
            }

            if (Unfit(link, spec) is { } why)
            {
                route.DeleteLinkIfPresent(link.Index);
                changes.Add($"deleted, because {why}");
                link = null;
            }
        }

        bool isNew = link is null;
        if (link is null)
        {
            link = Make(route, spec);
            changes.Add($"made with VNI {spec.Vni}, local {spec.Local}, UDP port {spec.Port}, MAC {spec.Mac}, MTU {spec.Mtu}");
        }

        Correct(route, spec, link, isNew ? [] : changes);
        CorrectAddresses(route, spec, link.Index, isNew ? [] : changes);
        return new Result(link.Index, isNew, changes);
    }

    /// <summary>Deletes overlay devices that this network had under another configuration.</summary>
    /// <param name="route">A socket in the host's namespace.</param>
    /// <param name="networkName">The network whose devices are meant, by their alias.</param>
    /// <param name="keep">Name of the device that belongs to it now; null for none.</param>
    /// <returns>The names of the deleted devices.</returns>
    public static IReadOnlyList<string> DeleteOthers(RouteSocket route, string networkName, string? keep)
    {
        List<string> deleted = [];
        string alias = VxlanSpec.AliasOf(networkName);
        foreach (Link link in route.ListLinks(kind: Kind))
        {
            if (link.Alias == alias && link.Name != keep && route.DeleteLinkIfPresent(link.Index))
            {
                deleted.Add(link.Name);
            }
        }

        return deleted;
    }

    private static string? Unfit(Link link, VxlanSpec spec) => link.Vxlan switch
    {
        null => "it says nothing of itself",
        { } v when v.Vni != spec.Vni => $"its VNI was {v.Vni}",
        { } v when v.Port != spec.Port => $"its UDP port was {v.Port}",
        { } v when !spec.Local.Equals(v.Local) => $"its local address was {v.Local?.ToString() ?? "unset"}",
        { Learning: true } => "it learned addresses from packets",
        { LowerIndex: not 0 } => "it was bound to a lower device",
        { External: true } => "it was in external mode",
        _ => null,
    };

    private static Link Make(RouteSocket route, VxlanSpec spec)
    {
        try
        {
            route.Execute(new NewVxlan(spec.Name, spec.Vni, spec.Port) { Local = spec.Local, Mac = spec.Mac, Mtu = (uint)spec.Mtu });
        }
        catch (NetlinkException e) when (e.Errno == Errno.EEXIST && Rival(route, spec) is { } rival)
        {
            throw new HostException(
                $"VXLAN device {rival.Name} has VNI {spec.Vni} and UDP port {spec.Port}, which {spec.Name} needs: delete it, or choose another vni or port");
        }

        QuietIPv6(spec.Name);
        return route.GetLink(spec.Name);
    }

    private static Link? Rival(RouteSocket route, VxlanSpec spec) => route.ListLinks(kind: Kind)
        .Find(link => link.Name != spec.Name && link.Vxlan is { } v && v.Vni == spec.Vni && v.Port == spec.Port);

    /// <summary>No link-local address and no router advertisements: the device floods nothing, so all that IPv6 would send is lost.</summary>
    private static void QuietIPv6(string name)
    {
        foreach ((string parameter, string value) in ((string, string)[])[("addr_gen_mode", "1"), ("accept_ra", "0")])
        {
            try
            {
                Sysctl.Ensure($"net/ipv6/conf/{name}/{parameter}", value);
            }
            catch (LibcException e) when (e.Errno == Errno.ENOENT)
            {
                // This kernel has no IPv6.
            }
        }
    }

    private static void Correct(RouteSocket route, VxlanSpec spec, Link link, List<string> changes)
    {
        SetLink set = new(link.Index);
        if (link.Mac != spec.Mac)
        {
            set = set with { Mac = spec.Mac };
            changes.Add($"MAC {link.Mac} is {spec.Mac} again");
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

        if (!link.IsUp)
        {
            set = set with { Up = true };
            changes.Add("set up again");
        }

        if (set != new SetLink(link.Index))
        {
            route.Execute(set);
        }
    }

    private static void CorrectAddresses(RouteSocket route, VxlanSpec spec, int index, List<string> changes)
    {
        RouteBatch batch = route.NewBatch();
        bool there = false;
        foreach (InterfaceAddress address in route.ListAddresses(index, AddressFamily.InterNetwork))
        {
            if (address.Address.Equals(spec.Address) && address.PrefixLength == VxlanSpec.AddressLength)
            {
                there = true;
            }
            else
            {
                batch.Add(new DeleteAddress(index, address.Address, address.PrefixLength), tolerate: Errno.EADDRNOTAVAIL);
                changes.Add($"address {address} removed");
            }
        }

        if (spec.Address is { } wanted && !there)
        {
            batch.Add(new NewAddress(index, wanted, VxlanSpec.AddressLength), tolerate: Errno.EEXIST);
            changes.Add($"address {wanted}/{VxlanSpec.AddressLength} added");
        }

        if (batch.Count > 0)
        {
            batch.Send();
        }
    }
}
