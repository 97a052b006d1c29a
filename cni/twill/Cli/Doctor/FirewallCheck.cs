using Twill.Host;
using Twill.Linux.Nftables;
using Twill.Network;

namespace Twill.Plugin.Cli.Doctor;

/// <summary>The network's own nftables table, compared rule by rule.</summary>
internal static class FirewallCheck
{
    private const string Name = "firewall";

    public static void Run(Findings to, NetworkView network)
    {
        if (!network.IsOurs)
        {
            return;
        }

        FirewallSpec spec = HostReconciler.FirewallOf(network.Conf, network.Conf.Backend.TunnelName);
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
            },
            () =>
                network.IsInUse
                    ? $"nftables table inet {DeviceNames.NftTable(network.Name)} is whole{(network.Conf.IpMasq ? "" : " (ipMasq is off)")}"
                    : $"nftables table inet {DeviceNames.NftTable(network.Name)} is made with the first container"
        );
    }
}
