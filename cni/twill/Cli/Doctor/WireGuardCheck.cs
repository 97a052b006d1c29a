using System.Net;
using Twill.Host;
using Twill.Host.Reconcile;
using Twill.Linux.Links;
using Twill.Linux.Routes;
using Twill.Linux.WireGuard;
using Twill.Network.Configuration;

namespace Twill.Plugin.Cli.Doctor;

/// <summary>A WireGuard device: what decides whether other hosts understand it, and that nothing goes past it.</summary>
internal static class WireGuardCheck
{
    public static string PublicKeyOf(NetworkView network) => $"public key {network.Node?.PublicKey ?? "not known yet"}";

    /// <summary>What is wrong with the device, each the end of the sentence "device NAME: ..".</summary>
    public static List<string> Faults(HostView host, NetworkView network, Link device)
    {
        BackendConf backend = network.Conf.Backend;
        if (device.Kind is not (NewWireGuard.Kind or UserSpaceWireGuard.Kind))
        {
            return [$"it is of kind '{device.Kind ?? "hardware"}', not wireguard"];
        }

        List<string> faults = [];
        if (!device.IsUp)
        {
            faults.Add("it is down");
        }

        try
        {
            using IWireGuard wireGuard = WireGuardTunnel.Open(device);
            WireGuardDevice found = wireGuard.Get(device.Name);
            string key = found.PrivateKey?.PublicKey.ToString() ?? "none";
            if (found.ListenPort != backend.Port)
            {
                faults.Add($"its UDP port is {found.ListenPort}, not {backend.Port}");
            }

            if (network.Node is { PublicKey: { Length: > 0 } told } && told != key)
            {
                faults.Add($"its public key is {key}, but other hosts were told {told}");
            }
        }
        catch (Exception e) when (e is HostException or IOException)
        {
            faults.Add(e.Message);
        }
        List<Route> nowhere = host.Route.ListRoutes(
            new ListRoutes
            {
                Table = RouteTable.Main,
                Protocol = RouteProtocol.Twill,
                RouteType = RouteType.Unreachable,
            }
        );
        foreach (IPNetwork network0 in network.Conf.Ipam.Ranges)
        {
            if (network.Agent.ReportAge is not null && !nowhere.Exists(route => route.Destination.Equals(network0)))
            {
                faults.Add($"beside it there is no route '{PeerRoute.NoOtherWay(network0)}', which keeps packets from going elsewhere");
            }
        }
        return faults;
    }
}
