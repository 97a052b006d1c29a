namespace Twill.System.Tests;

public sealed class ForeignTextTests
{
    [Theory]
    [InlineData("10.244.7.0-24", "10.244.7.0-24")]
    [InlineData("gr\u00fcn \U0001f600", "gr\u00fcn \U0001f600")]
    [InlineData("\u001b[2Jgone\r\n", "\\u001b[2Jgone\\u000d\\u000a")]
    [InlineData("\u009bm\u2028\u202eback", "\\u009bm\\u2028\\u202eback")]
    public void Control_characters_are_escaped(string text, string shown) => ForeignText.Shown(text).Should().Be(shown);

    /// <summary>Not a row of the theory: a test's name with half a character in it cannot be written down.</summary>
    [Fact]
    public void Half_a_character_is_escaped() => ForeignText.Shown("back\ud800").Should().Be("back\\ud800");

    [Fact]
    public void Long_text_is_cut()
    {
        ForeignText.Shown(new string('a', 200)).Should().HaveLength(200);
        ForeignText.Shown(new string('a', 1_000_000)).Should().Be(new string('a', 200) + "...");
    }
}
