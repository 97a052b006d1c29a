using System.Net;
using System.Net.Sockets;
using Twill.Host;
using Twill.Host.Attachments;
using Twill.Host.Reconcile;
using Twill.Linux.Links;
using Twill.Network;
using Twill.Network.Configuration;
using Twill.Network.State;
using Twill.System;

namespace Twill.Plugin.Cli;

/// <summary>One network on this host: its configuration, what the programs wrote down, and what hangs on its bridge.</summary>
internal sealed class NetworkView
{
    private readonly HostView _host;
    private List<AddressFile>? _records;

    public NetworkView(HostView host, FoundNetwork found)
    {
        (_host, Conf, File) = (host, found.Conf, found.File);
        StatePath = Path.Combine(host.State.Root, found.Conf.Name);
        NetworkStateDir state = new(StatePath);
        Node = NodeFile.TryRead(state, out string? node);
        Subnet = SubnetFile.TryRead(state, out string? subnet);
        AgentFile? agent = AgentFile.TryRead(state, out string? damage);
        ReachabilityFile? reachability = ReachabilityFile.TryRead(state, out string? unreadable);
        foreach (string? problem in (ReadOnlySpan<string?>)[node, subnet, damage, unreadable])
        {
            if (problem is not null)
            {
                StateProblems.Add(problem);
            }
        }
        Agent = AgentStatus.Of(Conf, agent);
        Measured = MeasuredPeers.From(reachability, unreadable, Agent.Pid is not null);
    }

    public string Name => Conf.Name;

    /// <summary>The file that configures it.</summary>
    public string File { get; }

    public TwillConf Conf { get; }

    /// <summary>The directory of its run-time state.</summary>
    public string StatePath { get; }

    public NodeFile? Node { get; }

    public SubnetFile? Subnet { get; }

    public AgentStatus Agent { get; }

    /// <summary>How the other hosts answer.</summary>
    public MeasuredPeers Measured { get; }

    /// <summary>State files that cannot be read, each with its fault.</summary>
    public List<string> StateProblems { get; } = [];

    /// <summary>Why an ADD could write no record or state; empty when it could.</summary>
    public List<string> StorageProblems
    {
        get
        {
            List<string> problems = [];
            foreach (string directory in Conf.Ipam.IsForeign ? [StatePath] : (string[])[StatePath, Path.Combine(Conf.Ipam.DataDir, Name)])
            {
                if (StorageProbe.WhyNotWritable(directory) is { } problem)
                {
                    problems.Add(problem);
                }
            }

            return problems;
        }
    }

    /// <summary>Whether the main plugin is twill, so that bridge, host ends and firewall are ours.</summary>
    public bool IsOurs => !Conf.IsForeign;

    /// <summary>Whether the bridge and a firewall for it are ours as well: a LAN's is the administrator's.</summary>
    public bool OwnsBridge => IsOurs && Conf.Lan is null;

    /// <summary>Whether the host forwards what its containers send: on a LAN's bridge they send it themselves.</summary>
    public bool Forwards => HostReconciler.Forwards(Conf);

    /// <summary>Whether containers get IPv6 addresses; where only another IPAM plugin knows, whether the bridge has one for them.</summary>
    public bool HasIPv6 =>
        Conf.Ipam.IPv6 is not null
        || (
            IsOurs
            && Conf.Ipam.IsForeign
            && _host.Find(Conf.Bridge) is { } bridge
            && _host
                .Route.ListAddresses(bridge.Index, AddressFamily.InterNetworkV6)
                .Exists(address => address.Scope == Twill.Linux.Routes.RouteScope.Universe)
        );

    /// <summary>The subnets of this host that containers get addresses of: leased, or the fixed one; none when only another IPAM plugin
    /// knows.</summary>
    public IReadOnlyList<IPNetwork> Subnets => Conf.Ipam.Etcd is null ? Conf.Ipam.Ranges : Subnet?.Subnets ?? [];

    /// <summary>The addresses that twill-ipam has handed out.</summary>
    public List<AddressFile> Records => _records ??= Conf.Ipam.IsForeign ? [] : AddressFile.List(Conf.Ipam.DataDir, Name);

    /// <summary>The host ends of its containers, by their alias.</summary>
    public List<Link> HostEnds => IsOurs ? AttachmentTable.All.List(_host.Links, Name, _host.Find(Conf.Bridge)?.Index ?? 0) : [];

    /// <summary>Whether anything was made for it: before its first container, and without an agent, nothing need be there.</summary>
    public bool IsInUse => Agent.Pid is not null || Records.Count > 0 || HostEnds.Count > 0;

    /// <summary>The host's own address in a subnet.</summary>
    public IPAddress GatewayOf(IPNetwork subnet) => Conf.Ipam.GatewayOf(subnet);

    /// <summary>The names that its overlay devices may have: one for each family of the underlay.</summary>
    public IReadOnlyList<string> OverlayNames => Conf.Backend.DeviceNames;

    /// <summary>The overlay devices that there are.</summary>
    public List<Link> OverlayDevices => _host.Links.FindAll(link => OverlayNames.Contains(link.Name));

    /// <summary>Reads the kernel's entries for other hosts.</summary>
    public Actual ReadPeers() =>
        Conf.Ipam.Etcd is not null && Conf.Backend.JoinsHosts
            ? Actual.Read(_host.Route, new LinkNames(_host.Route), Conf.Ipam.Ranges, OverlayNames)
            : Actual.Empty;

    public void Refresh()
    {
        _records = null;
        _host.Refresh();
    }

    /// <summary>The devices that queue what limited containers of a network send, by their alias; one without belongs to nobody once its
    /// host end is gone.</summary>
    public static List<Link> QueuesOf(HostView host, string network) =>
        host.Links.FindAll(link =>
            link.Kind == "ifb"
            && DeviceNames.IsIfb(link.Name)
            && (
                string.IsNullOrEmpty(link.Alias)
                    ? host.Find(DeviceNames.VethOfIfb(link.Name)) is null
                    : link.Alias.StartsWith(DeviceNames.VethAliasStart(network), StringComparison.Ordinal)
            )
        );
}
