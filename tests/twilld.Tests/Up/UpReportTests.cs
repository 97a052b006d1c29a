using System.Text.Json.Nodes;
using Twill.Agent.Up;

namespace Twill.Agent.Tests.Up;

public sealed class UpReportTests
{
    private static readonly Step s_fine = new("kernel", StepState.Ok, "Linux 6.1"),
        s_left = new("podman", StepState.Todo, "it needs a file", "make it", "--- /dev/null\n+++ /f\n+a\n");

    [Fact]
    public void People_read_each_step_as_it_is_done_and_what_to_type_next()
    {
        StringWriter to = new() { NewLine = "\n" };
        UpReport report = new(to, json: false);

        report.Tell(s_fine);
        to.ToString().Should().Be("ok      kernel      Linux 6.1\n");
        report.Progress("agent", "it runs");
        report.Progress("agent", "it runs");
        report.End("the network is there", "not all is done", "twill status");

        report.IsDone.Should().BeTrue();
        to.ToString()
            .Should()
            .Be("ok      kernel      Linux 6.1\n...     agent       it runs\nthe network is there; next: twill status\n");
    }

    [Fact]
    public void What_is_left_is_told_with_the_change_and_what_to_do()
    {
        StringWriter to = new() { NewLine = "\n" };
        UpReport report = new(to, json: false);

        report.Tell(s_left);
        report.End("the network is there", "not all is done", "twill status");

        report.IsDone.Should().BeFalse();
        to.ToString()
            .Should()
            .Be(
                "todo    podman      it needs a file\n        --- /dev/null\n        +++ /f\n        +a\n        -> make it\n"
                    + "not all is done\n"
            );
    }

    [Fact]
    public void Programs_get_one_document()
    {
        StringWriter to = new();
        UpReport report = new(to, json: true);

        report.Tell(s_fine);
        report.Progress("agent", "it runs");
        report.Tell(s_left);
        to.ToString().Should().BeEmpty();
        report.End("the network is there", "not all is done", "twill status");

        JsonNode document = JsonNode.Parse(to.ToString())!;
        ((bool?)document["done"]).Should().BeFalse();
        JsonObject[] steps = [.. document["steps"]!.AsArray().Select(step => step!.AsObject())];
        steps.Should().HaveCount(2);
        steps[0].Select(member => member.Key).Should().Equal("step", "state", "text");
        steps[1].Select(member => (string?)member.Value).Should().Equal(s_left.Name, "todo", s_left.Text, s_left.Advice, s_left.Diff);
        document["next"].Should().BeNull();
    }

    [Theory]
    [InlineData("a\nb\nc\n", "a\nx\nc\n", "-b\n+x\n")]
    [InlineData("a\n", "a\nb\n", "+b\n")]
    [InlineData("a\nb\n", "a\n", "-b\n")]
    [InlineData("a\na\n", "a\na\na\n", "+a\n")]
    [InlineData("a\nb\nc\nd\n", "b\nc\nx\nd\n", "-a\n+x\n")]
    public void Of_a_change_the_lines_that_differ_are_shown(string before, string after, string lines) =>
        FileDiff.Of("/f", before, after).Should().Be($"--- /f\n+++ /f\n{lines}");
}
