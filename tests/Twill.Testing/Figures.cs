using System.Text;
using Xunit.Abstractions;

namespace Twill.Testing;

/// <summary>
/// What a test counted, for people to read: how many cases, from which seed, how many of them went wrong. Each figure is a file in
/// artifacts/test/figures, which build/test.sh prints before its totals; reporting the same thing again replaces it.
/// </summary>
public static class Figures
{
    /// <summary>`Figures.Report("fuzz: stdin", "5,000 cases, 0 crashes, seed 1")`.</summary>
    /// <param name="what">what was counted; a name of its own for each test (or case of a theory) that reports</param>
    /// <param name="figures">the numbers, one line</param>
    /// <param name="output">the test's own output, where it has one</param>
    public static void Report(string what, string figures, ITestOutputHelper? output = null)
    {
        output?.WriteLine($"{what}: {figures}");
        Write(Path.Combine(RepoPaths.Root, "artifacts", "test", "figures"), what, figures);
    }

    internal static void Write(string directory, string what, string figures)
    {
        Directory.CreateDirectory(directory);
        StringBuilder name = new();
        foreach (char c in what)
        {
            name.Append(char.IsAsciiLetterOrDigit(c) ? char.ToLowerInvariant(c) : '-');
        }

        File.WriteAllText(Path.Combine(directory, $"{name}.txt"), $"{what}: {figures}\n");
    }
}
