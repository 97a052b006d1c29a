using System.Security.Cryptography;
using Twill.Testing;

namespace Twill.EndToEnd.Tests;

/// <summary>The same sources give the same bytes, wherever they lie.</summary>
[Trait("Programs", "further")]
public sealed class ReproducibleBuildTests
{
    private static readonly TimeSpan s_timeout = TimeSpan.FromMinutes(10);

    [Fact]
    public void A_copy_of_the_sources_in_another_folder_becomes_the_same_program()
    {
        using TempDir directory = TempDir.Create();
        string copy = directory.At("a/folder/whose/name/is/of/another/length");
        CopySources(copy);

        // A compiler server would outlive this test; that of build/test.sh ends with it.
        Dictionary<string, string?> environment = new() { ["MSBUILDDISABLENODEREUSE"] = "1" };
        if (Environment.GetEnvironmentVariable("SharedCompilationId") is null)
        {
            environment["UseSharedCompilation"] = "false";
        }

        Cmd.Run(Path.Combine(copy, "build", "publish.sh"), ["twill"], s_timeout, environment).OrThrow();

        Sha256(Path.Combine(copy, "artifacts", "bin", "twill"))
            .Should()
            .Be(Sha256(RepoPaths.Program("twill")), "artifacts/bin/twill is that of these sources, or build/publish.sh makes it so");
    }

    // What git tracks and what it would, as it lies here.
    private static void CopySources(string to)
    {
        string[] files = Cmd.Run("git", ["-C", RepoPaths.Root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .OrThrow()
            .Stdout.Split('\0', StringSplitOptions.RemoveEmptyEntries);
        foreach (string file in files.Where(f => File.Exists(Path.Combine(RepoPaths.Root, f))))
        {
            string target = Path.Combine(to, file);
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(Path.Combine(RepoPaths.Root, file), target);
        }
    }

    private static string Sha256(string path) => Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(path)));
}
