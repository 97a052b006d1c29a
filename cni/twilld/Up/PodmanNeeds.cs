using System.Globalization;
using System.Text.RegularExpressions;
using Twill.Network.State;

namespace Twill.Agent.Up;

/// <summary>podman: it has to be told to use CNI, and asks for a network by its name.</summary>
internal static partial class PodmanNeeds
{
    internal const string Program = "podman";

    private const string DropIns = "/etc/containers/containers.conf.d",
        Ours = $"{DropIns}/twill.conf",
        Cni = "cni";

    private const string Content = """
        # Made by twill up: netavark, which is podman's other backend, does not read CNI's networks.
        [network]
        network_backend = "cni"

        """;

    /// <summary>Looks at its configuration, in the order in which podman reads it.</summary>
    /// <param name="root">where the file system begins</param>
    /// <param name="version">what podman says of its version</param>
    internal static RuntimeNeeds Find(string root, string version)
    {
        if (Version().Match(version) is { Success: true } found && int.Parse(found.ValueSpan, CultureInfo.InvariantCulture) > 4)
        {
            return new RuntimeNeeds([], "")
            {
                Todo = [($"it is {version}, which knows no CNI and does not use this network", "podman 4 does; or use containerd")],
            };
        }

        string? backend = null,
            after = null;
        foreach (string file in Files(root))
        {
            if (Backend().Matches(File.ReadAllText(root + file)) is [.., var last])
            {
                backend = last.Groups[1].Value;
                after = string.CompareOrdinal(file, Ours) > 0 && file.StartsWith(DropIns, StringComparison.Ordinal) ? file : after;
            }
        }

        return backend == Cni ? new RuntimeNeeds([], "it uses CNI")
            : after is not null
                ? new RuntimeNeeds([], "")
                {
                    Todo = [($"{after} says network_backend = \"{backend}\"", $"say \"{Cni}\" there, or remove the line")],
                }
            : new RuntimeNeeds([new MadeFile(MadeKind.File, Ours, Content)], "")
            {
                Afterwards = "containers and networks that it has by its other backend stay there: podman system reset removes them",
            };
    }

    private static List<string> Files(string root)
    {
        List<string> files = ["/usr/share/containers/containers.conf", "/etc/containers/containers.conf"];
        if (Directory.Exists(root + DropIns))
        {
            files.AddRange(Directory.GetFiles(root + DropIns, "*.conf").Order(StringComparer.Ordinal).Select(file => file[root.Length..]));
        }

        return files.FindAll(file => File.Exists(root + file));
    }

    [GeneratedRegex(@"\d+")]
    private static partial Regex Version();

    [GeneratedRegex("(?m)^[ \\t]*network_backend[ \\t]*=[ \\t]*\"([^\"]*)\"")]
    private static partial Regex Backend();
}
