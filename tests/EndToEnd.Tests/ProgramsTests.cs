using System.Text.Json;
using Twill.Testing;

namespace Twill.EndToEnd.Tests;

/// <summary>The published files themselves, before any network.</summary>
public sealed class ProgramsTests
{
    [Theory]
    [InlineData("twill")]
    [InlineData("twill-ipam")]
    public void A_plugin_tells_its_versions_and_looks_at_nothing_else(string program)
    {
        const string Dummy = "dummy"; // podman's word
        CniProcess plugin = new(RepoPaths.Program(program))
        {
            ContainerId = Dummy,
            Netns = Dummy,
            IfName = Dummy,
            PluginPath = Dummy,
        };
        CniAnswer answer = plugin.Run("VERSION", """{"cniVersion":"1.1.0"}""").OrThrow();
        answer
            .Json.GetProperty("supportedVersions")
            .EnumerateArray()
            .Select(v => v.GetString())
            .Should()
            .Contain(["0.3.1", "0.4.0", "1.0.0", "1.1.0"]);
        answer.Json.GetProperty("cniVersion").GetString().Should().Be("1.1.0");
        answer.Stderr.Should().BeEmpty();
    }

    [Fact]
    public void The_main_plugin_is_one_small_static_file()
    {
        string twill = RepoPaths.Program("twill");
        new FileInfo(twill).Length.Should().BeLessThanOrEqualTo(4_750_000);
        Cmd.Run("ldd", [twill]).Stderr.Should().Contain("not a dynamic executable");
    }

    [Theory]
    [InlineData("twill")]
    [InlineData("twill-ipam")]
    [InlineData("twilld")]
    public void Every_program_runs_without_the_dotnet_runtime(string program)
    {
        CmdResult help = Cmd.Run("env", ["-i", "PATH=/nowhere", RepoPaths.Program(program), "--help"]);
        help.ExitCode.Should().Be(0);
        help.Stdout.Should().StartWith(program).And.Contain("--help");
    }

    [RequiresRootFact]
    public void Conf_holds_nothing_that_is_not_tested()
    {
        Directory
            .GetFiles(RepoPaths.Conf)
            .Select(f => Path.GetFileName(f))
            .Where(name => !name.EndsWith(".md", StringComparison.Ordinal)) // the guides: DocumentsTests
            .Should()
            .BeEquivalentTo([
                "10-twill.conflist", // Cluster
                "10-twill-single.conflist", // SingleHost
                "10-twill-dual.conflist", // DualLeaseTests
                "10-twill-wireguard.conflist", // WireGuardCluster
                "10-twill-lan.conflist", // LanBridgeTests
                "10-twill-lan-routed.conflist", // LanInterfaceTests
                "twilld.service", // ServiceTests
                "twill-wireguard@.service", // WireGuardPrograms
            ]);
        foreach (string file in Directory.GetFiles(RepoPaths.Conf, "*.conflist"))
        {
            using JsonDocument document = JsonDocument.Parse(File.ReadAllText(file));
            document.RootElement.GetProperty("cniVersion").GetString().Should().Be("1.0.0", "runtimes before libcni 1.2 refuse 1.1.0");
        }
    }
}
