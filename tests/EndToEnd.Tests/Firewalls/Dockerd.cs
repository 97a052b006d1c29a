using Twill.Testing;

namespace Twill.EndToEnd.Tests.Firewalls;

/// <summary>Debian's dockerd on a host, with its bridge and its iptables rules and no container.</summary>
internal sealed class Dockerd : IDisposable
{
    private const string Command =
        "exec dockerd --data-root /run/docker-data --exec-root /run/docker-exec --pidfile /run/docker.pid -H unix:///run/docker.sock "
        + "--storage-driver vfs";

    private readonly LabHost _host;
    private readonly TempDir _directory = TempDir.Create();
    private Daemon _dockerd;
    private int _starts;

    private Dockerd(LabHost host) => (_host, _dockerd) = (host, Started(host));

    /// <summary>Starts it; returns when its rules are there.</summary>
    internal static Dockerd On(LabHost host) => new(host);

    /// <summary>`systemctl restart docker`.</summary>
    internal void Restart()
    {
        _dockerd.Stop(TimeSpan.FromSeconds(30));
        _dockerd.Dispose();
        _dockerd = Started(_host);
    }

    public void Dispose()
    {
        _dockerd.Dispose();
        // which outlives a killed dockerd for a moment
        _host.Run("sh", "-c", "kill -KILL $(cat /run/docker-exec/containerd/containerd.pid)");
        _directory.Dispose();
    }

    private Daemon Started(LabHost host)
    {
        Daemon dockerd = Daemon.Start("dockerd", [.. host.Enter, "sh", "-c", Command], _directory.At($"log{++_starts}"));
        Eventually.True("dockerd is ready", () => dockerd.Log.Contains("API listen on"), TimeSpan.FromSeconds(60), () => dockerd.Log);
        return dockerd;
    }
}
