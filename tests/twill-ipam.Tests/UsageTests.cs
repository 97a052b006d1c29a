using Twill.Testing;

namespace Twill.Ipam.Tests;

public sealed class UsageTests
{
    [Theory]
    [InlineData(0, "twill-ipam is a CNI plugin")]
    [InlineData(0, "twill-ipam is a CNI plugin", "--help")]
    [InlineData(0, "1.1.0", "--version")]
    [InlineData(2, "--wrong", "--wrong")]
    public void A_person_who_runs_it_by_hand_is_told_what_it_is(int exitCode, string text, params string[] arguments)
    {
        var process = new FakeCniProcess("");
        Usage.Print(process, arguments).Should().Be(exitCode);
        (process.Stdout + string.Join('\n', process.StderrLines)).Should().Contain(text);
    }
}
