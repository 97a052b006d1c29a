namespace Twill.Plugin.Cli.Doctor;

/// <summary><c>twill doctor</c></summary>
internal static class DoctorCommand
{
    public static int Run(HostView host, CliOptions options, ConsoleOutput screen)
    {
        List<Check> checks = Look(host, host.Chosen(options), all: options.Network is null);
        if (options.Json)
        {
            screen.Json(w => DoctorReport.Write(w, checks));
        }
        else
        {
            DoctorReport.Print(screen, checks);
        }

        return checks.Exists(check => check.Outcome != Outcome.Ok) ? Commands.Problems : Commands.Fine;
    }

    /// <summary>Looks at everything.</summary>
    /// <param name="host">this host</param>
    /// <param name="networks">the networks that are asked for</param>
    /// <param name="all">whether these are all</param>
    public static List<Check> Look(HostView host, List<NetworkView> networks, bool all)
    {
        List<Check> checks = [.. HostChecks.Run(host, networks, all)];
        foreach (NetworkView network in networks)
        {
            Findings to = new(network.Name);
            if (network.Conf.Lan is not null)
            {
                LookAtLan(to, host, network);
                checks.AddRange(to.Checks);
                continue;
            }

            BridgeCheck.Run(to, host, network);
            OverlayCheck.Run(to, host, network);
            FirewallCheck.Run(to, host, network);
            AntiSpoofCheck.Run(to, host, network);
            ForwardCheck.Run(to, host, network);
            MtuCheck.Run(to, host, network);
            ReversePathCheck.Run(to, network);
            AgentCheck.Run(to, network);
            DriftCheck.Run(to, host, network);
            OverlapCheck.Run(to, host, network);
            ReachabilityCheck.Run(to, host, network);
            ContainerCheck.Run(to, host, network);
            LeakCheck.Run(to, host, network);
            StorageCheck.Run(to, network);
            checks.AddRange(to.Checks);
        }

        return checks;
    }

    /// <summary>On a LAN there is no bridge, overlay or table of twill's: what matters is that containers hang on it, and are let
    /// through.</summary>
    private static void LookAtLan(Findings to, HostView host, NetworkView network)
    {
        LanCheck.Run(to, host, network);
        ForwardCheck.Run(to, host, network);
        AntiSpoofCheck.Run(to, host, network);
        AgentCheck.Run(to, network);
        LeakCheck.Run(to, host, network);
        StorageCheck.Run(to, network);
    }

    /// <summary>Who puts things right.</summary>
    /// <param name="network">the network they are missing in</param>
    /// <param name="byHand">what to do where no agent is needed</param>
    public static string Mend(NetworkView network, string byHand) =>
        network.Agent.Condition == AgentCondition.Silent ? "restart the agent, which hangs: systemctl restart twilld"
        : network.Agent.Pid is not null ? "twilld mends this within a second; if it stays, its log says why (journalctl -u twilld)"
        : network.Agent.Needed ? "start the agent, which mends this: systemctl start twilld"
        : byHand;
}
