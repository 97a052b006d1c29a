using System.Security.Cryptography;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Packages;

/// <summary>The files themselves that build/package.sh makes.</summary>
public sealed partial class PackageTests(BuiltPackages packages) : IClassFixture<BuiltPackages>
{
    private static readonly string[] s_programs = ["twill", "twill-ipam", "twilld"];

    /// <summary>That of Debian 11, the oldest system that is supported.</summary>
    private static readonly Version s_newestGlibc = new(2, 31);

    [RequiresRootFact]
    public void Lintian_finds_nothing_to_complain_about()
    {
        CmdResult judged = Cmd.Run(
            "lintian",
            ["--allow-root", "--fail-on", "error,warning", packages.Deb],
            TimeSpan.FromMinutes(2)
        );

        judged.Stdout.Should().BeEmpty();
        judged.ExitCode.Should().Be(0, judged.ToString());
        Figures.Report("lintian", "0 tags");
    }

    [RequiresRootFact]
    public void Another_time_zone_language_and_umask_and_later_files_give_the_same_bytes()
    {
        using TempDir again = TempDir.Create();
        Dictionary<string, string?> environment = new() { ["TZ"] = "Pacific/Auckland", ["LC_ALL"] = "C.UTF-8" };
        string script = $"umask 077 && exec {RepoPaths.Root}/build/package.sh --arch amd64 --out {again.Path}";
        Cmd.Run("sh", ["-c", script], TimeSpan.FromMinutes(5), environment).OrThrow();

        File.ReadAllText(again.At("SHA256SUMS")).Should().Be(File.ReadAllText(Path.Combine(packages.Directory, "SHA256SUMS")));
    }

    [RequiresRootFact]
    public void The_sums_are_those_of_the_files()
    {
        Cmd.Run("sh", ["-c", $"cd {packages.Directory} && sha256sum --check --strict SHA256SUMS"]).OrThrow();
        File.ReadAllLines(Path.Combine(packages.Directory, "SHA256SUMS"))
            .Select(line => line.Split("  ")[1])
            .Should()
            .BeEquivalentTo(
                $"twill-linux-amd64-v{BuiltPackages.Version}.tgz",
                $"twill-linux-amd64-v{BuiltPackages.Version}.cdx.json",
                $"twill-image-linux-amd64-v{BuiltPackages.Version}.tar.gz",
                $"twill_{BuiltPackages.Version}_amd64.deb"
            );
    }

    [RequiresRootFact]
    public void The_tarball_has_the_programs_at_its_top_as_those_of_CNI_have()
    {
        string[] entries = Cmd.Run("tar", ["-tvzf", packages.Tarball]).OrThrow().Stdout.Split('\n', StringSplitOptions.RemoveEmptyEntries);

        entries.Should().OnlyContain(line => line.Contains(" root/root ") || line.Contains(" 0/0 "));
        foreach (string program in s_programs)
        {
            string entry = entries.Single(line => line.EndsWith($" ./{program}", StringComparison.Ordinal));
            entry.Should().StartWith("-rwxr-xr-x");
        }

        using TempDir directory = TempDir.Create();
        Cmd.Run("tar", ["-C", directory.Path, "-xzf", packages.Tarball]).OrThrow();
        foreach (string program in s_programs)
        {
            Sha256(directory.At(program)).Should().Be(Sha256(RepoPaths.Program(program)));
        }
    }

    [RequiresRootFact]
    public void The_package_asks_for_the_C_library_that_the_programs_need_and_no_newer_one()
    {
        Version needed = s_programs.Select(NewestGlibc).Max()!;

        needed.Should().BeLessThanOrEqualTo(s_newestGlibc);
        NewestGlibc("twill").Should().Be(new Version(0, 0), "it is static, and runs where there is no C library");
        Field("Depends").Should().Be($"libc6 (>= {needed})");
        Figures.Report("glibc", $"{needed} or newer");
    }

