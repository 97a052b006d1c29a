using System.Globalization;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Speed;

/// <summary>
/// ADD and DEL cost no more than they used to. Time is not measured: on a busy machine it says nothing. Instructions and system calls say
/// nearly all of it, and are the same each time.
/// </summary>
public sealed class CostTests
{
    [RequiresRootFact]
    public void Add_and_del_need_no_more_instructions_and_system_calls_than_recorded()
    {
        using SingleHost single = new();
        using CostMeter meter = new();
        LabHost host = single.Host;
        CniProcess Plugin(string name) => host.Plugin("twill", host.NewContainer(name)) with { PluginPath = "/opt/cni/bin" };
        Plugin("first").Add(single.Config).OrThrow(); // makes what is there only once

        SortedDictionary<string, long> counts = new(StringComparer.Ordinal);
        CniProcess one = Plugin("c1"),
            other = Plugin("c2");
        foreach (string verb in new[] { "ADD", "DEL" })
        {
            foreach ((string program, long count) in meter.Instructions(one, verb, single.Config))
            {
                counts[$"{verb} {program} instructions"] = count;
            }

            counts[$"{verb} system calls"] = meter.SystemCalls(other, verb, single.Config).Values.Sum();
        }

        foreach ((string what, long count) in counts)
        {
            Figures.Report($"cost of {what}", count.ToString("N0", CultureInfo.InvariantCulture));
        }

        counts
            .Keys.Should()
            .BeEquivalentTo(
                "ADD twill instructions",
                "ADD twill-ipam instructions",
                "ADD system calls",
                "DEL twill instructions",
                "DEL twill-ipam instructions",
                "DEL system calls"
            );
        CostRecord.Read().Exceeded(counts).Should().BeEmpty();
    }
}
