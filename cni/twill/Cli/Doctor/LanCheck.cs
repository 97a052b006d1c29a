using Twill.Host;
using Twill.Host.Attachments;
using Twill.Linux.Links;
using Twill.Network;
using Twill.Network.State;

namespace Twill.Plugin.Cli.Doctor;

/// <summary>An administrator's bridge or interface with containers of a network on it.</summary>
internal static class LanCheck
{
    private const string Name = "LAN";

    public static void Run(Findings to, HostView host, NetworkView network) =>
        to.Look(
            Name,
            () => Look(to, host, network),
            () => $"{network.Conf.Lan!.What} is up, {Format.Count(network.HostEnds.Count, "container")}"
        );

    private static void Look(Findings to, HostView host, NetworkView network)
    {
        Link lan;
        try
        {
            lan = LanLink.Find(host.Route, network.Conf);
            LanLink.MtuOf(lan, network.Conf);
        }
        catch (HostException e)
        {
            to.Fail(Name, e.Message, $"twill leaves it as it is: set it right, or correct {network.File}");
            return;
        }

        if (network.Conf.Lan!.IsRouted)
        {
            Routed(to, host, network, lan);
            return;
        }

        if (!host.Links.Exists(link => link.MasterIndex == lan.Index && !network.HostEnds.Exists(end => end.Index == link.Index)))
        {
            to.Warn(
                Name,
                $"bridge {lan.Name} has no port but containers: it leads to no LAN",
                $"put the host's interface on it: ip link set dev INTERFACE master {lan.Name}"
            );
        }

        foreach (Link end in network.HostEnds)
        {
            if (end.MasterIndex != lan.Index || !end.IsUp)
            {
                to.Fail(
                    Name,
                    $"host end {end.Name} ({BridgeCheck.Owner(end)}) is no port of bridge {lan.Name}, or down: its container reaches "
                        + "nobody",
                    $"ip link set dev {end.Name} master {lan.Name} up"
                );
            }
        }
    }

    private static void Routed(Findings to, HostView host, NetworkView network, Link lan)
    {
        LanEntries entries = LanEntries.Read(host.Route);
        foreach (AddressFile file in network.Records)
        {
            if (
                file.Record is { Owner: var owner }
                && network.HostEnds.Find(end => end.Name == DeviceNames.Veth(owner.ContainerId, owner.IfName)) is { } end
                && entries.FindDifference(end, lan, file.Address) is { } difference
            )
            {
                to.Fail(Name, $"{difference} ({BridgeCheck.Owner(end)})", DoctorCommand.Mend(network, "restart the container"));
            }
        }
    }
}
