using Twill.Plugin.Cli;

namespace Twill.Plugin.Tests.Cli;

public sealed class TableTests
{
    [Fact]
    public void Columns_are_as_wide_as_their_widest_word_and_lines_end_without_blanks()
    {
        ConsoleOutput screen = new(colours: false);
        Table table = new("A", "LONG");
        table.Add("value", "x");
        table.Add("y", "");
        table.Print(screen, "  ");
        screen.Text.Should().Be("  A      LONG\n  value  x\n  y\n");
    }

    [Fact]
    public void Colours_do_not_count_as_width()
    {
        ConsoleOutput screen = new(colours: true);
        Table table = new();
        table.Add(new Cell("ok", Style.Good), "a");
        table.Add(new Cell("missing", Style.Bad), "b");
        table.Print(screen);
        screen.Text.Should().Be("\e[32mok\e[0m       a\n\e[31mmissing\e[0m  b\n");
    }

    [Theory]
    [InlineData(-3, "0 s")]
    [InlineData(119.9, "119 s")]
    [InlineData(120, "2 min")]
    [InlineData(3600, "1 h 0 min")]
    [InlineData(86399, "23 h 59 min")]
    [InlineData(183_600, "2 d 3 h")]
    public void Times_are_told_in_two_units_at_most(double seconds, string text) => Format.Time(seconds).Should().Be(text);

    [Theory]
    [InlineData(1, "address", "1 address")]
    [InlineData(0, "address", "0 addresses")]
    [InlineData(2, "address record", "2 address records")]
    [InlineData(2, "prefix", "2 prefixes")]
    [InlineData(2, "switch", "2 switches")]
    [InlineData(5, "remote subnet", "5 remote subnets")]
    public void What_is_counted_has_its_plural(int number, string one, string text) => Format.Count(number, one).Should().Be(text);

    [Fact]
    public void A_long_list_is_cut()
    {
        Format.Few(["a", "b"]).Should().Be("a, b");
        Format.Few(["a", "b", "c", "d", "e"]).Should().Be("a, b, c and 2 more");
    }
}
