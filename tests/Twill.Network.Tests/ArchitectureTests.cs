using System.Text.RegularExpressions;
using System.Xml.Linq;
using Twill.Testing;

namespace Twill.Network.Tests;

/// <summary>What the rooms of this repository may know of each other, and the rules of the house that a program can check.</summary>
public sealed partial class ArchitectureTests
{
    private const int MostColumns = 140,
        MostLines = 400;

    /// <summary>The arrows: each room, and the rooms that it may refer to. Those behind them it may use as well.</summary>
    private static readonly Dictionary<string, string[]> s_arrows = new()
    {
        ["Twill.System"] = [],
        ["Twill.Linux"] = ["Twill.System"],
        ["Twill.Cni"] = ["Twill.System"],
        ["Twill.Network"] = ["Twill.Cni"],
        ["Twill.Host"] = ["Twill.Network", "Twill.Linux"],
        ["Twill.Cluster"] = ["Twill.Network"],
        ["twill"] = ["Twill.Network", "Twill.Host"],
        ["twilld"] = ["Twill.Network", "Twill.Host", "Twill.Cluster"],
        ["twill-ipam"] = ["Twill.Network", "Twill.Host", "Twill.Cluster"],
    };

    /// <summary>The programs' namespaces, which no other room may name.</summary>
    private static readonly Dictionary<string, string> s_programs = new()
    {
        ["Twill.Plugin"] = "twill",
        ["Twill.Agent"] = "twilld",
        ["Twill.Ipam"] = "twill-ipam",
    };

    /// <summary>Files that were longer when this rule was made: none may be added, and one that is short enough goes from here.</summary>
    private static readonly string[] s_longer = ["cni/Twill.Linux/Nftables/RuleText.cs"];

    public static TheoryData<string> Rooms => [.. s_arrows.Keys];

    [Fact]
    public void Every_project_of_the_product_is_a_room() =>
        Projects().Select(Path.GetFileNameWithoutExtension).Should().BeEquivalentTo(s_arrows.Keys);

    [Theory]
    [MemberData(nameof(Rooms))]
    public void A_project_refers_to_no_others_than_its_arrows_lead_to(string room)
    {
        string project = Projects().Single(path => Path.GetFileNameWithoutExtension(path) == room);
        IEnumerable<string> references = XDocument
            .Load(project)
            .Descendants("ProjectReference")
            .Select(reference => Path.GetFileNameWithoutExtension(reference.Attribute("Include")!.Value.Replace('\\', '/')));

        references.Should().BeSubsetOf(s_arrows[room]);
    }

    [Theory]
    [MemberData(nameof(Rooms))]
    public void Its_source_names_no_namespace_that_no_arrow_leads_to(string room)
    {
        HashSet<string> known = [room];
        Reach(room, known);
        List<string> wrong = [];
        foreach (string file in Sources(room))
        {
            string code = Comments().Replace(File.ReadAllText(file), "");
            foreach (Match match in Namespaces().Matches(code))
            {
                string name = match.Value;
                if (!known.Contains(s_programs.GetValueOrDefault(name, name)))
                {
                    wrong.Add($"{Relative(file)} uses {name}");
                }
            }
        }

        wrong.Should().BeEmpty();
    }

    [Fact]
    public void No_line_is_longer_than_the_limit_outside_of_raw_strings()
    {
        List<string> wrong = [];
        foreach (string file in AllSources())
        {
            bool raw = false;
            int number = 0;
            foreach (string line in File.ReadLines(file))
            {
                number++;
                bool marks = line.Contains("\"\"\"", StringComparison.Ordinal);
                if (line.Length > MostColumns && !raw && !marks)
                {
                    wrong.Add($"{Relative(file)}:{number} has {line.Length} columns");
                }

                if (marks && RawStringMark().Count(line) % 2 == 1)
                {
                    raw = !raw;
                }
            }
        }

        wrong.Should().BeEmpty();
    }

