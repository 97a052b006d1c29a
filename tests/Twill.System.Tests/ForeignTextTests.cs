namespace Twill.System.Tests;

public sealed class ForeignTextTests
{
    [Theory]
    [InlineData("10.244.7.0-24", "10.244.7.0-24")]
    [InlineData("gr\u00fcn \U0001f600", "gr\u00fcn \U0001f600")]
    [InlineData("\u001b[2Jgone\r\n", "\\u001b[2Jgone\\u000d\\u000a")]
    [InlineData("\u009bm\u2028\u202eback\ud800", "\\u009bm\\u2028\\u202eback\\ud800")]
    public void Control_characters_are_escaped(string text, string shown) => ForeignText.Shown(text).Should().Be(shown);

    [Fact]
    public void Long_text_is_cut()
    {
        ForeignText.Shown(new string('a', 200)).Should().HaveLength(200);
        ForeignText.Shown(new string('a', 1_000_000)).Should().Be(new string('a', 200) + "...");
    }
}
