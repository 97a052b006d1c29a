using System.Text.Json;

namespace Twill.Plugin.Cli.Doctor;

/// <summary><c>twill doctor</c> for people and for programs.</summary>
internal static class DoctorReport
{
    public static void Print(ConsoleOutput screen, IReadOnlyList<Check> checks)
    {
        Table table = new();
        string? section = "";
        foreach (Check check in checks)
        {
            if (check.Network != section)
            {
                Flush();
                section = check.Network;
                screen.Line(screen.Paint(Style.Strong, section is null ? "this host" : $"network {section}"));
            }
            table.Add(Word(check.Outcome), check.Name, check.Text);
            if (check.Remedy is not null)
            {
                table.Add("", "", new Cell($"-> {check.Remedy}", Style.Strong));
            }
        }
        Flush();
        screen.Line(Summary(screen, checks));

        void Flush()
        {
            table.Print(screen, "  ");
            table = new Table();
        }
    }

    public static void Write(Utf8JsonWriter w, IReadOnlyList<Check> checks)
    {
        w.WriteStartObject();
        w.WriteStartArray("checks");
        foreach (Check check in checks)
        {
            w.WriteStartObject();
            w.WriteOptional("network", check.Network);
            w.WriteString("check", check.Name);
            w.WriteString("outcome", Word(check.Outcome).Text);
            w.WriteString("text", check.Text);
            w.WriteOptional("remedy", check.Remedy);
            w.WriteEndObject();
        }
        w.WriteEndArray();
        w.WriteNumber("ok", Count(checks, Outcome.Ok));
        w.WriteNumber("warnings", Count(checks, Outcome.Warning));
        w.WriteNumber("failed", Count(checks, Outcome.Failed));
        w.WriteEndObject();
    }

    private static string Summary(ConsoleOutput screen, IReadOnlyList<Check> checks)
    {
        int warnings = Count(checks, Outcome.Warning),
            failed = Count(checks, Outcome.Failed);
        string text = $"{Count(checks, Outcome.Ok)} ok, {Format.Count(warnings, "warning")}, {failed} failed";
        return screen.Paint(
            failed > 0 ? Style.Bad
                : warnings > 0 ? Style.Warning
                : Style.Good,
            text
        );
    }

    private static int Count(IReadOnlyList<Check> checks, Outcome outcome)
    {
        int count = 0;
        foreach (Check check in checks)
        {
            count += check.Outcome == outcome ? 1 : 0;
        }

        return count;
    }

    private static Cell Word(Outcome outcome) =>
        outcome switch
        {
            Outcome.Ok => new Cell("ok", Style.Good),
            Outcome.Warning => new Cell("warning", Style.Warning),
            _ => new Cell("failed", Style.Bad),
        };
}
