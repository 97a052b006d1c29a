using System.Net;
using Twill.Linux.Neighbours;
using Twill.Network.Configuration;
using Twill.Network.State;
using Twill.System;

namespace Twill.Plugin.Cli.Doctor;

/// <summary>Where the fault is of peers that do not answer, by what their hosts and agents still do.</summary>
internal static class SilentPeers
{
    /// <summary>More are not looked at: what is in the way of some is in the way of the others.</summary>
    internal const int MostLookedAt = 32;

    private const double Recent = 60; // seconds: an agent pings those that do not answer every few

    /// <summary>Tells of them by kinds.</summary>
    /// <param name="to">Takes what is found.</param>
    /// <param name="host">This host.</param>
    /// <param name="network">The network.</param>
    /// <param name="silent">The peers that do not answer.</param>
    /// <param name="isHere">Whether something on this host was found that explains it.</param>
    public static void Tell(Findings to, HostView host, NetworkView network, List<PeerReachability> silent, bool isHere)
    {
        List<PeerReachability> heard = [],
            answering = [],
            absent = [],
            gone = [];
        for (int i = 0; i < silent.Count && i < MostLookedAt; i++)
        {
            PeerReachability peer = silent[i];
            List<PeerReachability> kind =
                peer.LastHeard is { } last && BootClock.Now - last < Recent ? heard
                : peer.HostAnswers ? answering
                : IsAbsent(host, peer.PublicIP) ? absent
                : gone;
            kind.Add(peer);
        }

        if (absent.Count > 0)
        {
            to.Fail(
                ReachabilityCheck.Name,
                HostsOf(absent) + " is not there: nobody on " + network.Node?.Interface + " has that address (ARP, neighbour discovery)",
                "start that host, or its network; check cable and VLAN"
            );
        }

        if (isHere)
        {
            return;
        }

        TunnelPort? port = network.Node is { } node ? network.Conf.Backend.TunnelPortIn(node) : network.Conf.Backend.TunnelPort;
        string? number = port is { } at ? "UDP port " + Format.Number(at.Port) : null;
        string closed = number is null ? "containers' packets are dropped" : number + " is closed",
            open = number is null ? "let containers' packets through" : "open " + number;
        Tell(to, heard, ", though its agent's pings arrive here: packets from here are lost on the way, or " + closed + " there", open);
        Tell(
            to,
            answering,
            ", though the host does on the underlay, and nothing here drops packets: most likely " + closed + " there, or on the way",
            open
        );
        Tell(
            to,
            gone,
            " on the underlay either: the host is down, has no route back to this one, or a firewall drops all",
            "start it, see to its route back (there: ip route get " + string.Join(" or ", network.Node?.PublicAddresses ?? []) + ")"
        );
    }

    private static void Tell(Findings to, List<PeerReachability> peers, string what, string remedy)
    {
        if (peers.Count > 0)
        {
            string fails = peers.Exists(peer => peer.ReportsFailure) ? "; its agent reports that something fails there" : "";
            to.Fail(
                ReachabilityCheck.Name,
                MeasuredPeers.Names(peers) + " does not answer" + what + fails,
                remedy + " on " + HostsOf(peers) + ": twill doctor says there what is wrong"
            );
        }
    }

    private static string HostsOf(List<PeerReachability> peers) => Format.Few(peers.ConvertAll(peer => peer.PublicIP.ToString()));

    /// <summary>Whether the kernel has asked for a host on the link, and nobody answered: the agent pings it.</summary>
    private static bool IsAbsent(HostView host, IPAddress address)
    {
        foreach (Neighbour neighbour in host.Route.ListNeighbours(0, address.AddressFamily))
        {
            if (address.Equals(neighbour.Address) && neighbour.State is NeighbourState.Failed or NeighbourState.Incomplete)
            {
                return true;
            }
        }

        return false;
    }
}
