using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Twill.Linux.Nftables;
using Twill.System;

namespace Twill.Host.Forwarding;

/// <summary>
/// The packets that carry a network between hosts, at the hooks of this host's own traffic: those of the tunnel, and the pings inside by
/// which agents measure each other.
/// </summary>
/// <param name="underlay">The interface that leads to other hosts; null when not known.</param>
/// <param name="overlay">The interface of the network that leads to other hosts.</param>
/// <param name="inner">The family of the containers' packets.</param>
public sealed class TunnelTraffic(InterfaceRef? underlay, InterfaceRef overlay, AddressFamily inner)
{
    private const int MostPeers = 16; // that are asked for one by one

    /// <summary>The UDP port of the tunnel; 0: there is none, packets travel as they are.</summary>
    public ushort Port { get; init; }

    /// <summary>Whether the other side's packets are answers to this host's: WireGuard's are, from port to port.</summary>
    public bool IsTwoWay { get; init; }

    /// <summary>The addresses that other hosts are reached by.</summary>
    public List<IPAddress> Peers { get; init; } = [];

    /// <summary>The chains of others that drop, or may drop, what comes from other hosts.</summary>
    public List<BlockingChain> FindBlockingInput(NftSocket nft) =>
        [.. Find(nft, NftHook.Prerouting, isInput: true), .. Find(nft, NftHook.Input, isInput: true)];

    /// <summary>The chains of others that drop, or may drop, what goes to other hosts.</summary>
    public List<BlockingChain> FindBlockingOutput(NftSocket nft) =>
        [.. Find(nft, NftHook.Output, isInput: false), .. Find(nft, NftHook.Postrouting, isInput: false)];

    private List<BlockingChain> Find(NftSocket nft, NftHook hook, bool isInput)
    {
        List<BlockingChain> all = [];
        foreach (AddressFamily outer in (AddressFamily[])[AddressFamily.InterNetwork, AddressFamily.InterNetworkV6])
        {
            List<IPAddress> peers = Peers.FindAll(peer => peer.AddressFamily == outer);
            if (Port == 0 || peers.Count == 0)
            {
                continue;
            }

            // What is so whoever sends is said once; where it depends on that, of each.
            ProbePacket anybody = Tunnel(outer, null, isInput);
            List<ProbePacket> packets = peers[..Math.Min(peers.Count, MostPeers)].ConvertAll(peer => Tunnel(outer, peer, isInput));
            packets.Insert(0, anybody);
            foreach (var (chain, stopped) in BlockingChains.Find(nft, hook, Of(outer, packets)))
            {
                if (stopped[0].Packet == anybody)
                {
                    bool isWhoever = stopped[0].Verdict.Passes == MatchResult.No || stopped.Count == 1;
                    stopped.RemoveRange(isWhoever ? 1 : 0, isWhoever ? stopped.Count - 1 : 1);
                }

                all.Add(BlockingChain.Of(chain, stopped, TunnelRemedy.For(nft, chain, stopped[0].Packet, Port, isInput)));
            }
        }

        foreach (var (chain, stopped) in BlockingChains.Find(nft, hook, Of(inner, [Ping(isInput)])))
        {
            all.Add(BlockingChain.Of(chain, stopped, TunnelRemedy.ForPings(chain, overlay.Name, inner, isInput)));
        }

        return all;
    }

    private static Func<NftFamily, List<ProbePacket>> Of(AddressFamily family, List<ProbePacket> packets) =>
        table => BlockingChains.Sees(table, family) ? packets : [];

    private ProbePacket Tunnel(AddressFamily outer, IPAddress? peer, bool isInput)
    {
        IPNetwork? other = peer is null ? null : IPPrefix.Of(peer, IPPrefix.Bits(outer));
        string who = peer?.ToString() ?? "other hosts",
            number = Port.ToString(CultureInfo.InvariantCulture);
        return new ProbePacket(
            isInput ? "from " + who + " to UDP port " + number + " of this host" : "to UDP port " + number + " of " + who,
            isInput ? underlay : null,
            isInput ? null : underlay,
            isInput ? other : null,
            isInput ? null : other
        )
        {
            Family = outer,
            Transport = new ProbeTransport(IPProtocol.Udp, Port, IsTwoWay ? Port : null),
            IsAnswer = isInput && IsTwoWay,
        };
    }

    private ProbePacket Ping(bool isInput)
    {
        bool isIPv6 = inner == AddressFamily.InterNetworkV6;
        return new ProbePacket(
            isInput ? "by " + overlay.Name + " that answer this host's pings" : "by which this host pings others through " + overlay.Name,
            isInput ? overlay : null,
            isInput ? null : overlay,
            null,
            null
        )
        {
            Family = inner,
            Transport = new ProbeTransport(
                isIPv6 ? IPProtocol.Icmpv6 : IPProtocol.Icmp,
                (isInput, isIPv6) switch
                {
                    (true, false) => 0, // echo reply
                    (false, false) => 8, // echo request
                    (true, true) => 129,
                    (false, true) => 128,
                }
            ),
            IsAnswer = isInput,
        };
    }
}
