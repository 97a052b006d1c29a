using System.Globalization;
using System.Text.RegularExpressions;
using Twill.Testing;

namespace Twill.EndToEnd.Tests;

/// <summary>A ping every 20 ms from a container to an address, until it is disposed.</summary>
internal sealed partial class Traffic : IDisposable
{
    private readonly TempDir _directory = TempDir.Create();
    private readonly Daemon _ping;

    private Traffic(LabContainer from, string address) =>
        _ping = Daemon.Start("ping", [.. from.Enter, "ping", "-n", "-i", "0.02", address], _directory.At("log"));

    /// <summary>Starts it and returns when the first pings are answered.</summary>
    internal static Traffic Start(LabContainer from, string address)
    {
        Traffic traffic = new(from, address);
        traffic.WaitForMore(10);
        return traffic;
    }

    /// <summary>Waits until so many more pings are answered.</summary>
    internal void WaitForMore(int answers)
    {
        int wanted = Answered().Count + answers;
        Eventually.True($"{wanted} pings are answered", () => Answered().Count >= wanted, onFailure: () => _ping.Log);
    }

    /// <summary>The numbers of the pings that were not answered although a later one was.</summary>
    internal IReadOnlyList<int> Lost()
    {
        HashSet<int> answered = Answered();
        return [.. Enumerable.Range(1, answered.Max()).Where(n => !answered.Contains(n))];
    }

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