    [Fact]
    public void No_file_of_the_product_is_longer_than_the_limit() =>
        s_arrows
            .Keys.SelectMany(Sources)
            .Where(file => File.ReadLines(file).Count() > MostLines)
            .Select(Relative)
            .Should()
            .BeEquivalentTo(s_longer);

    [Theory]
    [MemberData(nameof(Rooms))]
    public void A_plugin_never_touches_the_console(string room)
    {
        if (room == "twilld")
        {
            return; // it starts once
        }

        Sources(room)
            .Where(file => Console().IsMatch(Comments().Replace(File.ReadAllText(file), "")))
            .Select(Relative)
            .Should()
            .BeEmpty("its start-up costs more than all the kernel work of an ADD");
    }

    [Theory]
    [MemberData(nameof(Rooms))]
    public void A_plugin_and_what_it_is_made_of_use_no_LINQ_and_no_sort_that_lists_of_all_classes_share(string room)
    {
        if (room == "twilld")
        {
            return; // it starts once
        }

        Sources(room)
            .Where(file => CostlyAtStart().IsMatch(Comments().Replace(File.ReadAllText(file), "")))
            .Select(Relative)
            .Should()
            .BeEmpty("it costs each start what Twill.System/Sequences.cs says");
    }

    [Theory]
    [MemberData(nameof(Rooms))]
    public void What_the_main_plugin_is_made_of_uses_no_URIs_no_time_zones_and_no_text_streams(string room)
    {
        HashSet<string> rooms = ["twill"];
        Reach("twill", rooms);
        if (!rooms.Contains(room))
        {
            return;
        }

        Sources(room)
            .Where(file => LargeInAProgram().IsMatch(Comments().Replace(File.ReadAllText(file), "")))
            .Select(Relative)
            .Should()
            .BeEmpty("each makes the file larger by 0.05 to 0.1 MB; Twill.System has TextFile, Rfc3339 and BootClock");
    }

    private static void Reach(string room, HashSet<string> known)
    {
        foreach (string next in s_arrows[room])
        {
            known.Add(next);
            Reach(next, known);
        }
    }

    private static IEnumerable<string> Projects() =>
        new[] { "cni", "ipam" }.SelectMany(part =>
            Directory.GetFiles(Path.Combine(RepoPaths.Root, part), "*.csproj", SearchOption.AllDirectories)
        );

    private static IEnumerable<string> Sources(string room) =>
        SourcesIn(Path.GetDirectoryName(Projects().Single(path => Path.GetFileNameWithoutExtension(path) == room))!);

    private static IEnumerable<string> AllSources() =>
        new[] { "cni", "ipam", "tests" }.SelectMany(part => SourcesIn(Path.Combine(RepoPaths.Root, part)));

    private static IEnumerable<string> SourcesIn(string directory) =>
        Directory
            .EnumerateFiles(directory, "*.cs", SearchOption.AllDirectories)
            .Where(file => !file.Split(Path.DirectorySeparatorChar).Any(part => part is "bin" or "obj"));

    private static string Relative(string file) => Path.GetRelativePath(RepoPaths.Root, file);

    [GeneratedRegex(@"//.*")]
    private static partial Regex Comments();

    [GeneratedRegex(@"(?<![\w.])Twill\.(System|Linux|Cni|Network|Host|Cluster|Plugin|Agent|Ipam)\b")]
    private static partial Regex Namespaces();

    [GeneratedRegex(@"\bSystem\.Linq\b|(?<!Array|\.AsSpan\(list\))\.Sort\(")]
    private static partial Regex CostlyAtStart();

    [GeneratedRegex(
        @"\bUri\b|DateTime(Offset)?\.(Now|Parse|TryParse)|TryGetDateTime|LocalTime\(|LastWriteTime|"
            + @"\bFile\.(ReadAllText|ReadLines|ReadAllLines|OpenText)\(|\bStreamReader\b"
    )]
    private static partial Regex LargeInAProgram();

    [GeneratedRegex("\"\"\"+")]
    private static partial Regex RawStringMark();

    [GeneratedRegex(@"(?<!\w)Console\.\w")]
    private static partial Regex Console();
}
