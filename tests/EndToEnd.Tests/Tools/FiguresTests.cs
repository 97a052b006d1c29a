using Twill.Testing;

namespace Twill.EndToEnd.Tests.Tools;

public sealed class FiguresTests
{
    [Fact]
    public void Each_thing_counted_is_a_line_of_its_own_and_counted_again_it_is_replaced()
    {
        using TempDir directory = TempDir.Create();
        Figures.Write(directory.Path, "fuzz: stdin", "1 case");
        Figures.Write(directory.Path, "kill points: ADD", "3 points");
        Figures.Write(directory.Path, "fuzz: stdin", "2 cases");
        string all = string.Concat(Directory.GetFiles(directory.Path).Order(StringComparer.Ordinal).Select(File.ReadAllText));
        all.Should().Be("fuzz: stdin: 2 cases\nkill points: ADD: 3 points\n");
    }
}
