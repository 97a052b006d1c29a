using System.Text.RegularExpressions;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Tools;

/// <summary>tests/SPECIFICATION.md: each rule has a test, and each test it names is there.</summary>
public sealed partial class SpecificationTests
{
    private static readonly string[] s_rows =
    [
        .. File.ReadAllLines(Path.Combine(RepoPaths.Root, "tests", "SPECIFICATION.md"))
            .Where(l => l.StartsWith("| ", StringComparison.Ordinal) && !l.StartsWith("| section ", StringComparison.Ordinal)),
    ];

    [Fact]
    public void Every_test_that_the_table_names_exists()
    {
        HashSet<string> tests =
        [
            .. Directory
                .EnumerateFiles(Path.Combine(RepoPaths.Root, "tests"), "*Tests.cs", SearchOption.AllDirectories)
                .SelectMany(TestsIn),
        ];
        List<string> missing = [.. s_rows.SelectMany(Named).Distinct().Where(name => !tests.Contains(name))];
        missing.Should().BeEmpty("a test that was renamed has its new name in tests/SPECIFICATION.md as well");
    }

    [Fact]
    public void Every_rule_has_a_test()
    {
        s_rows.Should().HaveCountGreaterThan(50).And.OnlyContain(row => Named(row).Any());
        Figures.Report("specification", $"{s_rows.Length} rules, {s_rows.SelectMany(Named).Distinct().Count()} tests");
    }

    [GeneratedRegex(@"`(\w+Tests\.\w+)`")]
    private static partial Regex TestName { get; }

    /// <summary>A method that is a test: its attribute, and its name.</summary>
    [GeneratedRegex(@"\[(?:RequiresRoot)?(?:Fact|Theory)\b.*?public (?:async )?(?:void|Task) (\w+)\(", RegexOptions.Singleline)]
    private static partial Regex TestMethod { get; }

    private static IEnumerable<string> Named(string row) => TestName.Matches(row).Select(m => m.Groups[1].Value);

    private static IEnumerable<string> TestsIn(string file) =>
        TestMethod.Matches(File.ReadAllText(file)).Select(m => $"{Path.GetFileNameWithoutExtension(file)}.{m.Groups[1].Value}");
}
