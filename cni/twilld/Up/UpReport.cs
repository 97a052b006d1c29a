using System.Text;
using System.Text.Json;
using Twill.Cni;

namespace Twill.Agent.Up;

/// <summary>How a step of <c>twill up</c> went.</summary>
internal enum StepState
{
    /// <summary>It is as it should be.</summary>
    Ok,

    /// <summary>It was made so.</summary>
    Done,

    /// <summary>Somebody should know of it; nothing is in the way.</summary>
    Note,

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
    private static readonly string[] s_states = ["ok", "done", "note", "todo", "failed"];

    private readonly List<Step> _steps = [];
    private string? _progress;

    /// <summary>Whether nothing is left to do.</summary>
    internal bool IsDone => !_steps.Exists(static step => step.State is StepState.Todo or StepState.Failed);

    internal void Tell(Step step)
    {
        _steps.Add(step);
        if (!json)
        {
            Line(s_states[(int)step.State], step.Name, step.Text);
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
    }

    /// <summary>Tells people what is being waited for, when that has changed.</summary>
    internal void Progress(string name, string text)
    {
        if (!json && text != _progress)
        {
            _progress = text;
            Line("...", name, text);
            to.Flush();
        }
    }

    /// <summary>The end.</summary>
    /// <param name="done">what is said when nothing is left to do</param>
    /// <param name="left">what is said otherwise</param>
    /// <param name="next">the next command to type, when nothing is left to do; null: none</param>
    internal void End(string done, string left, string? next)
    {
        next = IsDone ? next : null;
        if (!json)
        {
            to.WriteLine($"{(IsDone ? done : left)}{(next is null ? "" : $"; next: {next}")}");
            return;
        }

        to.Write(Encoding.UTF8.GetString(CniJson.Write(w => Write(w, next), indented: true)));
    }

    private void Line(string state, string name, string text) => to.WriteLine($"{state,-7} {name,-11} {text}");

    private void Write(Utf8JsonWriter w, string? next)
    {
        w.WriteStartObject();
        w.WriteBoolean("done", IsDone);
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
        WriteUnlessNull(w, "next", next);
        w.WriteEndObject();
    }

    private static void WriteUnlessNull(Utf8JsonWriter w, string key, string? value)
    {
        if (value is not null)
        {
            w.WriteString(key, value);
        }
    }
}
