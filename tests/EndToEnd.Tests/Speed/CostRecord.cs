using System.Globalization;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Speed;

/// <summary>costs.txt beside this file: what each call cost when somebody last looked and found it right.</summary>
internal sealed class CostRecord
{
    /// <summary>Part of the recorded count by which another machine, C library or compiler may exceed it.</summary>
    public const double Tolerance = 0.1;

    private const string Variable = "TWILL_RECORD_COSTS";

    private readonly SortedDictionary<string, long> _counts = new(StringComparer.Ordinal);

    private CostRecord() { }

    private static string FilePath => Path.Combine(RepoPaths.Root, "tests", "EndToEnd.Tests", "Speed", "costs.txt");

    public static CostRecord Read()
    {
        CostRecord record = new();
        foreach (string line in File.ReadLines(FilePath).Where(l => l.Length > 0 && l[0] != '#'))
        {
            int at = line.LastIndexOf(' ');
            record._counts[line[..at].TrimEnd()] = long.Parse(line[(at + 1)..], CultureInfo.InvariantCulture);
        }

        return record;
    }

    /// <summary>Those of the counts that exceed the record by more than the tolerance, in words; records all of them instead if asked
    /// to.</summary>
    public IReadOnlyList<string> Exceeded(IReadOnlyDictionary<string, long> counts)
    {
        if (Environment.GetEnvironmentVariable(Variable) == "yes")
        {
            Write(counts);
            return [];
        }

        return
        [
            .. counts
                .Where(c => c.Value > _counts.GetValueOrDefault(c.Key) * (1 + Tolerance))
                .Select(c =>
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"{c.Key}: {c.Value:N0}, recorded are {_counts.GetValueOrDefault(c.Key):N0} and {Tolerance:P0} more is let pass. "
                            + $"Was that meant? Then run this test with {Variable}=yes, and commit {Path.GetFileName(FilePath)} with "
                            + $"the reason"
                    )
                ),
        ];
    }

    private static void Write(IReadOnlyDictionary<string, long> counts) =>
        File.WriteAllText(
            FilePath,
            $"""
            # What a call of the plugins costs on a host with one more container: a fixed subnet, no etcd. CostTests compares;
            # {Variable}=yes makes it write this file anew. Lower is better.
            {string.Join('\n', counts.OrderBy(c => c.Key, StringComparer.Ordinal).Select(c => $"{c.Key,-32} {c.Value,10}"))}

            """
        );
}
