using Twill.Host;
using Twill.Host.Ports;
using Twill.Linux.Nftables;
using Twill.Network;
using Twill.Network.State;

namespace Twill.Plugin.Cli.Doctor;

/// <summary>The network's own nftables table, compared rule by rule.</summary>
internal static class FirewallCheck
{
    private const string Name = "firewall";

    public static void Run(Findings to, HostView host, NetworkView network)
    {
        if (!network.IsOurs)
        {
            return;
        }

        FirewallSpec spec = HostReconciler.FirewallOf(network.Conf);
        to.Look(
            Name,
            () =>
            {
                using NftSocket nft = NftSocket.Open();
                if (network.IsInUse && Firewall.FindDifference(nft, spec, []) is { } difference)
                {
                    to.Fail(
                        Name,
                        difference,
                        DoctorCommand.Mend(
                            network,
                            "the next ADD makes the table again when it is gone; to have it made anew: "
                                + $"nft delete table inet {DeviceNames.NftTable(network.Name)}, then start any container"
                        )
                    );
                }

                if (TunnelPeers.FindMissing(nft, host.Route, network.Name) is [var first, ..] closed)
                {
                    string others = closed.Count > 1 ? $" and {Format.Count(closed.Count - 1, "other peer")}" : "";
                    to.Fail(
                        Name,
                        $"tunnel packets of peer {first}{others} are dropped: the sets peers and peers6 of nftables table "
                            + $"inet {DeviceNames.NftTable(network.Name)} lack the address",
                        DoctorCommand.Mend(network, "start twilld")
                    );
                }

                string bridge = network.Conf.Bridge;
                if (RouteLocalnet.IsNeedlessly(bridge, new PortRecords(new NetworkStateDir(network.StatePath).PortsPath)))
                {
                    to.Warn(
                        Name,
                        $"net.ipv4.conf.{bridge}.route_localnet is 1, though no published port needs it: without the network's nftables "
                            + "table containers would reach what listens on 127.0.0.1",
                        DoctorCommand.Mend(network, $"sysctl -w net/ipv4/conf/{bridge}/route_localnet=0")
                    );
                }
            },
            () =>
                network.IsInUse
                    ? $"nftables table inet {DeviceNames.NftTable(network.Name)} is whole{(network.Conf.IpMasq ? "" : " (ipMasq is off)")}"
                    : $"nftables table inet {DeviceNames.NftTable(network.Name)} is made with the first container"
        );
    }
}
