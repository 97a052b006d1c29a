using System.Net;
using Twill.Host;
using Twill.Linux;
using Twill.Linux.Addresses;
using Twill.Linux.Links;

namespace Twill.Plugin.Cli.Doctor;

/// <summary>The bridge: kind, up, hardware address, gateways; and the containers on it.</summary>
internal static class BridgeCheck
{
    private const string Name = "bridge";

    public static void Run(Findings to, HostView host, NetworkView network)
    {
        if (!network.IsOurs)
        {
            return;
        }

        string bridge = network.Conf.Bridge;
        to.Look(
            Name,
            () =>
            {
                if (host.Find(bridge) is { } link)
                {
                    Look(to, host, network, link);
                }
                else if (network.IsInUse)
                {
                    to.Fail(
                        Name,
                        $"bridge {bridge} is missing: no container has a network",
                        DoctorCommand.Mend(network, "the next ADD makes it again; containers that were on it must be restarted")
                    );
                }
            },
            () =>
                host.Find(bridge) is null
                    ? $"{bridge} is made with the first container"
                    : $"{bridge} is up, {Format.Count(network.HostEnds.Count, "container")}"
        );
    }

    private static void Look(Findings to, HostView host, NetworkView network, Link bridge)
    {
        if (bridge.Kind != HostBridge.Kind)
        {
            to.Fail(
                Name,
                $"device {bridge.Name} is of kind '{bridge.Kind ?? "hardware"}', not a bridge",
                $"rename or delete it, or name another bridge in {network.File}"
            );
            return;
        }
        if (!bridge.IsUp)
        {
            to.Fail(Name, $"bridge {bridge.Name} is down", DoctorCommand.Mend(network, $"ip link set dev {bridge.Name} up"));
        }

        MacAddress mac = HostMacs.ForBridge(bridge.Name);
        if (bridge.Mac != mac)
        {
            to.Warn(
                Name,
                $"bridge {bridge.Name} has hardware address {bridge.Mac}, twill gives it {mac}: containers that knew the other one "
                    + $"lose their gateway for a while",
                $"fine if somebody else made the bridge or this host was renamed; else: ip link set dev {bridge.Name} address {mac}"
            );
        }

        if (bridge.Group != HostBridge.Group)
        {
            to.Warn(
                Name,
                $"bridge {bridge.Name} is in link group {bridge.Group}: other networks are not isolated from its containers",
                $"ip link set dev {bridge.Name} group {HostBridge.Group} (unless somebody else needs the other group)"
            );
        }

        if (network.IsInUse && network.Conf.IsGateway)
        {
            Gateways(to, host, network, bridge);
        }

        RouterAnnouncements(to, host, network, bridge);
        HashSet<int> routed = RoutedVeth.All(host.Route);
        foreach (Link end in network.HostEnds)
        {
            if (RoutedVeth.Is(end))
            {
                RouterAnnouncements(to, host, network, end);
                Routed(to, network, bridge, end, routed.Contains(end.Index));
            }
            else if (end.MasterIndex != bridge.Index)
            {
                to.Fail(
                    Name,
                    $"host end {end.Name} ({Owner(end)}) is not a port of bridge {bridge.Name}: its container reaches nobody",
                    $"ip link set dev {end.Name} master {bridge.Name}"
                );
            }
            else if (!end.IsUp)
            {
                to.Fail(
                    Name,
                    $"host end {end.Name} ({Owner(end)}) is down: its container reaches nobody",
                    $"ip link set dev {end.Name} up"
                );
            }
            else if (!network.Conf.Icc)
            {
                to.Warn(
                    Name,
                    $"host end {end.Name} ({Owner(end)}) is a port of bridge {bridge.Name} from before icc was false: containers there "
                        + "reach each other",
                    "restart the container"
                );
            }
        }
    }

    /// <summary>Whether a container can give this host a route by announcing itself as a router.</summary>
    private static void RouterAnnouncements(Findings to, HostView host, NetworkView network, Link link)
    {
        if (Twill.Host.RouterAnnouncements.FindDifference(host.Route, link, HostReconciler.MayHaveIPv6(network.Conf)) is { } difference)
        {
            string parameters = $"net/ipv6/conf/{link.Name}/accept_ra=0 net/ipv6/conf/{link.Name}/autoconf=0";
            string off = HostReconciler.MayHaveIPv6(network.Conf) ? "" : $" net/ipv6/conf/{link.Name}/disable_ipv6=1";
            to.Fail(Name, difference, DoctorCommand.Mend(network, $"sysctl -w {parameters}{off}"));
        }
    }

    /// <summary>A container past the bridge's ports.</summary>
    private static void Routed(Findings to, NetworkView network, Link bridge, Link end, bool hasAddress)
    {
        if (!hasAddress)
        {
            to.Fail(
                Name,
                $"host end {end.Name} ({Owner(end)}), past the bridge's ports, has lost its address: its container reaches nobody",
                "restart the container"
            );
        }

        if (!end.IsUp)
        {
            to.Fail(Name, $"host end {end.Name} ({Owner(end)}) is down: its container reaches nobody", $"ip link set dev {end.Name} up");
        }

        foreach (Link link in (ReadOnlySpan<Link>)[end, bridge])
        {
            if (!link.ProxyArp)
            {
                to.Fail(
                    Name,
                    $"the host does not answer ARP at {link.Name}, which {Owner(end)} needs, being past the bridge's ports",
                    DoctorCommand.Mend(network, $"sysctl net.ipv4.conf.{link.Name.Replace('.', '/')}.proxy_arp=1")
                );
            }
        }
    }

    private static void Gateways(Findings to, HostView host, NetworkView network, Link bridge)
    {
        List<InterfaceAddress> present = host.Route.ListAddresses(bridge.Index);
        foreach (IPNetwork subnet in network.Subnets)
        {
            IPAddress gateway = network.GatewayOf(subnet);
            bool used = network.Agent.Pid is not null || network.Records.Exists(record => subnet.Contains(record.Address));
            if (used && !present.Exists(address => address.Address.Equals(gateway) && address.PrefixLength == subnet.PrefixLength))
            {
                to.Fail(
                    Name,
                    $"bridge {bridge.Name} lacks the address {gateway}/{subnet.PrefixLength}, the gateway of the containers in {subnet}",
                    DoctorCommand.Mend(network, $"ip address add {gateway}/{subnet.PrefixLength} dev {bridge.Name}")
                );
            }
        }
    }

    /// <summary>Whose a host end is, from its alias.</summary>
    public static string Owner(Link end) =>
        end.Alias?.Split(' ') is [_, _, var container, var ifName, ..] ? $"container {container}, {ifName}" : "no alias says whose";
}
