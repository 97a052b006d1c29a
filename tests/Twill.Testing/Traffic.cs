using System.Globalization;
using System.Text.RegularExpressions;

namespace Twill.Testing;

/// <summary>A ping every few milliseconds from a namespace to an address, until it is disposed.</summary>
public sealed partial class Traffic : IDisposable
{
    private readonly TempDir _directory = TempDir.Create();
    private readonly Daemon _ping;

    private Traffic(NetnsShell from, string address, int milliseconds) =>
        _ping = Daemon.Start("ping", [.. from.Enter, "ping", "-n", "-i", $"0.{milliseconds:000}", address], _directory.At("log"));

    /// <summary>Starts it and returns when the first pings are answered.</summary>
    /// <param name="from">Where to ping from.</param>
    /// <param name="address">What to ping.</param>
    /// <param name="milliseconds">The time between two pings, 1 to 999.</param>
    public static Traffic Start(NetnsShell from, string address, int milliseconds = 20)
    {
        Traffic traffic = new(from, address, milliseconds);
        traffic.WaitForMore(10);
        return traffic;
    }

    /// <summary>Waits until so many more pings are answered.</summary>
    public void WaitForMore(int answers)
    {
        int wanted = Answered().Count + answers;
        Eventually.True($"{wanted} pings are answered", () => Answered().Count >= wanted, onFailure: () => _ping.Log);
    }

    /// <summary>The numbers of the pings that were not answered although a later one was.</summary>
    public IReadOnlyList<int> Lost()
    {
        HashSet<int> answered = Answered();
        return [.. Enumerable.Range(1, answered.Max()).Where(n => !answered.Contains(n))];
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _ping.Dispose();
        _directory.Dispose();
    }

    private HashSet<int> Answered() =>
        [.. Answer().Matches(_ping.Log).Select(m => int.Parse(m.Groups[1].ValueSpan, CultureInfo.InvariantCulture))];

    [GeneratedRegex(@"bytes from .*icmp_seq=(\d+) ")]
    private static partial Regex Answer();
}
