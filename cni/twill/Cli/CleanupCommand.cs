namespace Twill.Plugin.Cli;

/// <summary><c>twill cleanup</c></summary>
internal static class CleanupCommand
{
    public static int Run(HostView host, CliOptions options, ConsoleOutput screen)
    {
        CleanupPlan plan = new CleanupPlanner(host, options).Make();
        bool done = options.Yes && plan.Preconditions.Count == 0;
        List<string> failures = [];
        if (done)
        {
            foreach (Removal removal in plan.Removals)
            {
                try
                {
                    removal.Do();
                }
                catch (Exception e)
                {
                    failures.Add($"{string.Join(", ", removal.What)}: {ErrorMapping.AsCni(e).Text}");
                }
            }
        }
        CleanupOutcome outcome = new(plan, done, failures);
        if (options.Json)
        {
            screen.Json(w => CleanupReport.Write(w, outcome));
        }
        else
        {
            CleanupReport.Print(screen, outcome);
        }

        return plan.Preconditions.Count > 0 || failures.Count > 0 ? Commands.Problems : Commands.Fine;
    }
}
