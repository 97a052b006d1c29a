using Twill.Testing;

namespace Twill.EndToEnd.Tests.Ports;

/// <summary>A socat in a container that answers everyone with a name and the address that it was asked from.</summary>
internal sealed class Server : IDisposable
{
    private readonly TempDir _directory = TempDir.Create();
    private readonly Daemon _socat;

    private Server(NetnsShell at, string protocol, int port, string name)
    {
        string listen = protocol == "tcp" ? $"TCP-LISTEN:{port},reuseaddr,fork" : $"UDP-RECVFROM:{port},fork";
        _socat = Daemon.Start("socat", [.. at.Enter, "socat", "-d", "-d", listen, $"SYSTEM:read question; echo {name} $SOCAT_PEERADDR"], _directory.At("log"));
        string listening = protocol == "tcp" ? "-ltn" : "-lun";
        Eventually.True($"{name} listens", () => at.Run("ss", listening).Stdout.Contains($":{port} "), onFailure: () => _socat.Log);
    }

    internal static Server On(NetnsShell at, string protocol, int port, string name) => new(at, protocol, port, name);

    /// <summary>What is answered at an address and port; empty when nothing is.</summary>
    internal static string Ask(NetnsShell from, string protocol, string address, int port, int sourcePort = 0)
    {
        string source = sourcePort == 0 ? "" : $",sourceport={sourcePort}";
        string to = protocol == "tcp" ? $"TCP:{address}:{port},connect-timeout=1{source}" : $"UDP:{address}:{port}{source}";
        return from.Run("sh", "-c", $"echo '?' | socat -t 1.2 -T 2 - {to} 2>/dev/null").Stdout.Trim();
    }

    public void Dispose()
    {
        _socat.Dispose();
        _directory.Dispose();
    }
}
