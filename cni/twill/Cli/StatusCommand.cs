using Twill.Plugin.Cli.Doctor;

namespace Twill.Plugin.Cli;

/// <summary><c>twill status</c>: it says "all is well" only of what doctor finds nothing wrong with.</summary>
internal static class StatusCommand
{
    public static int Run(HostView host, CliOptions options, ConsoleOutput screen)
    {
        List<NetworkView> chosen = host.Chosen(options);
        List<Check> checks = chosen.Count == 0 ? [] : DoctorCommand.Look(host, chosen, all: options.Network is null);
        List<NetworkStatus> networks = chosen.ConvertAll(network =>
            NetworkStatus.Of(host, network) with
            {
                Found = FailuresIn(checks, network.Name),
            }
        );
        IReadOnlyList<string> problems =
            options.Network is not null ? []
            : chosen.Count == 0 ? host.Problems
            : FailuresIn(checks, null);
        int warnings = checks.FindAll(check => check.Outcome == Outcome.Warning).Count;
        if (options.Json)
        {
            screen.Json(w => StatusReport.Write(w, networks, problems));
        }
        else
        {
            StatusReport.Print(screen, networks, problems, host.ConfDir, warnings);
        }

        return networks.Count == 0 || problems.Count > 0 || networks.Exists(network => network.Problems.Count > 0)
            ? Commands.Problems
            : Commands.Fine;
    }

    private static List<string> FailuresIn(List<Check> checks, string? network) =>
        checks.FindAll(check => check.Network == network && check.Outcome == Outcome.Failed).ConvertAll(check => check.Text);
}
