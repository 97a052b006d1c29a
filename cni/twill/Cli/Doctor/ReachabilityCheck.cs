using System.Net;
using System.Net.Sockets;
using Twill.Host.Forwarding;
using Twill.Linux.Nftables;
using Twill.Network.Configuration;
using Twill.Network.State;

namespace Twill.Plugin.Cli.Doctor;

/// <summary>Why other hosts do not answer the agent's pings: what is in the way on this host, and else what the agent has found out of
/// them.</summary>
internal static class ReachabilityCheck
{
    internal const string Name = "reachability";

    public static void Run(Findings to, HostView host, NetworkView network)
    {
        if (network.Conf.Ipam.Etcd is null || !network.Conf.Backend.JoinsHosts)
        {
            return;
        }

        to.Look(Name, () => Look(to, host, network), () => Fine(network.Measured));
    }

    private static string? Fine(MeasuredPeers measured) =>
        measured.NotMeasured is null && measured.All.Count > 0
            ? $"of {Format.Count(measured.All.Count, "peer")} {measured.Answering} answer pings through the network"
                + DropPings(measured.DroppingPings)
            : null;

    private static string DropPings(List<PeerReachability> peers) =>
        peers.Count == 0
            ? ""
            : "; firewalls drop pings of these, which route packets to containers all the same: " + MeasuredPeers.Names(peers);

    private static void Look(Findings to, HostView host, NetworkView network)
    {
        MeasuredPeers measured = network.Measured;
        if (measured.Failure is { } failure)
        {
            to.Fail(
                Name,
                $"whether peers answer is not known: {failure}",
                "do what it says; the agent's log says more: journalctl -u twilld"
            );
        }

        List<PeerReachability> silent = measured.Silent;
        if (silent.Count > 0 || measured.NotMeasured is not null)
        {
            bool isHere = FindChains(to, host, network, silent);
            isHere |= WaysOut.Find(to, host, network, silent);
            SilentPeers.Tell(to, host, network, silent, isHere);
        }

        FullSize.Tell(to, network, measured.LosingFullSize);
    }

    /// <summary>Chains of others on this host that drop what comes from other hosts, or goes to them.</summary>
    /// <returns>Whether there is one for certain.</returns>
    private static bool FindChains(Findings to, HostView host, NetworkView network, List<PeerReachability> silent)
    {
        bool found = false;
        using NftSocket nft = NftSocket.Open();
        foreach (TunnelTraffic traffic in TrafficOf(host, network, silent))
        {
            found |= Tell(to, "INPUT", traffic.FindBlockingInput(nft), silent.Count > 0);
            found |= Tell(to, "OUTPUT", traffic.FindBlockingOutput(nft), silent.Count > 0);
        }

        if (silent.Count > 0 && LegacyIptables.HasFilter)
        {
            to.Warn(
                Name,
                "iptables-legacy has a filter table here, which twill cannot read: its INPUT and OUTPUT chains may drop packets of peers",
                "look at them (iptables-legacy -S), or change to iptables-nft (update-alternatives --set iptables /usr/sbin/iptables-nft)"
            );
        }

        return found;
    }

    private static bool Tell(Findings to, string side, List<BlockingChain> chains, bool suspects)
    {
        bool found = false;
        foreach (BlockingChain chain in chains)
        {
            string text = "closed in " + side + " of this host: " + chain.Text;
            if (chain.IsCertain)
            {
                found = true;
                to.Fail(Name, text, chain.Remedy);
            }
            else if (suspects)
            {
                to.Warn(Name, text, chain.Remedy);
            }
        }

        return found;
    }

    private static List<TunnelTraffic> TrafficOf(HostView host, NetworkView network, List<PeerReachability> silent)
    {
        BackendConf backend = network.Conf.Backend;
        TunnelPort? port = network.Node is { } node ? backend.TunnelPortIn(node) : backend.TunnelPort;
        InterfaceRef? underlay = network.Node is { Interface.Length: > 0 } known ? RefTo(host, known.Interface) : null;
        List<TunnelTraffic> all = [];
        List<IPAddress> peers = [];
        foreach (IPAddress address in silent.Count > 0 ? silent.ConvertAll(peer => peer.PublicIP) : PeersInKernel(network))
        {
            if (!peers.Contains(address) && peers.Count < SilentPeers.MostLookedAt)
            {
                peers.Add(address);
            }
        }

        foreach (IPNetwork range in network.Conf.Ipam.Ranges)
        {
            AddressFamily inner = range.BaseAddress.AddressFamily;
            string? overlay = backend.DeviceNameOver(network.Node?.OuterOf(inner) ?? inner) ?? network.Node?.Interface;
            if (string.IsNullOrEmpty(overlay))
            {
                continue;
            }

            all.Add(
                new TunnelTraffic(underlay, RefTo(host, overlay), inner)
                {
                    // The tunnel's packets are looked at once, whatever is inside.
                    Port = all.Count == 0 ? port?.Port ?? 0 : (ushort)0,
                    IsTwoWay = port is { Vni: null },
                    Peers = peers,
                }
            );
        }

        return all;
    }

    private static List<IPAddress> PeersInKernel(NetworkView network)
    {
        List<IPAddress> peers = [];
        foreach (PeerRow row in PeersCommand.Of(network).Rows)
        {
            if (row.PublicIP is { } address)
            {
                peers.Add(address);
            }
        }

        return peers;
    }

    private static InterfaceRef RefTo(HostView host, string name) => new(name, host.Find(name)?.Index ?? 0);
}
