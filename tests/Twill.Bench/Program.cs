using Twill.Bench;
using Twill.Bench.Agent;
using Twill.Bench.Etcd;

// Called by build/bench.sh, which says what there is to choose. Prints tables for people; the same figures as JSON to the file that
// TWILL_BENCH_JSON names, if it is set.
string? json = Environment.GetEnvironmentVariable("TWILL_BENCH_JSON");
if (args[0] == "agent")
{
    List<AgentFigures> all = [];
    foreach (string count in args[1].Split(','))
    {
        all.Add(AgentBench.Measure(int.Parse(count), int.Parse(args[2]), Seconds(args[3])));
        AgentReport.Print(all[^1]);
    }

    AgentReport.PrintGrowth(all);
    if (!string.IsNullOrEmpty(json))
    {
        File.WriteAllText(json, AgentReport.Json(all));
    }

    return 0;
}

if (args[0] == "etcd")
{
    List<EtcdFigures> all = [];
    foreach (string count in args[1].Split(','))
    {
        all.Add(EtcdBench.Measure(int.Parse(count), int.Parse(args[2]), Seconds(args[3]), Seconds(args[4])));
        EtcdReport.Print(all[^1]);
    }

    if (!string.IsNullOrEmpty(json))
    {
        File.WriteAllText(json, EtcdReport.Json(all));
    }

    return 0;
}

Options options = Options.Parse(args);
string scratch = Directory.CreateTempSubdirectory("twill-bench-").FullName;
try
{
    Results results = Results.Measure(options, scratch);
    Report.Print(results, options.Bin);
    if (!string.IsNullOrEmpty(json))
    {
        File.WriteAllText(json, JsonReport.Of(results, options.Bin));
    }

    return results.Failures > 0 ? 1 : 0;
}
finally
{
    Directory.Delete(scratch, recursive: true);
}

static TimeSpan Seconds(string text) => TimeSpan.FromSeconds(int.Parse(text));
