using Twill.Host;
using Twill.Linux.Links;

namespace Twill.Plugin.Cli.Doctor;

/// <summary>An administrator's bridge with containers of a network on it.</summary>
internal static class LanCheck
{
    private const string Name = "LAN";

    public static void Run(Findings to, HostView host, NetworkView network) =>
        to.Look(
            Name,
            () => Look(to, host, network),
            () => $"bridge {network.Conf.Bridge} is up, {Format.Count(network.HostEnds.Count, "container")}"
        );

    private static void Look(Findings to, HostView host, NetworkView network)
    {
        Link bridge;
        try
        {
            bridge = LanBridge.Find(host.Route, network.Conf.Lan!);
            LanBridge.MtuOf(bridge, network.Conf);
        }
        catch (HostException e)
        {
            to.Fail(Name, e.Message, $"twill leaves the bridge as it is: set it right, or correct {network.File}");
            return;
        }

        if (!host.Links.Exists(link => link.MasterIndex == bridge.Index && !network.HostEnds.Exists(end => end.Index == link.Index)))
        {
            to.Warn(
                Name,
                $"bridge {bridge.Name} has no port but containers: it leads to no LAN",
                $"put the host's interface on it: ip link set dev INTERFACE master {bridge.Name}"
            );
        }

        foreach (Link end in network.HostEnds)
        {
            if (end.MasterIndex != bridge.Index || !end.IsUp)
            {
                to.Fail(
                    Name,
                    $"host end {end.Name} ({BridgeCheck.Owner(end)}) is no port of bridge {bridge.Name}, or down: its container reaches "
                        + "nobody",
                    $"ip link set dev {end.Name} master {bridge.Name} up"
                );
            }
        }
    }
}
