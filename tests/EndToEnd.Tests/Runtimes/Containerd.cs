using Twill.Testing;

namespace Twill.EndToEnd.Tests.Runtimes;

/// <summary>containerd with its CRI plugin on a host, its state in memory. It keeps its pods across <see cref="Stop"/> and
/// <see cref="Start"/>.</summary>
internal sealed class Containerd : IDisposable
{
    private const string Socket = "/run/containerd/containerd.sock",
        PidFile = "/run/containerd.pid",
        Image = "/run/image.tar";

    private const string Config = $"""
        version = 2
        root = "/run/containerd/root"
        state = "/run/containerd/state"
        disabled_plugins = ["io.containerd.internal.v1.opt"]
        [grpc]
          address = "{Socket}"
        [plugins."io.containerd.grpc.v1.cri"]
          sandbox_image = "{BusyboxImage.Name}"
          disable_apparmor = true
          restrict_oom_score_adj = true
          [plugins."io.containerd.grpc.v1.cri".containerd]
            snapshotter = "native"
        """;

    private static string CniSection(string pluginDir) =>
        $"""

          [plugins."io.containerd.grpc.v1.cri".cni]
            bin_dir = "{pluginDir}"
        """;

    private readonly TempDir _directory = TempDir.Create();
    private readonly RuntimeNamespaces _place;
    private Daemon? _process;
    private CriClient? _cri;

    /// <summary>Starts containerd there and loads the image.</summary>
    /// <param name="place">where it runs</param>
    /// <param name="pluginDir">where it is told to look for plugins; null: it is told nothing</param>
    internal Containerd(RuntimeNamespaces place, string? pluginDir = null)
    {
        _place = place;
        try
        {
            if (pluginDir is null)
            {
                // The CRI plugin wants the reference plugin `loopback` beside the network's own.
                place.Sh($"ln -sf {RepoPaths.ReferencePlugins}/loopback /opt/cni/bin/");
            }

            place.Write("/run/containerd.toml", pluginDir is null ? Config : $"{Config}{CniSection(pluginDir)}");
            BusyboxImage.Write(place.At(Image));
            Start();
            place.Run("ctr", "--namespace", "k8s.io", "images", "import", Image).OrThrow();
            place.Run("ctr", "images", "import", Image).OrThrow();
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The Container Runtime Interface of the running containerd.</summary>
    internal CriClient Cri => _cri ?? throw new InvalidOperationException("containerd does not run");

    internal string Log => _process?.Log ?? "";

    /// <summary>Starts it and returns once it answers.</summary>
    internal void Start()
    {
        string[] command = [.. _place.Enter, "sh", "-c", $"echo $$ >{PidFile}; exec containerd --config /run/containerd.toml"];
        _process = Daemon.Start("containerd", command, _directory.At("log"));
        CriClient cri = new(_place.At(Socket));
        _cri = cri;
        Eventually.Pass(() => cri.NetworkReady(), TimeSpan.FromSeconds(30));
    }

    /// <summary>Ends containerd, not its pods.</summary>
    internal void Stop(Signal signal = Signal.Term)
    {
        _place.Sh($"kill -{(int)signal} $(cat {PidFile})");
        _process!.WaitForExit(TimeSpan.FromSeconds(20));
        _cri?.Dispose();
        _cri = null;
    }

    public void Dispose()
    {
        _cri?.Dispose();
        _process?.Dispose();
        _directory.Dispose();
    }
}
