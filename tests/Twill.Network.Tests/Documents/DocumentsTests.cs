using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Twill.Testing;

namespace Twill.Network.Tests.Documents;

/// <summary>What the documents say of files, commands and ports is so.</summary>
public partial class DocumentsTests
{
    private const int MostLines = 150;
    private const int MostWords = 30;

    /// <summary>Every document but the changelog, and those that lie beside recordings.</summary>
    public static TheoryData<string> Documents() =>
        [
            .. Directory
                .EnumerateFiles(RepoPaths.Root, "*.md", SearchOption.AllDirectories)
                .Select(static path => Path.GetRelativePath(RepoPaths.Root, path))
                .Where(static path => !path.Split('/').Any(static part => part is "artifacts" or "bin" or "obj" or "recorded" or ".git"))
                .Where(static path => path != "CHANGELOG.md")
                .Order(StringComparer.Ordinal),
        ];

    [Fact]
    public void The_README_is_short() => Lines("README.md").Length.Should().BeLessThan(MostLines);

    [Theory, MemberData(nameof(Documents))]
    public void Links_lead_to_files(string document)
    {
        string directory = Path.GetDirectoryName(Path.Combine(RepoPaths.Root, document))!;
        foreach (Match link in Link().Matches(Read(document)))
        {
            string target = link.Groups[1].Value.Split('#')[0];
            (target.Length == 0 || target.Contains("://") || Path.Exists(Path.Combine(directory, target)))
                .Should()
                .BeTrue($"{document} links to {target}");
        }
    }

    [Theory, MemberData(nameof(Documents))]
    public void Scripts_that_are_named_are_there_and_can_be_run(string document)
    {
        foreach (Match script in Script().Matches(Read(document)))
        {
            string path = Path.Combine(RepoPaths.Root, script.Value);
            File.Exists(path).Should().BeTrue($"{document} names {script.Value}");
            File.GetUnixFileMode(path).Should().HaveFlag(UnixFileMode.UserExecute, $"{document} runs {script.Value}");
        }
    }

    [Theory, MemberData(nameof(Documents))]
    public void Tests_that_are_named_to_be_run_are_there(string document)
    {
        foreach (Match only in Only().Matches(Read(document)))
        {
            Directory
                .EnumerateFiles(Path.Combine(RepoPaths.Root, "tests"), "*.cs", SearchOption.AllDirectories)
                .Any(path => File.ReadAllText(path).Contains(only.Groups[1].Value, StringComparison.Ordinal))
                .Should()
                .BeTrue($"{document} runs {only.Value}");
        }
    }

    [Theory, MemberData(nameof(Documents))]
    public void Sentences_are_short(string document) =>
        Sentences(document).Where(static sentence => sentence.Split(' ').Length > MostWords).Should().BeEmpty();

    [Theory]
    [InlineData("CONTRIBUTING.md", "")]
    [InlineData("cni/README.md", "cni")]
    public void Files_that_are_named_are_there(string document, string directory)
    {
        foreach (string named in Code().Matches(Read(document)).Select(static code => code.Value.Trim('`')))
        {
            bool isPath = named.Contains('/') && SourcePath().IsMatch(named);
            string below = named.StartsWith("ipam/", StringComparison.Ordinal) ? "" : directory;
            (!isPath || Path.Exists(Path.Combine(RepoPaths.Root, below, named)))
                .Should()
                .BeTrue($"{document} names {named}: put its new name there, or another way of the walk");
        }
    }

    [Theory]
    [InlineData("10-twill.conflist", "vxlan", 4789)]
    [InlineData("10-twill-wireguard.conflist", "wireguard", 51820)]
    public void The_UDP_ports_that_are_to_be_opened_are_those_of_the_samples(string sample, string type, int port)
    {
        JsonNode backend = JsonNode.Parse(Read($"conf/{sample}"))!["plugins"]![0]!["backend"]!;

        ((string?)backend["type"]).Should().Be(type);
        ((int?)backend["port"] ?? port).Should().Be(port);
        Read("README.md").Should().Contain($"| `{type}` | UDP {port} (`backend.port`) |");
    }

    private static string Read(string document) => File.ReadAllText(Path.Combine(RepoPaths.Root, document));

    private static string[] Lines(string document) => Read(document).TrimEnd('\n').Split('\n');

    /// <summary>The sentences of paragraphs, list items and table cells; code counts as one word.</summary>
    private static List<string> Sentences(string document)
    {
        List<string> sentences = [];
        string paragraph = "";
        foreach (string line in Lines(document).Append(""))
        {
            string text = line.Trim();
            bool prose = text.Length > 0 && text[0] is not ('#' or '|') && !line.StartsWith("    ", StringComparison.Ordinal);
            if (!prose || Item().IsMatch(text))
            {
                End();
            }

            if (prose)
            {
                paragraph += " " + text;
            }
            else if (text.StartsWith('|'))
            {
                foreach (string cell in text.Split('|'))
                {
                    paragraph = cell;
                    End();
                }
            }
        }

        return sentences;

        void End()
        {
            string plain = Link().Replace(Code().Replace(paragraph, "CODE"), "LINK");
            sentences.AddRange(SentenceEnd().Split(plain).Select(static sentence => Space().Replace(sentence.Trim(), " ")));
            paragraph = "";
        }
    }

    [GeneratedRegex(@"\]\(([^)]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"(?<![\w/.-])build/[\w-]+\.sh")]
    private static partial Regex Script();

    /// <summary>A file of sources or documents, or a folder below one of the repository's.</summary>
    [GeneratedRegex(@"^[\w.-]+/[\w./-]*(\.(cs|md|sh|csproj)|/)$|^(cni|ipam|tests|conf|build)/[\w./-]+$")]
    private static partial Regex SourcePath();

    [GeneratedRegex(@"--only (\w+_\w+|\w+Tests)")]
    private static partial Regex Only();

    [GeneratedRegex("`[^`]*`")]
    private static partial Regex Code();

    [GeneratedRegex(@"^([-*]|\d+\.) ")]
    private static partial Regex Item();

    [GeneratedRegex(@"(?<=[.!?])\s+")]
    private static partial Regex SentenceEnd();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Space();
}
