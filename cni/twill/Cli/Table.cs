namespace Twill.Plugin.Cli;

/// <summary>A word in a table.</summary>
internal readonly record struct Cell(string Text, Style Style = Style.Plain)
{
    public static implicit operator Cell(string text) => new(text);
}

/// <summary>Lines whose columns are as wide as their widest word; a header unless there is none to print.</summary>
internal sealed class Table(params string[] header)
{
    private readonly List<Cell[]> _lines = [];

    public void Add(params Cell[] line) => _lines.Add(line);

    public void Print(ConsoleOutput screen, string indent = "")
    {
        List<int> widths = [];
        Measure(widths, Array.ConvertAll(header, word => new Cell(word)));
        foreach (Cell[] line in _lines)
        {
            Measure(widths, line);
        }

        if (header.Length > 0)
        {
            Print(screen, indent, widths, Array.ConvertAll(header, word => new Cell(word, Style.Strong)));
        }

        foreach (Cell[] line in _lines)
        {
            Print(screen, indent, widths, line);
        }
    }

    private static void Measure(List<int> widths, Cell[] line)
    {
        for (int i = 0; i < line.Length; i++)
        {
            if (i == widths.Count)
            {
                widths.Add(0);
            }

            widths[i] = Math.Max(widths[i], line[i].Text.Length);
        }
    }

    private static void Print(ConsoleOutput screen, string indent, List<int> widths, Cell[] line)
    {
        string text = indent;
        for (int i = 0; i < line.Length; i++)
        {
            string gap = i == line.Length - 1 ? "" : new string(' ', widths[i] - line[i].Text.Length + 2);
            text += screen.Paint(line[i].Style, line[i].Text) + gap;
        }
        screen.Line(text);
    }
}
