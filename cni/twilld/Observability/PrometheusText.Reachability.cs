using Twill.Network.State;

namespace Twill.Agent;

/// <content>How the other hosts answer: totals, and a bounded number of peers with figures of their own.</content>
internal sealed partial class PrometheusText
{
    private void AddReachability(IReadOnlyList<AgentMetrics> networks)
    {
        Add(networks, "twill_peers_silent", "gauge", "Peers that do not answer pings through the network.", n => n.Reachability.Silent);
        Add(
            networks,
            "twill_peers_losing_full_size",
            "gauge",
            "Peers that answer small packets, but none as large as the network's MTU.",
            n => n.Reachability.LosingFullSize
        );
        Add(networks, "twill_peers_unmeasured", "gauge", "Peers of which it is not known, or not yet, whether they answer.", n =>
            n.Reachability.Unknown
        );
        Add(networks, "twill_pings_sent_total", "counter", "Packets sent to measure how peers answer.", n => n.Reachability.Packets.Sent);
        Add(networks, "twill_pings_answered_total", "counter", "Those that were answered in time.", n => n.Reachability.Packets.Answered);
        string which = $"of the {ReachabilityReport.MostSeries} worst peers";
        AddPeers(networks, "twill_peer_loss_ratio", $"Small packets without an answer, 0 to 1, {which}.", peer => peer.Loss);
        AddPeers(
            networks,
            "twill_peer_full_size_loss_ratio",
            $"Packets as large as the MTU without an answer, 0 to 1, {which}.",
            peer => peer.FullSizeLoss
        );
        AddPeers(networks, "twill_peer_round_trip_seconds", $"Smoothed round trip time {which}.", peer => peer.RoundTrip / 1000);
    }

    private void AddPeers(IReadOnlyList<AgentMetrics> networks, string name, string help, Func<PeerReachability, double?> of)
    {
        Begin(name, "gauge", help);
        foreach (AgentMetrics network in networks)
        {
            foreach (PeerReachability peer in network.Reachability.Worst)
            {
                if (of(peer) is { } value)
                {
                    Add(value, ("network", network.Network), ("peer", peer.Subnet.ToString()), ("host", peer.PublicIP.ToString()));
                }
            }
        }
    }
}
