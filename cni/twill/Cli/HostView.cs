using System.Net;
using Twill.Cni;
using Twill.Host;
using Twill.Host.Backends;
using Twill.Linux;
using Twill.Linux.Links;
using Twill.Linux.Routes;
using Twill.Network.Configuration;
using Twill.Network.State;
using Twill.System;

namespace Twill.Plugin.Cli;

/// <summary>What a command looks at: this host's configurations, state files and kernel, each read once and nothing changed.</summary>
internal sealed class HostView : IDisposable
{
    private List<Link>? _links;

    private HostView(RouteSocket route, StateDir state, string confDir, string pluginPath)
    {
        (Route, State, ConfDir) = (route, state, confDir);
        PluginDirs =
        [
            Path.GetDirectoryName(Environment.ProcessPath) ?? "/opt/cni/bin",
            .. pluginPath.Split(':', StringSplitOptions.RemoveEmptyEntries),
        ];
        if (!Directory.Exists(confDir) && !File.Exists(confDir))
        {
            Problems = [$"{confDir}: there is no such directory"];
            return;
        }
        NetworkConfigList list = NetworkConfigList.Load(confDir, BackendTable.All);
        List<FoundNetwork> served = NetworkClash.Split(list.Networks, out IReadOnlyList<string> clashes);
        Problems = [.. list.Problems, .. clashes];
        foreach (FoundNetwork found in served)
        {
            Networks.Add(new NetworkView(this, found));
        }
    }

    public RouteSocket Route { get; }

    public StateDir State { get; }

    public string ConfDir { get; }

    /// <summary>Where plugins are: beside this one, and where CNI_PATH points.</summary>
    public IReadOnlyList<string> PluginDirs { get; }

    /// <summary>What is wrong with files in the configuration directory, as <c>file: complaint</c>.</summary>
    public IReadOnlyList<string> Problems { get; }

    /// <summary>The networks of ours that are configured.</summary>
    public List<NetworkView> Networks { get; } = [];

    /// <summary>All links of the host.</summary>
    public List<Link> Links => _links ??= Route.ListLinks();

    /// <summary>Which containers' network namespaces are gone.</summary>
    public NetnsLiveness Namespaces { get; private set; } = new();

    public static HostView Open(ICniProcess process, CliOptions options) =>
        new(RouteSocket.Open(), StateDir.From(process.Environment), options.ConfDir, process.Environment.GetValueOrDefault("CNI_PATH", ""));

    public Link? Find(string name) => Links.Find(link => link.Name == name);

    /// <summary>Where the kernel sends a packet (<c>ip route get</c>): the interface's name, or why nowhere.</summary>
    public string WayTo(IPAddress address) => WayOf(new GetRoute(address), out _);

    /// <summary>Where the kernel sends a packet (<c>ip route get</c>): the interface's name, or why nowhere.</summary>
    /// <param name="packet">The packet.</param>
    /// <param name="route">The route that it takes; null when it takes none.</param>
    public string WayOf(in GetRoute packet, out Route? route) => PacketWay.Of(Route, packet, out route);

    /// <summary>The networks that are asked for.</summary>
    /// <exception cref="UsageException">no configuration names it</exception>
    public List<NetworkView> Chosen(CliOptions options)
    {
        if (options.Network is not string name)
        {
            return Networks;
        }

        List<NetworkView> chosen = Networks.FindAll(network => network.Name == name);
        if (chosen.Count > 0)
        {
            return chosen;
        }

        string there = string.Join(", ", Networks.ConvertAll(network => network.Name));
        throw new UsageException($"no network '{name}' in {ConfDir}{(there.Length > 0 ? $"; there is {there}" : "")}");
    }

    /// <summary>Looks at links and processes anew.</summary>
    public void Refresh() => (_links, Namespaces) = (null, new NetnsLiveness());

    public void Dispose() => Route.Dispose();
}
