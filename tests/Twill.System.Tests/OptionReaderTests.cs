namespace Twill.System.Tests;

public sealed class OptionReaderTests
{
    [Fact]
    public void Options_have_their_value_behind_an_equals_sign_or_in_the_next_argument()
    {
        OptionReader reader = new(["--conf=/a=b", "--network", "--odd", "word", "-h=1", "--flag"]);

        reader.Read().Should().BeTrue();
        (reader.Name, reader.IsBare, reader.Value("none")).Should().Be(("--conf", false, "/a=b"));
        reader.Read().Should().BeTrue();
        (reader.Name, reader.IsBare, reader.Value("none")).Should().Be(("--network", true, "--odd"));
        reader.Read().Should().BeTrue();
        reader.Name.Should().Be("word");
        reader.Read().Should().BeTrue();
        (reader.Name, reader.Argument).Should().Be(("-h=1", "-h=1"), "only long options have a value attached");
        reader.Read().Should().BeTrue();
        (reader.Name, reader.IsBare).Should().Be(("--flag", true));
        reader.Read().Should().BeFalse();
    }

    [Theory]
    [InlineData("--conf")]
    [InlineData("--conf=")]
    [InlineData("--conf", "")]
    public void A_value_that_is_not_there_or_empty_is_missing(params string[] arguments)
    {
        OptionReader reader = new(arguments);
        reader.Read();

        FluentActions.Invoking(() => reader.Value("it takes a file")).Should().Throw<UsageException>().WithMessage("it takes a file");
    }
}
