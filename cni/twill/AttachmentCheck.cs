using System.Net;
using System.Net.Sockets;
using Twill.Cni;
using Twill.Host;
using Twill.Host.Attachments;
using Twill.Linux;
using Twill.Linux.Addresses;
using Twill.Linux.Links;
using Twill.Linux.Routes;
using Twill.Network.Configuration;

namespace Twill.Plugin;

/// <summary>
/// Everything ADD makes for a container, found again or missed. Nothing is changed. What <c>prevResult</c> tells counts more than what this
/// plugin would make: a later plugin of the chain may have changed it and said so.
/// </summary>
/// <param name="host">a socket in the host's namespace</param>
/// <param name="inPod">a socket in the container's namespace</param>
/// <param name="spec">the pair as it should be</param>
/// <param name="conf">the network</param>
/// <param name="made">what the chain's ADD answered</param>
internal sealed class AttachmentCheck(RouteSocket host, RouteSocket inPod, PodLinkSpec spec, TwillConf conf, CniResult made)
{
    /// <summary>The first difference, in words; null when all is as ADD left it.</summary>
    public string? FindDifference() => Inside(out Link? link) ?? HostEnd(link!) ?? Bridge() ?? Host();

    private string? Inside(out Link? link)
    {
        if (!inPod.TryGetLink(spec.IfName, out link))
        {
            return $"interface {spec.IfName} is missing in the container";
        }

        if (Told(spec.IfName, inContainer: true) is not { } told)
        {
            return $"prevResult lists no interface {spec.IfName} of the container";
        }

        return !link.IsUp
            ? $"interface {spec.IfName} is down"
            : MacDifference("interface", link, told)
                ?? InsideMtu(link, told)
                ?? Addresses(link.Index)
                ?? Routes(link.Index)
                ?? SourceRoutesOf(link);
    }

    /// <summary>Of a container in several networks: whether what each address sends leaves by its own interface.</summary>
    private string? SourceRoutesOf(Link link)
    {
        foreach (CniIp ip in made.Of(spec.IfName).Ips)
        {
            if (SourceRoutes.FindDifference(inPod, link, ip.Address) is { } difference)
            {
                return difference.Fault;
            }
        }

        return null;
    }

    /// <summary>
    /// Results before 1.1.0 have no MTU: a later plugin of the chain that lowered it could not say so. A higher one would lose packets.
    /// When the network's own MTU falls, the agent has running containers follow.
    /// </summary>
    private string? InsideMtu(Link link, CniInterface told)
    {
        bool asMade = told.Mtu > 0 ? IsAsMade(link, told.Mtu) : link.Mtu <= spec.Mtu;
        return asMade ? null : $"interface {spec.IfName} has MTU {link.Mtu}, not {(told.Mtu > 0 ? told.Mtu : spec.Mtu)}";
    }

    private bool IsAsMade(Link link, int told) => link.Mtu == told || (link.Mtu == spec.Mtu && spec.Mtu < told);

    private CniInterface? Told(string name, bool inContainer)
    {
        foreach (CniInterface candidate in made.Interfaces)
        {
            if (candidate.Name == name && candidate.Sandbox.Length > 0 == inContainer)
            {
                return candidate;
            }
        }
        return null;
    }

    private static string? MacDifference(string what, Link link, CniInterface? told) =>
        told is { Mac.Length: > 0 } && !(MacAddress.TryParse(told.Mac, out MacAddress mac) && mac == link.Mac)
            ? $"{what} {link.Name} has hardware address {link.Mac}, not {told.Mac}"
            : null;

    private string? Addresses(int index)
    {
        List<InterfaceAddress> present = inPod.ListAddresses(index);
        foreach (CniIp ip in made.Of(spec.IfName).Ips)
        {
            if (present.Find(a => a.Address.Equals(ip.Address) && a.PrefixLength == ip.PrefixLength) is not { } there)
            {
                return $"address {ip.Cidr} is missing on interface {spec.IfName}";
            }

            if ((there.Flags & (AddressFlags.Tentative | AddressFlags.DadFailed)) != 0)
            {
                bool taken = (there.Flags & AddressFlags.DadFailed) != 0;
                string reason = taken ? "somebody else has it" : "the kernel still asks whether somebody else has it";
                return $"address {ip.Cidr} of interface {spec.IfName} is not used: {reason}";
            }
        }
        return null;
    }

    private string? Routes(int index)
    {
        return Routes(index, PodRoutes.ForKernel(PodRoutes.Detailed(conf, made.Routes), made.Of(spec.IfName)));
    }

    private string? Routes(int index, IReadOnlyList<PodRoute> all)
    {
        if (all.Count == 0)
        {
            return null;
        }

        List<Route> present = inPod.ListRoutes();
        foreach (PodRoute wanted in all)
        {
            List<Route> there = present.FindAll(r => IsSame(r, wanted) && (r.GoesThrough(index) || IsOfAnother(r)));
            if (there.Count == 0)
            {
                return $"route {wanted.Dst}{Via(wanted.Gateway)} is missing on interface {spec.IfName}";
            }

            if (!there.Exists(r => (wanted.Mtu == 0 || r.Mtu == wanted.Mtu) && (wanted.AdvMss == 0 || r.AdvMss == wanted.AdvMss)))
            {
                return $"route {wanted.Dst}{Via(wanted.Gateway)} has mtu {there[0].Mtu} and advmss {there[0].AdvMss}, not {wanted.Mtu} "
                    + $"and {wanted.AdvMss}";
            }
        }
        return null;
    }

