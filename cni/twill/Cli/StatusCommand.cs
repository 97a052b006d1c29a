namespace Twill.Plugin.Cli;

/// <summary><c>twill status</c></summary>
internal static class StatusCommand
{
    public static int Run(HostView host, CliOptions options, ConsoleOutput screen)
    {
        List<NetworkStatus> networks = host.Chosen(options).ConvertAll(network => NetworkStatus.Of(host, network));
        IReadOnlyList<string> problems = options.Network is null ? host.Problems : [];
        if (options.Json)
        {
            screen.Json(w => StatusReport.Write(w, networks, problems));
        }
        else
        {
            StatusReport.Print(screen, networks, problems, host.ConfDir);
        }

        return networks.Count == 0 || problems.Count > 0 || networks.Exists(network => network.Problems.Count > 0)
            ? Commands.Problems
            : Commands.Fine;
    }
}
