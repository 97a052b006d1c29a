using System.Text.Json;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Runtimes;

/// <summary>podman on a host, with its CNI backend and its state in memory.</summary>
internal sealed class Podman
{
    private const string Image = "/run/image.tar";

    private const string Config = """
        [containers]
        apparmor_profile = ""
        cgroupns = "private"
        [engine]
        cgroup_manager = "cgroupfs"
        events_logger = "none"
        runtime = "runc"
        [network]
        network_backend = "cni"
        cni_plugin_dirs = ["/opt/cni/bin"]
        network_config_dir = "/etc/cni/net.d"
        default_network = "twill"
        """;

    private const string Storage = """
        [storage]
        driver = "vfs"
        runroot = "/run/containers/storage"
        graphroot = "/run/containers/graph"
        """;

    private readonly RuntimeNamespaces _place;

    /// <summary>Configures podman there and loads the image.</summary>
    internal Podman(RuntimeNamespaces place)
    {
        _place = place;
        place.Write("/etc/containers/containers.conf", Config);
        ConfigureStorage(place);
        BusyboxImage.Write(place.At(Image));
        Do("load", "--input", Image);
    }

    /// <summary>Has podman keep its images and containers in memory there.</summary>
    internal static void ConfigureStorage(RuntimeNamespaces place) => place.Write("/etc/containers/storage.conf", Storage);

    /// <summary>`podman ARGS`; its exit code is the caller's to judge.</summary>
    internal CmdResult Try(params string[] args) => _place.RunFor(TimeSpan.FromMinutes(1), ["podman", .. args]);

    /// <summary>`podman ARGS`: its output, or an exception with its complaint.</summary>
    internal string Do(params string[] args) => Try(args).OrThrow().Stdout.Trim();

    /// <summary>Starts a container that sleeps. Its limits are the host's: raising them is not allowed everywhere.</summary>
    internal CmdResult TryRun(string name, params string[] options) =>
        Try(["run", "--detach", "--name", name, "--ulimit", "host", .. options, BusyboxImage.Name]);

    /// <summary>As <see cref="TryRun"/>; gives the container's network namespace.</summary>
    internal RuntimeContainer Run(string name, params string[] options)
    {
        TryRun(name, options).OrThrow();
        return Inside(name);
    }

    /// <summary>Ends and removes containers.</summary>
    internal void Remove(params string[] names) => Do(["rm", "--force", "--time", "0", .. names]);

    internal RuntimeContainer Inside(string name) => _place.Container(Settings(name).GetProperty("SandboxKey").GetString()!);

    /// <summary>The address that podman tells of a container in a network.</summary>
    internal string Address(string name, string network = "twill") =>
        Settings(name).GetProperty("Networks").GetProperty(network).GetProperty("IPAddress").GetString()!;

    private JsonElement Settings(string name)
    {
        using JsonDocument document = JsonDocument.Parse(Do("inspect", name));
        return document.RootElement[0].GetProperty("NetworkSettings").Clone();
    }
}
