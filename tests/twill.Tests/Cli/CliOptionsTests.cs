using Twill.Plugin.Cli;
using Twill.Testing;

namespace Twill.Plugin.Tests.Cli;

public sealed class CliOptionsTests
{
    [Fact]
    public void A_command_alone_means_everything_as_text()
    {
        CliOptions.Parse(["doctor"]).Should().Be(new CliOptions { Command = "doctor", ConfDir = "/etc/cni/net.d" });
    }

    [Fact]
    public void Options_come_in_any_order_and_with_either_form_of_value()
    {
        CliOptions
            .Parse(["--json", "peers", "--network", "a", "--conf-dir=/x"])
            .Should()
            .Be(
                new CliOptions
                {
                    Command = "peers",
                    Json = true,
                    Network = "a",
                    ConfDir = "/x",
                }
            );
        CliOptions
            .Parse(["cleanup", "--yes", "--force", "--addresses"])
            .Should()
            .Be(
                new CliOptions
                {
                    Command = "cleanup",
                    Yes = true,
                    Force = true,
                    Addresses = true,
                }
            );
    }

    [Theory]
    [InlineData("stauts", "unknown argument 'stauts'")]
    [InlineData("--json", "expected a command")]
    [InlineData("status peers", "unknown argument 'peers'")]
    [InlineData("status --network", "expected a network's name after --network")]
    [InlineData("status --conf-dir=", "expected a directory after --conf-dir")]
    [InlineData("status --json=yes", "unknown argument '--json'")]
    [InlineData("status --yes", "--yes belongs to 'twill cleanup'")]
    public void What_makes_no_sense_is_named_and_ends_with_code_2(string line, string complaint)
    {
        FakeCniProcess process = new("");
        Usage.Print(process, line.Split(' ')).Should().Be(2);
        process.StderrLines.Should().ContainSingle().Which.Should().Contain(complaint).And.Contain("--help");
        process.Stdout.Should().BeEmpty();
    }

    [Theory]
    [InlineData("status")]
    [InlineData("peers")]
    [InlineData("doctor")]
    [InlineData("cleanup")]
    public void Every_command_explains_itself(string command)
    {
        FakeCniProcess process = new("");
        Usage.Print(process, [command, "--help"]).Should().Be(0);
        process.Stdout.Should().StartWith($"twill {command}: ").And.Contain("--json").And.Contain("--conf-dir").And.Contain("Exit code: 0");
    }
}
