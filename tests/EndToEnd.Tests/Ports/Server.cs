using System.Net;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Ports;

/// <summary>A socat in a container that answers everyone with a name and the address that it was asked from, of one family or the
/// other.</summary>
internal sealed class Server : IDisposable
{
    private static readonly string s_ask = Path.Combine(RepoPaths.Root, "tests", "EndToEnd.Tests", "Ports", "ask.py");

    private readonly TempDir _directory = TempDir.Create();
    private readonly Daemon _socat;

    private Server(NetnsShell at, string protocol, int port, string name, string family)
    {
        string listen = protocol == "tcp" ? $"TCP{family}-LISTEN:{port},reuseaddr,fork" : $"UDP{family}-RECVFROM:{port},fork";
        _socat = Daemon.Start(
            "socat",
            [.. at.Enter, "socat", "-d", "-d", listen, $"SYSTEM:read question; echo {name} $SOCAT_PEERADDR"],
            _directory.At("log")
        );
        string listening = protocol == "tcp" ? "-ltn" : "-lun";
        Eventually.True($"{name} listens", () => at.Run("ss", listening).Stdout.Contains($":{port} "), onFailure: () => _socat.Log);
    }

    internal static Server On(NetnsShell at, string protocol, int port, string name) => new(at, protocol, port, name, "4");

    /// <summary>One that is asked over IPv6.</summary>
    internal static Server On6(NetnsShell at, string protocol, int port, string name) => new(at, protocol, port, name, "6");

    /// <summary>What is answered at an address and port; empty when nothing is within five seconds.</summary>
    internal static string Ask(NetnsShell from, string protocol, string address, int port, int sourcePort = 0)
    {
        string answer = from.Run("python3", s_ask, protocol, address, $"{port}", $"{sourcePort}").OrThrow().Stdout.Trim();
        int bracket = answer.IndexOf('['); // socat writes all 32 digits of an IPv6 address
        return bracket < 0 ? answer : answer[..bracket] + IPAddress.Parse(answer[bracket..]);
    }

    public void Dispose()
    {
        _socat.Dispose();
        _directory.Dispose();
    }
}
