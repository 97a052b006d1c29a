using Twill.Host;
using Twill.Network.Configuration;

namespace Twill.Plugin.Cli;

/// <summary><c>twill peers</c></summary>
internal static class PeersCommand
{
    public static int Run(HostView host, CliOptions options, ConsoleOutput screen)
    {
        List<NetworkPeers> networks = host.Chosen(options).ConvertAll(Of);
        if (options.Json)
        {
            screen.Json(w => PeersReport.Write(w, networks));
        }
        else if (networks.Count == 0)
        {
            screen.Line($"no network of twill's in {host.ConfDir}");
        }
        else
        {
            PeersReport.Print(screen, networks);
        }

        return networks.Count == 0 || networks.Exists(network => network.Problem is not null) ? Commands.Problems : Commands.Fine;
    }

    public static NetworkPeers Of(NetworkView network)
    {
        BackendConf backend = network.Conf.Backend;
        NetworkPeers none = new(network.Name, backend.Type, network.Agent.ReportAge is null ? null : network.Agent.PeersWanted, [])
        {
            Measured = network.Measured,
            Refused = network.Agent.Refused,
            RefusedCount = network.Agent.RefusedCount,
            Conflicts = network.Agent.Conflicts,
        };
        try
        {
            return none with { Rows = PeerRow.Of(network.ReadPeers(), network.OverlayNames, network.Conf.Ipam.IPv4.SubnetLen) };
        }
        catch (Exception e) when (e is HostException or IOException)
        {
            return none with { Unreadable = e.Message };
        }
    }
}
