using System.Globalization;
using System.Text.RegularExpressions;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Speed;

/// <summary>
/// Counts what a plugin's call costs, process by process: instructions of its own (valgrind's callgrind) and system calls (strace). Neither
/// depends on how busy the machine is. What else a count could depend on is kept away from the call: it has no environment but CNI_*, and,
/// unless asked for, no /sys, where a runtime reads about processors and control groups. Process 1 is a shell, which reaps what the call
/// leaves behind, as that of a host does.
/// </summary>
internal sealed partial class CostMeter(bool withSys = false) : IDisposable
{
    private const string WithoutSys = "mount -t tmpfs none /sys && \"$@\"; exit $?",
        AsItIs = "\"$@\"; exit $?";

    private readonly TempDir _directory = TempDir.Create();
    private int _calls;

    /// <summary>Instructions of each program of the call, in user space, by the program's name.</summary>
    public IReadOnlyDictionary<string, long> Instructions(CniProcess plugin, string verb, string config)
    {
        string logs = NewDirectory();
        Measure(
            plugin,
            verb,
            config,
            "/usr/bin/valgrind",
            "--tool=callgrind",
            "--trace-children=yes",
            $"--log-file={logs}/%p.log",
            $"--callgrind-out-file={logs}/%p.callgrind"
        );
        Dictionary<string, long> counts = [];
        foreach (string log in Directory.GetFiles(logs, "*.log").Select(File.ReadAllText))
        {
            string program = Path.GetFileName(CommandLine().Match(log).Groups[1].Value);
            long count = long.Parse(Collected().Match(log).Groups[1].Value, CultureInfo.InvariantCulture);
            counts[program] = Math.Max(count, counts.GetValueOrDefault(program)); // a forked child has the count of its parent so far
        }

        return counts;
    }

    /// <summary>System calls of the whole call, the programs it starts included, by name.</summary>
    public IReadOnlyDictionary<string, int> SystemCalls(CniProcess plugin, string verb, string config)
    {
        string log = Path.Combine(NewDirectory(), "calls");
        Measure(plugin, verb, config, "/usr/bin/strace", "--follow-forks", "--signal=none", "--output", log);
        return File.ReadLines(log)
            .Select(line => SystemCall().Match(line))
            .Where(m => m.Success)
            .GroupBy(m => m.Groups[1].Value)
            .ToDictionary(g => g.Key, g => g.Count());
    }

    public void Dispose() => _directory.Dispose();

    private void Measure(CniProcess plugin, string verb, string config, params string[] tool)
    {
        string[] environment = [.. plugin.Environment(verb).Where(v => v.Value is not null).Select(v => $"{v.Key}={v.Value}")];
        CniProcess measured = plugin with
        {
            Prefix =
            [
                .. plugin.Prefix,
                "unshare",
                "--mount",
                "--pid",
                "--fork",
                "--kill-child",
                "--mount-proc",
                "sh",
                "-c",
                withSys ? AsItIs : WithoutSys,
                "sh",
                "env",
                "-i",
                .. environment,
                .. tool,
            ],
            Timeout = TimeSpan.FromMinutes(2),
        };
        measured.Run(verb, config).OrThrow();
    }

    private string NewDirectory() => Directory.CreateDirectory(_directory.At($"{_calls++}")).FullName;

    [GeneratedRegex(@"Command: (\S+)")]
    private static partial Regex CommandLine();

    [GeneratedRegex(@"Collected : (\d+)")]
    private static partial Regex Collected();

    // "1234 openat(AT_FDCWD, ..": not the second half of a call that another process interrupted.
    [GeneratedRegex(@"^\d+ +([a-z_0-9]+)\(")]
    private static partial Regex SystemCall();
}
