using Twill.Linux;
using Twill.Linux.Links;
using Twill.Linux.Netlink;
using Twill.System;

namespace Twill.Host;

/// <summary>A VXLAN device of a network, kept as its <see cref="VxlanSpec"/> says.</summary>
public static class VxlanDevice
{
    /// <summary>What `ip link` calls it.</summary>
    public const string Kind = "vxlan";

    /// <summary>
    /// Makes the device, or corrects it. What the kernel does not change on a living device (VNI, port, local address, learning, lower
    /// device) is corrected by making it anew; routes, neighbours and FDB entries go with the old one.
    /// </summary>
    /// <exception cref="HostException">The name or the VNI is taken by a device that is not ours.</exception>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public static OverlayDevice.Result Ensure(RouteSocket route, VxlanSpec spec)
    {
        List<string> changes = [];
        Link? link = OverlayDevice.Find(route, spec);
        if (link is not null && Unfit(link, spec) is { } why)
        {
            route.DeleteLinkIfPresent(link.Index);
            changes.Add($"deleted, because {why}");
            link = null;
        }

        bool isNew = link is null;
        if (link is null)
        {
            link = Make(route, spec);
            changes.Add($"made with VNI {spec.Vni}, local {spec.Local}, UDP port {spec.Port}, MAC {spec.Mac}, MTU {spec.Mtu}");
        }

        List<string> corrections = isNew ? [] : changes;
        OverlayDevice.DisableAutoconf(spec, corrections);
        OverlayDevice.Correct(route, spec, link, spec.Mac, corrections);
        return new OverlayDevice.Result(spec.Name, link.Index, isNew, changes);
    }

    private static string? Unfit(Link link, VxlanSpec spec) =>
        link.Vxlan switch
        {
            null => "it says nothing of itself",
            { } v when v.Vni != spec.Vni => $"its VNI was {v.Vni}",
            { } v when v.Port != spec.Port => $"its UDP port was {v.Port}",
            { } v when !spec.Local.Equals(v.Local) => $"its local address was {v.Local?.ToString() ?? "unset"}",
            { Learning: true } => "it learned addresses from packets",
            { LowerIndex: not 0 } => "it was bound to a lower device",
            { External: true } => "it was in external mode",
            { GroupPolicy: true } => "it sent group policies, which other hosts drop",
            { Remote: { } remote } => $"it sent to {remote} what it does not know",
            { Ttl: not 0 and var ttl } => $"its packets took at most {ttl} hops",
            _ => null,
        };

    private static Link Make(RouteSocket route, VxlanSpec spec)
    {
        try
        {
            route.Execute(
                new NewVxlan(spec.Name, spec.Vni, spec.Port)
                {
                    Local = spec.Local,
                    Mac = spec.Mac,
                    Mtu = (uint)spec.Mtu,
                }
            );
        }
        catch (NetlinkException e) when (e.Errno == Errno.EEXIST && Rival(route, spec) is { } rival)
        {
            throw new HostException(
                $"VXLAN device {rival.Name} has VNI {spec.Vni} and UDP port {spec.Port}, which {spec.Name} needs: delete it, or choose "
                    + $"another vni or port"
            );
        }

        return route.GetLink(spec.Name);
    }

    private static Link? Rival(RouteSocket route, VxlanSpec spec) =>
        route
            .ListLinks(kind: Kind)
            .Find(link =>
                link.Name != spec.Name
                && link.Vxlan is { } v
                && v.Vni == spec.Vni
                && v.Port == spec.Port
                && (v.Local is null || v.Local.AddressFamily == spec.Local.AddressFamily)
            );
}
