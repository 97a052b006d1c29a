using Twill.Cni;
using Twill.Network.Configuration;
using Twill.Network.State;
using Twill.Plugin.Cli;

namespace Twill.Plugin.Verbs;

/// <summary>What STATUS says of the other hosts' answers, as the agent measures them.</summary>
internal static class ReachabilityStatus
{
    /// <summary>Where no peer answers, containers reach those of no other host. A host that is alone, or of which it is too early to tell,
    /// is well.</summary>
    /// <exception cref="CniException">51: none answers.</exception>
    internal static void ThrowIfNoneAnswers(NetworkStateDir state, TwillConf conf)
    {
        if (!conf.Backend.JoinsHosts || conf.Ipam.Etcd is null)
        {
            return;
        }

        // A file that cannot be read says nothing, and that the agent runs was looked at before.
        MeasuredPeers peers = MeasuredPeers.From(ReachabilityFile.TryRead(state, out string? problem), problem, agentRuns: true);
        if (peers.NoneAnswers)
        {
            throw new CniException(
                CniErrorCode.LimitedConnectivity,
                $"containers do not reach those of other hosts: {peers.Problem}",
                "`twill doctor` looks for the reason: a firewall that drops the tunnel's packets, a policy rule, hosts that are down"
            );
        }
    }
}
