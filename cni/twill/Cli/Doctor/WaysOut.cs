using System.Net;
using Twill.Host;
using Twill.Linux.Routes;
using Twill.Network.State;
using Twill.System;

namespace Twill.Plugin.Cli.Doctor;

/// <summary>Where packets to the other hosts themselves leave this one.</summary>
internal static class WaysOut
{
    /// <summary>Tells what leads packets to silent hosts elsewhere than through the underlay.</summary>
    /// <returns>Whether there is something.</returns>
    public static bool Find(Findings to, HostView host, NetworkView network, List<PeerReachability> silent)
    {
        if (network.Node is not { Interface.Length: > 0 } node)
        {
            return false;
        }

        bool found = false;
        List<IPAddress> seen = [];
        foreach (PeerReachability peer in silent)
        {
            if (seen.Contains(peer.PublicIP) || seen.Count == SilentPeers.MostLookedAt)
            {
                continue;
            }

            seen.Add(peer.PublicIP);
            GetRoute packet = new(peer.PublicIP)
            {
                Source = IPPrefix.Find(node.PublicAddresses, peer.PublicIP.AddressFamily),
                UdpPort = network.Conf.Backend.TunnelPortIn(node)?.Port ?? 0,
            };
            string way = host.WayOf(packet, out Route? route);
            if (way == node.Interface)
            {
                continue;
            }

            found = true;
            string address = peer.PublicIP.ToString(),
                text = "packets to " + address + " leave by " + way + ", not by " + node.Interface;
            if (Diversion.Of(host.Route, packet, route) is { } by)
            {
                IPNetwork alone = IPPrefix.Of(peer.PublicIP, IPPrefix.Bits(peer.PublicIP.AddressFamily));
                to.Fail(ReachabilityCheck.Name, text + by.Text, by.Remedy(alone));
            }
            else
            {
                to.Fail(
                    ReachabilityCheck.Name,
                    text,
                    "bring back the route to " + address + ", or remove the one that is in the way (ip route get " + address + "; ip rule)"
                );
            }
        }

        return found;
    }
}
