using Twill.Testing;

namespace Twill.EndToEnd.Tests.Speed;

/// <summary>TWILL_TIMINGS: where the time of a call goes, for whoever asks.</summary>
public sealed class PhasesTests(SingleHost single) : IClassFixture<SingleHost>
{
    [RequiresRootTheory]
    [InlineData("ADD", "veth pair")]
    [InlineData("DEL", "veth pair")]
    public void A_call_tells_its_phases_on_stderr_when_asked_and_the_plugin_it_runs_does_as_well(string verb, string phase)
    {
        CniProcess plugin = single.Host.Plugin("twill", single.Host.NewContainer($"told-{verb}"));
        if (verb == "DEL")
        {
            plugin.Add(single.Config).OrThrow();
        }

        CniAnswer answer = (plugin with { Env = new Dictionary<string, string?> { ["TWILL_TIMINGS"] = "1" } })
            .Run(verb, single.Config)
            .OrThrow();

        string[] lines = answer.Stderr.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        lines.Should().Contain(l => l.StartsWith($"twill {verb} ") && l.Contains(phase));
        lines.Should().Contain(l => l.StartsWith($"twill-ipam {verb} ") && l.EndsWith("answer"));
        answer.Stdout.Should().NotContain("ms");
    }

    [RequiresRootFact]
    public void Nobody_who_did_not_ask_is_told()
    {
        CniProcess plugin = single.Host.Plugin("twill", single.Host.NewContainer("quiet"));
        plugin.Add(single.Config).OrThrow().Stderr.Should().BeEmpty();
        plugin.Del(single.Config).OrThrow().Stderr.Should().BeEmpty();
    }
}
