using System.Text;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.WireGuard;

/// <summary>Somebody who sees every frame between the hosts of a lab.</summary>
internal sealed class Wiretap : IDisposable
{
    /// <summary>Bytes that pings carry, so that they are known wherever they are seen.</summary>
    internal const string Marker = "clear-text";

    private readonly TempDir _directory = TempDir.Create();
    private readonly Daemon _sniffer;

    private Wiretap(Lab lab)
    {
        string script = Path.Combine(RepoPaths.Root, "tests", "EndToEnd.Tests", "WireGuard", "sniff.py");
        _sniffer = Daemon.Start("sniff.py", [.. lab.Underlay.Enter, "python3", script, Marker, "10.244"], _directory.At("log"));
        Eventually.True("the wire is tapped", () => _sniffer.Log.Contains("ready"), onFailure: () => _sniffer.Log);
    }

    internal static Wiretap On(Lab lab) => new(lab);

    /// <summary>Frames that let an outsider read what containers say, or who talks to whom; empty when there was none.</summary>
    internal IReadOnlyList<string> Readable =>
        [.. _sniffer.Log.Split('\n').Where(line => line.StartsWith("marker") || line.StartsWith("clear"))];

    /// <summary>Whether packets of WireGuard were seen.</summary>
    internal bool SawTunnel => _sniffer.Log.Contains("tunnel");

    /// <summary>One ping that carries the marker; whether it is answered within a second.</summary>
    internal static bool Ping(NetnsShell from, string address) =>
        from.Run(
            "ping",
            "-n",
            "-q",
            "-c",
            "1",
            "-W",
            "1",
            "-s",
            "400",
            "-p",
            Convert.ToHexStringLower(Encoding.ASCII.GetBytes(Marker)),
            address
        ).ExitCode == 0;

    public void Dispose()
    {
        _sniffer.Dispose();
        _directory.Dispose();
    }
}
