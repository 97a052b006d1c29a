using System.Text.RegularExpressions;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Packages;

/// <summary>Manual pages and completions of the packages say what the programs take.</summary>
public sealed partial class ManualTests(BuiltPackages packages) : IClassFixture<BuiltPackages>
{
    private static readonly Lazy<Dictionary<string, string[]>> s_options = new(() =>
        Commands().ToDictionary(command => command, command => Options($"twill {command}"))
    );

    public static TheoryData<string> Pages => ["man8/twill.8", "man8/twilld.8", "man8/twill-ipam.8", "man5/twill.conflist.5"];

    [RequiresRootTheory, MemberData(nameof(Pages))]
    public void A_page_is_read_without_a_complaint(string page)
    {
        using Unpacked files = new(packages.Tarball);

        CmdResult read = Cmd.Run("groff", ["-man", "-ww", "-z", "-Tutf8", files.At($"man/{page}")]);

        read.Stderr.Should().BeEmpty();
        read.ExitCode.Should().Be(0);
    }

    [RequiresRootFact]
    public void The_pages_have_every_command_and_option()
    {
        using Unpacked files = new(packages.Tarball);
        string page = Rendered(files.At("man/man8/twill.8"));
        foreach ((string command, string[] options) in s_options.Value)
        {
            string section = page[page.IndexOf($"\n   twill {command}\n", StringComparison.Ordinal)..];
            options.Should().OnlyContain(option => section.Contains($"\n       {option}", StringComparison.Ordinal));
        }

        string agent = Rendered(files.At("man/man8/twilld.8"));
        Options("twilld").Should().HaveCountGreaterThan(8).And.OnlyContain(option => agent.Contains($"\n       {option}"));
    }

    [RequiresRootFact]
    public void The_page_of_the_configuration_has_every_key_of_the_guide()
    {
        using Unpacked files = new(packages.Tarball);
        string page = Rendered(files.At("man/man5/twill.conflist.5"));
        string[] keys =
        [
            .. File.ReadLines(Path.Combine(RepoPaths.Conf, "CONFIGURATION.md"))
                .SkipWhile(line => line != "## Keys")
                .TakeWhile(line => line != "## Containers send as themselves")
                .Where(line => line.StartsWith("| `", StringComparison.Ordinal))
                .SelectMany(line => Key().Matches(line.Split('|')[1]).Select(match => match.Groups[1].Value)),
        ];

        keys.Should().HaveCountGreaterThan(25).And.OnlyContain(key => page.Contains(key, StringComparison.Ordinal));
    }

    [RequiresRootFact]
    public void Bash_completes_commands_and_the_options_of_each()
    {
        using Unpacked files = new(packages.Tarball);
        const string Script = """. "$0"; COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)); "_$1"; printf '%s\n' "${COMPREPLY[@]}" """;
        string[] Complete(params string[] words) =>
            Lines(Cmd.Run("bash", ["-c", Script, files.At($"completions/bash/{words[0]}"), .. words]));

        Complete("twill", "").Should().BeEquivalentTo([.. Commands(), "--help", "--version"]);
        foreach ((string command, string[] options) in s_options.Value)
        {
            Complete("twill", command, "--").Should().BeEquivalentTo(options);
        }

        Complete("twilld", "--").Should().BeEquivalentTo(Options("twilld"));
    }

    [RequiresRootFact]
    public void Fish_completes_commands_and_the_options_of_each()
    {
        using Unpacked files = new(packages.Tarball);
        using TempDir home = TempDir.Create();
        string[] Complete(string line) =>
            [
                .. Lines(
                        Cmd.Run(
                            "fish",
                            ["--no-config", "-c", $"source {files.At("completions/fish")}/{line.Split(' ')[0]}.fish; complete -C '{line}'"],
                            env: [new("HOME", home.Path)]
                        )
                    )
                    .Select(completion => completion.Split('\t')[0]),
            ];

        Complete("twill ").Should().BeEquivalentTo(Commands());
        foreach ((string command, string[] options) in s_options.Value)
        {
            Complete($"twill {command} --").Should().BeEquivalentTo(options);
        }

        Complete("twilld --").Should().BeEquivalentTo(Options("twilld"));
    }

    [RequiresRootFact]
    public void Zsh_reads_the_completions_which_have_every_command_and_option()
    {
        using Unpacked files = new(packages.Tarball);
        foreach (string program in new[] { "_twill", "_twilld" })
        {
            Cmd.Run("zsh", ["--no-rcs", "-n", files.At($"completions/zsh/{program}")]).OrThrow().Stderr.Should().BeEmpty();
        }

        string[] lines = File.ReadAllLines(files.At("completions/zsh/_twill"));
        foreach ((string command, string[] options) in s_options.Value)
        {
            IEnumerable<string> own = lines.SkipWhile(line => !line.StartsWith($"    {command}) ", StringComparison.Ordinal)).Skip(1);
            own.TakeWhile(line => line.StartsWith("        '-", StringComparison.Ordinal))
                .Select(line => Option().Match(line).Value)
                .Should()
                .BeEquivalentTo(options);
        }
    }

    private static string[] Commands() =>
        [.. Command().Matches(Cmd.Run(RepoPaths.Program("twill"), ["--help"]).OrThrow().Stdout).Select(match => match.Groups[1].Value)];

    /// <summary>The options that a program, or a command of it, says it has.</summary>
    private static string[] Options(string commandLine)
    {
        string[] words = commandLine.Split(' ');
        string help = Cmd.Run(RepoPaths.Program(words[0]), [.. words[1..], "--help"]).OrThrow().Stdout;
        return [.. ItemOption().Matches(help).Select(match => match.Groups[1].Value)];
    }

    private static string[] Lines(CmdResult result) => result.OrThrow().Stdout.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    private static string Rendered(string page) =>
        Overstrike().Replace(Cmd.Run("groff", ["-man", "-Tascii", "-P-c", page]).OrThrow().Stdout, "");

    /// <summary>The tarball's files.</summary>
    private sealed class Unpacked : IDisposable
    {
        private readonly TempDir _directory = TempDir.Create();

        internal Unpacked(string tarball) => Cmd.Run("tar", ["-C", _directory.Path, "-xzf", tarball]).OrThrow();

        internal string At(string name) => _directory.At(name);

        public void Dispose() => _directory.Dispose();
    }

    [GeneratedRegex("(?m)^  twill ([a-z][a-z-]*)  ")]
    private static partial Regex Command();

    [GeneratedRegex("(?m)^  (--[a-z0-9-]+)")]
    private static partial Regex ItemOption();

    [GeneratedRegex("--[a-z0-9-]+")]
    private static partial Regex Option();

    [GeneratedRegex("`([A-Za-z0-9.]+)`")]
    private static partial Regex Key();

    [GeneratedRegex(".\b")]
    private static partial Regex Overstrike();
}
