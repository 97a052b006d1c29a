namespace Twill.Host.Tests;

public sealed class KernelRequirementTests
{
    [Theory]
    [InlineData("5.9", "Linux 5.9, and twill needs 5.10 or newer")]
    [InlineData("4.19.0", "Linux 4.19, and twill needs 5.10")]
    [InlineData("5.10", null)]
    [InlineData("6.1.0", null)]
    public void A_kernel_before_5_10_is_named(string version, string? words)
    {
        string? fault = KernelRequirement.FaultOf(Version.Parse(version));

        if (words is null)
        {
            fault.Should().BeNull();
        }
        else
        {
            fault.Should().Contain(words);
        }
    }
}
