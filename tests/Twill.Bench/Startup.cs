namespace Twill.Bench;

/// <summary>What it takes a program to start, answer VERSION and end.</summary>
internal sealed record StartupMeasurement(string Program, Samples Runs);

/// <summary>Programs that do next to nothing, in turns; an empty static C program is the floor.</summary>
internal static class Startup
{
    private const int WarmUps = 3;

    public static List<StartupMeasurement> Measure(string[] programs, int rounds, string scratch)
    {
        StartupMeasurement[] all = [.. programs.Select(p => new StartupMeasurement(NameAmong(programs, p), new()))];
        Chain[] chains =
        [
            .. programs.Select(p => new Chain("start " + Path.GetFileName(p), new Step(p, (_, _) => """{"cniVersion":"1.0.0"}"""))),
        ];
        BenchHost[] hosts = [.. chains.Select(c => new BenchHost(c, scratch))];
        try
        {
            for (int round = -WarmUps; round < rounds; round++)
            {
                for (int turn = 0; turn < hosts.Length; turn++)
                {
                    Call call = hosts[turn].Run("VERSION", container: 0, memory: round < 0);
                    if (round < 0)
                    {
                        all[turn].Runs.AddPeak(call.PeakKb);
                    }
                    else
                    {
                        all[turn].Runs.Add(call.Total);
                    }
                }
            }
            return [.. all];
        }
        finally
        {
            foreach (BenchHost host in hosts)
            {
                host.Dispose();
            }
        }
    }

    private static string NameAmong(string[] programs, string path)
    {
        string name = Path.GetFileName(path);
        bool isAlone = programs.Count(p => Path.GetFileName(p) == name) == 1;
        return isAlone ? name : $"{name} of {Path.GetFileName(Path.GetDirectoryName(path))}";
    }
}
