using System.Diagnostics;
using System.Globalization;

namespace Twill.Cni;

/// <summary>
/// Where the time of a call goes, on standard error, when <c>TWILL_TIMINGS</c> is set to anything. A line for each phase: the program, the
/// clock (CLOCK_MONOTONIC, so that a plugin and the IPAM plugin it runs can be read side by side), what the phase took, and what it was.
/// <code>
/// twill ADD   81234.567 ms  +0.214  network namespace, MTU
/// </code>
/// </summary>
public sealed class Phases
{
    /// <summary>The environment variable that asks for it.</summary>
    public const string Variable = "TWILL_TIMINGS";

    private readonly ICniProcess _process;
    private readonly string _who;
    private long _last = Stopwatch.GetTimestamp();

    private Phases(ICniProcess process, CniVerb verb)
    {
        _process = process;
        _who = $"{Path.GetFileName(Environment.ProcessPath)} {verb.Name()}";
        TimeSpan spent = Environment.CpuUsage.TotalTime;
        Say(
            _last,
            string.Create(CultureInfo.InvariantCulture, $"        started; processor time until here {spent.TotalMilliseconds:0.000} ms")
        );
    }

    /// <summary>Null unless it was asked for.</summary>
    internal static Phases? Of(ICniProcess process, CniVerb verb) =>
        process.Environment.ContainsKey(Variable) ? new Phases(process, verb) : null;

    /// <summary>A phase has ended.</summary>
    /// <param name="what">What was done in it.</param>
    public void Done(string what)
    {
        long now = Stopwatch.GetTimestamp();
        Say(
            now,
            string.Create(CultureInfo.InvariantCulture, $"+{Stopwatch.GetElapsedTime(_last, now).TotalMilliseconds,6:0.000}  {what}")
        );
        _last = now;
    }

    private void Say(long now, string text) =>
        _process.WriteStderr(string.Create(CultureInfo.InvariantCulture, $"{_who} {now * 1e3 / Stopwatch.Frequency,14:0.000} ms  {text}"));
}
