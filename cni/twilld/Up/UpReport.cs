using System.Text.Json;

namespace Twill.Agent.Up;

/// <summary>How a step of <c>twilld up</c> went.</summary>
internal enum StepState
{
    /// <summary>It is as it should be.</summary>
    Ok,

    /// <summary>It was made so.</summary>
    Done,

    /// <summary>Somebody has to do something, which is said; the next steps are tried all the same.</summary>
    Todo,

    /// <summary>Nothing that comes behind it makes sense.</summary>
    Failed,
}

/// <summary>A step, told.</summary>
/// <param name="Name">what was looked at</param>
/// <param name="State">how it went</param>
/// <param name="Text">what was found</param>
/// <param name="Advice">what to do; null: nothing</param>
/// <param name="Diff">the change that is made or proposed; null: none</param>
internal sealed record Step(string Name, StepState State, string Text, string? Advice = null, string? Diff = null);

/// <summary>Tells people of each step as it is done, and programs of all of them at the end.</summary>
internal sealed class UpReport(TextWriter to, bool json)
{
    private static readonly string[] s_states = ["ok", "done", "todo", "failed"];

    private readonly List<Step> _steps = [];

    /// <summary>0: nothing is left to do.</summary>
    internal int ExitCode => _steps.Exists(static step => step.State is StepState.Todo or StepState.Failed) ? 1 : 0;

    internal void Tell(Step step)
    {
        _steps.Add(step);
        if (json)
        {
            return;
        }

        to.WriteLine($"{s_states[(int)step.State], -7} {step.Name, -14} {step.Text}");
        foreach (string line in step.Diff?.TrimEnd('\n').Split('\n') ?? [])
        {
            to.WriteLine($"        {line}");
        }

        if (step.Advice is not null)
        {
            to.WriteLine($"        -> {step.Advice}");
        }

        to.Flush();
    }

    /// <summary>The end: what to type next.</summary>
    internal void End(string? next)
    {
        if (!json)
        {
            to.WriteLine(ExitCode == 0 ? $"the network is there; next: {next}" : "not all is done: do what is said above, then the same again");
            return;
        }

        to.Write(
            JsonText.Of(w =>
                {
                    w.WriteStartObject();
                    w.WriteBoolean("done", ExitCode == 0);
                    w.WriteStartArray("steps");
                    foreach (Step step in _steps)
                    {
                        w.WriteStartObject();
                        w.WriteString("step", step.Name);
                        w.WriteString("state", s_states[(int)step.State]);
                        w.WriteString("text", step.Text);
                        WriteUnlessNull(w, "advice", step.Advice);
                        WriteUnlessNull(w, "diff", step.Diff);
                        w.WriteEndObject();
                    }

                    w.WriteEndArray();
                    WriteUnlessNull(w, "next", ExitCode == 0 ? next : null);
                    w.WriteEndObject();
                })
        );
    }

    private static void WriteUnlessNull(Utf8JsonWriter w, string key, string? value)
    {
        if (value is not null)
        {
            w.WriteString(key, value);
        }
    }
}