    [Trait("Programs", "further")]
    [RequiresRootFact]
    public void For_arm64_there_is_the_same()
    {
        using TempDir directory = TempDir.Create();
        BuiltPackages.Build(directory.Path, "--arch arm64 --only deb,sbom");

        string deb = directory.At($"twill_{BuiltPackages.Version}_arm64.deb");
        Cmd.Run("dpkg-deb", ["--field", deb, "Architecture"]).OrThrow().Stdout.Trim().Should().Be("arm64");
        Contents(deb).Should().BeEquivalentTo(Contents(packages.Deb));
        Cmd.Run("dpkg-deb", ["--extract", deb, directory.At("files")]).OrThrow();
        Sha256(directory.At("files/opt/cni/bin/twill")).Should().Be(Sha256(RepoPaths.Arm64Program("twill")));
        JsonNode bill = JsonNode.Parse(File.ReadAllText(directory.At($"twill-linux-arm64-v{BuiltPackages.Version}.cdx.json")))!;
        Names(bill).Should().Contain("runtime.linux-arm64.Microsoft.DotNet.ILCompiler").And.NotContain(name => name.Contains("linux-x64"));
    }

    [RequiresRootFact]
    public void The_bill_of_materials_has_every_package_of_the_lock_files_with_its_version_licence_and_hash()
    {
        JsonNode bill = JsonNode.Parse(File.ReadAllText(packages.Bill))!;
        ((string?)bill["bomFormat"]).Should().Be("CycloneDX");
        Dictionary<string, JsonNode> components = bill["components"]!.AsArray().ToDictionary(c => $"{c!["name"]} {c["version"]}", c => c!);
        HashSet<string> expected = [.. s_programs.Select(program => $"{program} {BuiltPackages.Version}")];
        foreach (string project in new[] { "cni/twill", "ipam/twill-ipam", "cni/twilld" })
        {
            string lockFile = Path.Combine(RepoPaths.Root, project, "packages.lock.json");
            JsonNode sections = JsonNode.Parse(File.ReadAllText(lockFile))!["dependencies"]!;
            foreach ((string name, JsonNode? locked) in sections["net10.0"]!.AsObject().Concat(sections["net10.0/linux-x64"]!.AsObject()))
            {
                if ((string?)locked!["type"] == "Project")
                {
                    continue;
                }

                string key = $"{name} {locked["resolved"]}";
                expected.Add(key);
                JsonNode component = components.Should().ContainKey(key).WhoseValue;
                ((string?)component["properties"]![0]!["value"]).Should().Be((string?)locked["contentHash"]);
                ((string?)component["hashes"]![0]!["content"]).Should().MatchRegex("^[0-9a-f]{128}$");
                ((string?)component["licenses"]![0]!["license"]!["id"]).Should().BeOneOf("MIT", "Apache-2.0", "BSD-3-Clause");
            }
        }

        components.Keys.Should().BeEquivalentTo(expected);
        foreach (string program in s_programs)
        {
            ((string?)components[$"{program} {BuiltPackages.Version}"]["hashes"]![0]!["content"])
                .Should()
                .Be(Sha256(RepoPaths.Program(program)).ToLowerInvariant());
        }
    }

    private string Field(string name) => Cmd.Run("dpkg-deb", ["--field", packages.Deb, name]).OrThrow().Stdout.Trim();

    private static IEnumerable<string> Contents(string deb) =>
        Cmd.Run("dpkg-deb", ["--contents", deb]).OrThrow().Stdout.Split('\n').Select(line => Space().Replace(line, " ").Split(' ')[^1]);

    private static IEnumerable<string> Names(JsonNode bill) =>
        bill["components"]!.AsArray().Select(component => (string?)component!["name"] ?? "");

    private static Version NewestGlibc(string program) =>
        Glibc()
            .Matches(Cmd.Run("objdump", ["-T", RepoPaths.Program(program)]).Stdout)
            .Select(match => Version.Parse(match.Groups[1].ValueSpan))
            .Append(new Version(0, 0))
            .Max()!;

    private static string Sha256(string path) => Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(path)));

    [GeneratedRegex(@"GLIBC_(\d+\.\d+)")]
    private static partial Regex Glibc();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Space();
}
