using System.Text.Json.Nodes;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Cli;

/// <summary>`twill convert`, which twilld carries out.</summary>
public sealed class ConvertTests
{
    [RequiresRootFact]
    public void The_network_is_on_standard_output_and_what_would_change_beside()
    {
        using TempDir dir = TempDir.Create();
        string file = dir.At("10-crio.conflist");
        File.WriteAllText(file, """{"name":"crio","type":"bridge","ipam":{"type":"host-local","subnet":"10.85.0.0/16"} }""");

        CmdResult made = Cmd.Run(Path.Combine(RepoPaths.Bin, "twill"), ["convert", file]).OrThrow();

        JsonObject list = JsonNode.Parse(made.Stdout)!.AsObject();
        ((string?)list.Plugin()["type"], (string?)list.Ipam()["type"]).Should().Be(("twill", "twill-ipam"));
        made.Stderr.Should().Contain("twill convert: cniVersion was missing, and is 1.0.0");

        File.WriteAllText(file, """{"name":"crio","type":"bridge","vlan":7,"ipam":{"type":"host-local","subnet":"10.85.0.0/16"} }""");
        CmdResult refused = Cmd.Run(Path.Combine(RepoPaths.Bin, "twill"), ["convert", file]);
        (refused.ExitCode, refused.Stdout).Should().Be((1, ""));
        refused.Stderr.Should().Contain("$.vlan, value '7'");
        Cmd.Run(Path.Combine(RepoPaths.Bin, "twill"), ["convert"]).ExitCode.Should().Be(2);
    }
}
