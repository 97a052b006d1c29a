using Twill.Host.Backends;
using Twill.Network.State;

namespace Twill.Plugin.Cli.Doctor;

/// <summary>How large packets may be to peers that answer small ones alone, as the agent has found out.</summary>
internal static class FullSize
{
    public static void Tell(Findings to, NetworkView network, List<PeerReachability> losing)
    {
        if (losing.Count == 0)
        {
            return;
        }

        int most = network.Measured.FullSize,
            fits = most;
        foreach (PeerReachability peer in losing)
        {
            fits = peer.Fits > 0 ? Math.Min(fits, peer.Fits) : fits;
        }

        string names = MeasuredPeers.Names(losing);
        if (fits == most)
        {
            to.Fail(
                ReachabilityCheck.Name,
                "packets of " + Format.Number(most) + " bytes do not reach " + names + ", smaller ones do",
                "ask again in a minute: the agent finds out how large they may be"
            );
            return;
        }

        string size = Format.Number(fits),
            path = Format.Number(fits + BackendTable.Of(network.Conf).Overhead(losing[0].PublicIP.AddressFamily));
        to.Fail(
            ReachabilityCheck.Name,
            "packets of up to " + size + " bytes reach " + names + ", but containers send up to " + Format.Number(most)
                + ": the path MTU between the hosts is " + path + ", less than that of " + network.Node?.Interface,
            "raise the MTU on the way to " + losing[0].PublicIP.ToString() + ", or set $.mtu in " + network.File + " to " + size
                + " on every host and restart the containers"
        );
    }
}
