using System.Text.Json;
using Twill.Plugin.Cli;

namespace Twill.Plugin.Tests.Cli;

public sealed class CleanupReportTests
{
    [Fact]
    public void Without_yes_it_says_what_it_would_do()
    {
        Print(new CleanupOutcome(Plan(), Done: false, []))
            .Should()
            .Be(
                """
                would remove  bridge twill0
                would remove  overlay device twill.1
                kept  2 address records
                etcd  keys remain
                nothing was removed yet: add --yes to do it

                """
            );
    }

    [Fact]
    public void Done_it_says_what_is_gone_and_what_failed() =>
        Print(new CleanupOutcome(Plan(), Done: true, ["bridge twill0: busy"]))
            .Should()
            .Contain("removed  bridge twill0\n")
            .And.Contain("failed  bridge twill0: busy\n")
            .And.NotContain("--yes");

    [Fact]
    public void Refused_it_says_what_to_do_first()
    {
        CleanupPlan plan = Plan();
        plan.Preconditions.Add("stop the agent");
        Print(new CleanupOutcome(plan, Done: false, [])).Should().EndWith("first  stop the agent\nnothing was removed\n");
    }

    [Fact]
    public void Programs_get_lists()
    {
        JsonElement root = StatusReportTests.Json(w => CleanupReport.Write(w, new CleanupOutcome(Plan(), Done: true, [])));
        root.GetProperty("done").GetBoolean().Should().BeTrue();
        root.GetProperty("removals").EnumerateArray().Select(r => r.GetString()).Should().Equal("bridge twill0", "overlay device twill.1");
        root.GetProperty("inTheWay").GetArrayLength().Should().Be(0);
    }

    private static CleanupPlan Plan()
    {
        CleanupPlan plan = new();
        plan.Removals.Add(new Removal(["bridge twill0", "overlay device twill.1"], () => { }));
        plan.Kept.Add("2 address records");
        plan.InEtcd.Add("keys remain");
        return plan;
    }

    private static string Print(CleanupOutcome outcome)
    {
        ConsoleOutput screen = new(colours: false);
        CleanupReport.Print(screen, outcome);
        return screen.Text;
    }
}
