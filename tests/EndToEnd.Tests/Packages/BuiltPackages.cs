using Twill.Testing;

namespace Twill.EndToEnd.Tests.Packages;

/// <summary>What build/package.sh makes of the published programs, for the tests of a class; one run serves all classes.</summary>
public sealed class BuiltPackages
{
    private static readonly Lazy<string> s_directory = new(() => Build(Path.Combine(RepoPaths.Root, "artifacts", "test-packages")));

    /// <summary>Where everything for amd64 is.</summary>
    internal string Directory => s_directory.Value;

    internal string Deb => Single("*_amd64.deb");

    internal string Tarball => Single("*.tgz");

    internal string Image => Single("*.tar.gz");

    internal string Bill => Single("*.cdx.json");

    /// <summary>The version of all programs: Directory.Build.props has it.</summary>
    internal static string Version { get; } = Cmd.Run(RepoPaths.Program("twilld"), ["--version"]).OrThrow().Stdout.Split(' ')[1].Trim();

    /// <summary>Runs build/package.sh.</summary>
    internal static string Build(string to, string arguments = "--arch amd64")
    {
        if (global::System.IO.Directory.Exists(to))
        {
            global::System.IO.Directory.Delete(to, recursive: true); // packages of another version
        }

        // A build server that is left behind would hold this test's pipes.
        Dictionary<string, string?> environment = new() { ["MSBUILDDISABLENODEREUSE"] = "1" };
        string script = Path.Combine(RepoPaths.Root, "build", "package.sh");
        Cmd.Run(script, [.. Cmd.Split(arguments), "--out", to], TimeSpan.FromMinutes(5), environment).OrThrow();
        return to;
    }

    private string Single(string pattern) => global::System.IO.Directory.GetFiles(Directory, pattern).Single();
}
