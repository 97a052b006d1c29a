using System.Text.RegularExpressions;
using Twill.Network.Configuration;
using Twill.Network.State;

namespace Twill.Agent.Up;

/// <summary>containerd: its CRI plugin looks for plugins and networks where its configuration says. Where that is elsewhere, links lead
/// from there: what its other networks use stays.</summary>
internal static partial class ContainerdNeeds
{
    internal const string Program = "containerd",
        PluginDir = "/opt/cni/bin";

    private const string ConfigFile = "/etc/containerd/config.toml",
        Loopback = "loopback";

    // Where Debian's containernetworking-plugins puts its plugins.
    private const string PackagedPlugins = "/usr/lib/cni";

    /// <summary>Looks at its configuration.</summary>
    /// <param name="root">where the file system begins</param>
    /// <param name="network">the network's file</param>
    internal static RuntimeNeeds Find(string root, string network)
    {
        string config = File.Exists(root + ConfigFile) ? File.ReadAllText(root + ConfigFile) : "",
            confDir = ConfDir().Match(config) is { Success: true } own ? own.Groups[1].Value.TrimEnd('/') : "/etc/cni/net.d";
        string[] plugins = BinDirs().Match(config) is { Success: true } match
            ? [.. Text().Matches(match.Groups[1].Value).Select(text => text.Groups[1].Value.TrimEnd('/'))]
            : [PluginDir];
        List<MadeFile> files = [];
        foreach (string plugin in (string[])[TwillConf.MainPlugin, TwillConf.IpamPlugin])
        {
            if (!Has(plugin))
            {
                files.Add(new MadeFile(MadeKind.Link, $"{plugins[0]}/{plugin}", $"{PluginDir}/{plugin}"));
            }
        }

        List<(string, string)> todo = [];
        if (!Has(Loopback) && File.Exists($"{root}{PackagedPlugins}/{Loopback}"))
        {
            files.Add(new MadeFile(MadeKind.Link, $"{plugins[0]}/{Loopback}", $"{PackagedPlugins}/{Loopback}"));
        }
        else if (!Has(Loopback))
        {
            todo.Add(
                (
                    $"its CRI plugin needs CNI's plugin {Loopback}, which is not in {string.Join(", ", plugins)}",
                    "apt-get install containernetworking-plugins, or take it from https://github.com/containernetworking/plugins"
                )
            );
        }

        if (confDir != Path.GetDirectoryName(network))
        {
            string link = $"{confDir}/{Path.GetFileName(network)}";
            if (new FileInfo(root + link).LinkTarget != network)
            {
                files.Add(new MadeFile(MadeKind.Link, link, network));
            }
        }

        return new RuntimeNeeds(files, $"its CRI plugin looks for plugins in {string.Join(", ", plugins)}, for networks in {confDir}")
        {
            Todo = todo,
        };

        bool Has(string plugin) => plugins.Any(directory => File.Exists($"{root}{directory}/{plugin}"));
    }

    [GeneratedRegex("(?m)^[ \\t]*bin_dirs?[ \\t]*=[ \\t]*(\\[[^\\]]*\"[^\\]]*\\]|\"[^\"]+\"|'[^']+')")]
    private static partial Regex BinDirs();

    [GeneratedRegex("(?m)^[ \\t]*conf_dir[ \\t]*=[ \\t]*[\"']([^\"']+)[\"']")]
    private static partial Regex ConfDir();

    [GeneratedRegex("[\"']([^\"']+)[\"']")]
    private static partial Regex Text();
}
