using System.Text.RegularExpressions;
using Twill.Network.State;

namespace Twill.Agent.Up;

/// <summary>What podman and containerd need in their configuration to find the plugins.</summary>
internal static partial class RuntimeFiles
{
    internal const string PluginDir = "/opt/cni/bin";

    private const string PodmanFile = "/etc/containers/containers.conf.d/50-twill.conf";
    private const string ContainerdFile = "/etc/containerd/config.toml";

    /// <summary>Whether podman is there.</summary>
    internal static bool HasPodman => IsThere("podman");

    /// <summary>Whether containerd is there.</summary>
    internal static bool HasContainerd => IsThere("containerd");

    /// <summary>What lets podman use CNI; null: it does.</summary>
    internal static MadeFile? ForPodman()
    {
        string[] files =
        [
            "/usr/share/containers/containers.conf",
            "/etc/containers/containers.conf",
            .. PodmanDropIns().Order(StringComparer.Ordinal),
        ];
        string? backend = null;
        foreach (string file in files.Where(File.Exists))
        {
            backend = Backend().Matches(File.ReadAllText(file)).LastOrDefault()?.Groups[1].Value ?? backend;
        }

        string content = "# By twilld up: podman's other backend, netavark, does not know CNI's networks.\n[network]\nnetwork_backend = \"cni\"\n";
        return backend == "cni" ? null : new MadeFile(PodmanFile, File.Exists(PodmanFile) ? File.ReadAllText(PodmanFile) : null, content);
    }

    private static string[] PodmanDropIns()
    {
        string directory = Path.GetDirectoryName(PodmanFile)!;
        return Directory.Exists(directory) ? Directory.GetFiles(directory, "*.conf") : [];
    }

    /// <summary>Where containerd's CRI plugin looks for plugins.</summary>
    internal static string ContainerdPluginDir()
    {
        string text = File.Exists(ContainerdFile) ? File.ReadAllText(ContainerdFile) : "";
        return BinDir().Match(text) is { Success: true } match ? match.Groups[2].Value : PluginDir;
    }

    /// <summary>What lets containerd find the plugins; null: it does.</summary>
    internal static MadeFile? ForContainerd()
    {
        string directory = ContainerdPluginDir();
        if (directory == PluginDir || File.Exists(Path.Combine(directory, "twill")))
        {
            return null;
        }

        string before = File.ReadAllText(ContainerdFile);
        return new MadeFile(ContainerdFile, before, BinDir().Replace(before, $"$1\"{PluginDir}\"", 1));
    }

    /// <summary>The lines that differ, as <c>diff</c> marks them: these files are small, and changed in one place.</summary>
    internal static string Diff(MadeFile file)
    {
        string[] before = file.Before?.TrimEnd('\n').Split('\n') ?? [],
            after = file.After.TrimEnd('\n').Split('\n');
        int head = 0,
            tail = 0;
        while (head < Math.Min(before.Length, after.Length) && before[head] == after[head])
        {
            head++;
        }

        while (tail < Math.Min(before.Length, after.Length) - head && before[^(tail + 1)] == after[^(tail + 1)])
        {
            tail++;
        }

        return string.Join(
                '\n',
                [
                    $"--- {(file.Before is null ? "/dev/null" : file.Path)}",
                    $"+++ {file.Path}",
                    .. before[head..^tail].Select(static line => $"-{line}"),
                    .. after[head..^tail].Select(static line => $"+{line}"),
                ]
            ) + "\n";
    }

    private static bool IsThere(string program) => File.Exists($"/usr/bin/{program}") || File.Exists($"/usr/local/bin/{program}");

    [GeneratedRegex("(?m)^[ \\t]*network_backend[ \\t]*=[ \\t]*\"([a-z]+)\"")]
    private static partial Regex Backend();

    [GeneratedRegex("(?m)^([ \\t]*bin_dir[ \\t]*=[ \\t]*)\"([^\"]*)\"")]
    private static partial Regex BinDir();
}
