using System.Text.Json;

namespace Twill.Plugin.Cli;

/// <summary><c>twill cleanup</c> for people and for programs.</summary>
internal static class CleanupReport
{
    public static void Print(ConsoleOutput screen, CleanupOutcome outcome)
    {
        CleanupPlan plan = outcome.Plan;
        string verb = outcome.Done ? "removed" : "would remove";
        foreach (Removal removal in plan.Removals)
        {
            foreach (string what in removal.What)
            {
                screen.Line($"{screen.Paint(outcome.Done ? Style.Good : Style.Plain, verb)}  {what}");
            }
        }
        if (plan.Removals.Count == 0)
        {
            screen.Line("nothing of twill's is here to be removed");
        }

        foreach (string kept in plan.Kept)
        {
            screen.Line($"{screen.Paint(Style.Warning, "kept")}  {kept}");
        }

        foreach (string failure in outcome.Failures)
        {
            screen.Line($"{screen.Paint(Style.Bad, "failed")}  {failure}");
        }

        foreach (string etcd in plan.InEtcd)
        {
            screen.Line($"{screen.Paint(Style.Strong, "etcd")}  {etcd}");
        }

        foreach (string precondition in plan.Preconditions)
        {
            screen.Line($"{screen.Paint(Style.Bad, "first")}  {precondition}");
        }

        if (!outcome.Done && plan.Removals.Count > 0)
        {
            screen.Line(plan.Preconditions.Count > 0 ? "nothing was removed" : "nothing was removed yet: add --yes to do it");
        }
    }

    public static void Write(Utf8JsonWriter w, CleanupOutcome outcome)
    {
        List<string> removals = [];
        foreach (Removal removal in outcome.Plan.Removals)
        {
            removals.AddRange(removal.What);
        }

        w.WriteStartObject();
        w.WriteBoolean("done", outcome.Done);
        w.WriteList("removals", removals);
        w.WriteList("kept", outcome.Plan.Kept);
        w.WriteList("failures", outcome.Failures);
        w.WriteList("etcd", outcome.Plan.InEtcd);
        w.WriteList("inTheWay", outcome.Plan.Preconditions);
        w.WriteEndObject();
    }
}