    private static bool IsSame(Route found, PodRoute wanted) =>
        found.Table == (wanted.Table ?? RouteTable.Main)
        && found.Destination.Equals(wanted.Dst)
        && Equals(found.Gateway, wanted.Gateway)
        && (wanted.Priority == 0 || found.Metric == wanted.Priority)
        // IPv6 routes have no scope
        && (wanted.Scope is null || IPv6Settings.IsIPv6(wanted.Dst.BaseAddress) || (int)found.Scope == wanted.Scope);

    /// <summary>On an interface that another plugin of the chain made, and told.</summary>
    private bool IsOfAnother(Route route)
    {
        foreach (CniInterface candidate in made.Interfaces)
        {
            if (
                candidate.Sandbox.Length > 0
                && candidate.Name != spec.IfName
                && inPod.TryGetLink(candidate.Name, out Link? link)
                && route.GoesThrough(link.Index)
            )
            {
                return true;
            }
        }
        return false;
    }

    private string? HostEnd(Link inside)
    {
        if (!host.TryGetLink(spec.HostName, out Link? end))
        {
            return $"host end {spec.HostName} is missing";
        }

        if (end.LinkIndex != inside.Index)
        {
            return $"host end {spec.HostName} is not the other end of {spec.IfName}";
        }

        if (!end.IsUp)
        {
            return $"host end {spec.HostName} is down";
        }

        CniInterface? told = Told(spec.HostName, inContainer: false);
        int mtu = told is { Mtu: > 0 } ? told.Mtu : spec.Mtu;
        if (!IsAsMade(end, mtu))
        {
            return $"host end {spec.HostName} has MTU {end.Mtu}, not {mtu}";
        }

        if (MacDifference("host end", end, told) is { } mac)
        {
            return mac;
        }

        if (end.Alias != spec.Alias)
        {
            return $"host end {spec.HostName} has the alias '{end.Alias}', not '{spec.Alias}', by which it is known whose it is";
        }

        if (!host.TryGetLink(conf.Bridge, out Link? bridge))
        {
            return $"bridge {conf.Bridge} is missing";
        }

        IAttachment attachment = AttachmentTable.All.Of(end);
        List<AttachedAddress> addresses = AttachedAddresses.Of(made.Of(spec.IfName));
        return attachment.FindDifference(new AttachmentSite(host, spec, end, bridge), addresses)
            ?? Routes(inside.Index, attachment.Inside(addresses).Routes);
    }

    private string? Bridge()
    {
        Link bridge = host.GetLink(conf.Bridge);
        if (!bridge.IsUp)
        {
            return $"bridge {conf.Bridge} is down";
        }

        if (conf.PromiscMode && !bridge.IsPromiscuous)
        {
            return $"bridge {conf.Bridge} does not take all frames (ip link set dev {conf.Bridge} promisc on)";
        }

        if (conf.Lan is not null)
        {
            return bridge.Mtu < spec.Mtu ? $"{conf.Lan.What} has MTU {bridge.Mtu}, less than the {spec.Mtu} of its containers" : null;
        }

        CniInterface? told = Told(conf.Bridge, inContainer: false);
        int mtu = told is { Mtu: > 0 } ? Math.Min(told.Mtu, spec.Mtu) : spec.Mtu;
        if (bridge.Mtu < mtu)
        {
            return $"bridge {conf.Bridge} has MTU {bridge.Mtu}, less than the {mtu} of its containers";
        }

        string? found = MacDifference("bridge", bridge, told)
            ?? RouterAnnouncements.FindDifference(host, bridge, HostReconciler.MayHaveIPv6(conf));
        if (found is not null)
        {
            return found;
        }

        List<InterfaceAddress> present = host.ListAddresses(bridge.Index);
        foreach (CniIp ip in made.Of(spec.IfName).Ips)
        {
            if (
                conf.IsGateway
                && ip.Gateway is { } gateway
                && !present.Exists(a => a.Address.Equals(gateway) && a.PrefixLength == ip.PrefixLength)
            )
            {
                return $"gateway {gateway}/{ip.PrefixLength} is missing on bridge {conf.Bridge}";
            }
        }
        return null;
    }

    private string? Host()
    {
        if (conf.Lan is not null)
        {
            return null;
        }

        CniResult own = made.Of(spec.IfName);
        if (Sysctl.Read(HostReconciler.Forwarding) != "1")
        {
            return "the host does not forward: net.ipv4.ip_forward is not 1";
        }

        return (own.First(AddressFamily.InterNetworkV6) is null ? null : IPv6Settings.FindDifference(conf.Bridge))
            ?? HostReconciler.FindFirewallDifference(conf, HostSetup.PrefixesOf(own));
    }

    private static string Via(IPAddress? gateway) => gateway is null ? "" : $" via {gateway}";
}
