using System.Globalization;

namespace Twill.Bench.Agent;

/// <summary>What a process has used, as /proc tells it.</summary>
internal static class ProcessUse
{
    private const double TicksPerSecond = 100; // USER_HZ, the same on all of Linux

    /// <summary>Milliseconds of processor time, user and system, in steps of 10.</summary>
    public static double CpuMs(int pid)
    {
        // The name stands in parentheses and may hold anything.
        string stat = File.ReadAllText($"/proc/{pid}/stat");
        string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        return (Number(fields[11]) + Number(fields[12])) / TicksPerSecond * 1e3;
    }

    /// <summary>VmRSS, RssAnon, .. in megabytes.</summary>
    public static double Megabytes(int pid, string field) =>
        Number(File.ReadLines($"/proc/{pid}/status").Single(line => line.StartsWith(field + ":", StringComparison.Ordinal)).Split(' ')[^2])
        / 1024;

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);
}
