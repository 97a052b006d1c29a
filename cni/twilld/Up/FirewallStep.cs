using System.Net;
using System.Net.Sockets;
using Twill.Host;
using Twill.Host.Forwarding;
using Twill.Linux.Nftables;
using Twill.Network.Configuration;

namespace Twill.Agent.Up;

/// <summary>Whether firewalls of this host let through what carries the network between hosts.</summary>
internal static class FirewallStep
{
    private const string Name = "firewall";

    /// <summary>Looks at the chains of other programs.</summary>
    /// <param name="conf">the network</param>
    /// <param name="underlay">what leads to the other hosts</param>
    /// <param name="hosts">the hosts that are in the network: firewalls may know them one by one</param>
    /// <param name="report">who is told</param>
    internal static void Look(TwillConf conf, Underlay underlay, IReadOnlyList<IPAddress> hosts, UpReport report)
    {
        AddressFamily inner = conf.Ipam.Ranges[0].BaseAddress.AddressFamily;
        string overlay = conf.Backend.DeviceNameOver(underlay.Addresses[0].AddressFamily) ?? underlay.Name;
        TunnelTraffic traffic = new(new InterfaceRef(underlay.Name, underlay.Index), new InterfaceRef(overlay), inner)
        {
            Port = conf.Backend.TunnelPort?.Port ?? 0,
            IsTwoWay = conf.Backend.TunnelPort is { Vni: null },
            Peers = [.. hosts.Where(host => !underlay.Addresses.Contains(host))],
        };
        using NftSocket nft = NftSocket.Open();
        List<BlockingChain> chains = [.. traffic.FindBlockingInput(nft), .. traffic.FindBlockingOutput(nft)];
        foreach (BlockingChain chain in chains)
        {
            report.Tell(new Step(Name, chain.IsCertain ? StepState.Todo : StepState.Note, chain.Text, chain.Remedy));
        }

        if (LegacyIptables.HasFilter)
        {
            report.Tell(new Step(Name, StepState.Note, LegacyIptables.Text, LegacyIptables.Remedy));
        }
        else if (chains.Count == 0)
        {
            report.Tell(new Step(Name, StepState.Ok, "no chain of this host drops what comes from other hosts or goes to them"));
        }
    }
}
