using System.Net;
using Twill.Cni;
using Twill.Host;
using Twill.Host.Backends;
using Twill.Host.Forwarding;
using Twill.Linux;
using Twill.Linux.Links;
using Twill.Network;
using Twill.Network.Configuration;
using Twill.Network.State;
using Twill.System;

namespace Twill.Plugin.Verbs;

/// <summary>
/// STATUS: whether an ADD could succeed now, which the configuration and the IPAM plugin decide (50), and whether containers reach each
/// other and those of other hosts, which the bridge, the overlay device and the agent see to, and anybody at all, which other programs'
/// firewalls may prevent (51).
/// </summary>
internal static class Status
{
    public static CniResult? Run(CniRequest request)
    {
        if (KernelRequirement.Fault is { } fault)
        {
            throw new CniException(CniErrorCode.NotAvailable, "this kernel is too old", fault);
        }

        TwillConf conf = AddWouldSucceed(request);
        NetworkStateDir state = StateDir.From(request.Environment).Network(conf.Name);
        if (FindProblem(state, conf) is { } problem)
        {
            throw new CniException(
                CniErrorCode.LimitedConnectivity,
                $"containers may not reach all others: {problem}",
                "the agent mends this: start twilld on this host (systemctl start twilld), or see its log; `twill doctor` looks for more"
            );
        }

        RefuseBlockingChains(conf, NodeFile.TryRead(state, out _));

        ReachabilityStatus.ThrowIfNoneAnswers(state, conf);
        return null;
    }

    /// <summary>Whatever an ADD would be refused for is code 50 here; how it is said stays the same. What is wrong with this very call is
    /// no answer to it.</summary>
    private static TwillConf AddWouldSucceed(CniRequest request)
    {
        try
        {
            TwillConf conf = TwillConf.Parse(request.Reader, BackendTable.All);
            BackendTable.Of(conf);
            RefuseConflicts(conf, StateDir.From(request.Environment).Existing(conf.Name));
            if (conf.Ipam.IPv6 is not null)
            {
                IPv6Settings.ThrowIfOff();
            }

            if (StorageProbe.WhyNotWritable(StateDir.From(request.Environment).Existing(conf.Name).Path) is { } full)
            {
                throw new CniException(CniErrorCode.IoFailure, "no container can be attached", full);
            }

            AskIpam(request, conf);
            return conf;
        }
        catch (Exception e)
            when (ErrorMapping.Translate(e)
                    is { Code: not (CniErrorCode.NotAvailable or CniErrorCode.LimitedConnectivity or CniErrorCode.InvalidEnvironment) } why
            )
        {
            throw new CniException(CniErrorCode.NotAvailable, why.Message, why.Details, e);
        }
    }

    /// <summary>What of the host another device, another network, or the host itself has already.</summary>
    private static void RefuseConflicts(TwillConf conf, NetworkStateDir state)
    {
        using RouteSocket host = RouteSocket.Open();
        if (conf.Lan is not null)
        {
            LanLink.MtuOf(LanLink.Find(host, conf), conf);
            return;
        }

        HostBridge.ThrowIfNotBridge(host, conf.Bridge);
        BridgeOwner.ThrowIfAnothers(host, conf, host.TryGetLink(conf.Bridge, out Link? bridge) ? bridge : null);
        List<BridgeGateway> gateways = [];
        foreach (
            IPNetwork subnet in conf.Ipam.Etcd is null ? conf.Ipam.Ranges : SubnetFile.TryRead(state, out _)?.Subnets ?? []
        )
        {
            gateways.Add(new BridgeGateway(conf.Ipam.GatewayOf(subnet), subnet.PrefixLength));
        }

        BridgeGateways.ThrowIfNeeded(host, conf, gateways);
    }

    /// <summary>The IPAM plugin is asked as well. An old one does not know the question; then it must at least speak the version that an
    /// ADD will have.</summary>
    private static void AskIpam(CniRequest request, TwillConf conf)
    {
        string plugin = conf.Ipam.Type;
        try
        {
            DelegateExec.Run(request, plugin, CniVerb.Status);
        }
        catch (CniException e) when (conf.Ipam.IsForeign && e.Code is not (CniErrorCode.NotAvailable or CniErrorCode.LimitedConnectivity))
        {
            DelegateExec.Find(plugin, request.PluginPath);
            IReadOnlyList<string> versions = DelegateExec.Versions(request, plugin);
            if (!versions.Contains(request.Version.ToString()))
            {
                throw new CniException(
                    CniErrorCode.NotAvailable,
                    $"IPAM plugin '{plugin}' does not speak CNI {request.Version}: every ADD would fail",
                    $"$.cniVersion: it speaks {string.Join(", ", versions)}; name one of these in the configuration, or install a "
                        + $"newer '{plugin}'",
                    e
                );
            }

            if (e.Code is not CniErrorCode.InvalidEnvironment) // what the specification has for a CNI_COMMAND that is not known
            {
                throw;
            }
        }
    }

    private static string? FindProblem(NetworkStateDir network, TwillConf conf)
    {
        using RouteSocket host = RouteSocket.Open();
        if (!host.TryGetLink(conf.Bridge, out Link? bridge))
        {
            return HasContainers(host, conf)
                ? $"bridge {conf.Bridge} is missing, and with it the way to all containers of this host"
                : Beyond(network, conf, host);
        }

        return bridge.IsUp ? Beyond(network, conf, host) : $"bridge {conf.Bridge} is down (ip link set {conf.Bridge} up)";
    }

    private static bool HasContainers(RouteSocket host, TwillConf conf)
    {
        foreach (Link link in host.ListLinks(kind: "veth"))
        {
            if (link.Alias?.StartsWith(DeviceNames.VethAliasStart(conf.Name), StringComparison.Ordinal) ?? false)
            {
                return true;
            }
        }
        return false;
    }

    private static string? Beyond(NetworkStateDir network, TwillConf conf, RouteSocket host)
    {
        if (!conf.Backend.JoinsHosts)
        {
            return null;
        }

        if (AgentProblem(network, conf) is { } problem)
        {
            return problem;
        }

        if (!conf.Backend.HasDevice || SubnetFile.TryRead(network, out _) is null)
        {
            return null;
        }

        foreach (IPAddress address in NodeFile.TryRead(network, out _)?.PublicAddresses ?? [])
        {
            string name = conf.Backend.DeviceNameOver(address.AddressFamily)!;
            if (!host.TryGetLink(name, out Link? overlay))
            {
                return $"overlay device {name} is missing";
            }

            if (!overlay.IsUp)
            {
                return $"overlay device {name} is down";
            }
        }
        return null;
    }

    /// <summary>
    /// Names the chains that certainly drop containers' packets. Not where the next ADD puts its accept itself: a runtime that is told so
    /// here would never come to that ADD. Nor where rules drop just these packets: what an administrator forbids makes no plugin unfit.
    /// </summary>
    private static void RefuseBlockingChains(TwillConf conf, NodeFile? node)
    {
        using RouteSocket host = RouteSocket.Open();
        List<BlockingChain> blocking = ForwardPaths
            .FindBlockingChains(host, conf, node)
            .FindAll(chain => chain.IsCertain && !chain.IsMeant && !chain.IsMendedByUs);
        if (blocking.Count > 0)
        {
            throw new CniException(
                CniErrorCode.LimitedConnectivity,
                $"another firewall on this host is in the containers' way: {string.Join("; ", blocking.ConvertAll(one => one.Text))}",
                $"let them through: {string.Join(" && ", blocking.ConvertAll(one => one.Remedy))}"
            );
        }
    }

    private static string? AgentProblem(NetworkStateDir network, TwillConf conf)
    {
        AgentFile? file = AgentFile.TryRead(network, out string? problem);
        if (problem is not null)
        {
            return problem;
        }

        AgentStatus agent = AgentStatus.Of(conf, file);
        return agent.Condition switch
        {
            AgentCondition.NoReport => AgentStatus.NoReportText,
            AgentCondition.Ended => $"the agent (twilld, pid {file!.Pid}) is not running any more",
            AgentCondition.Silent => $"the agent (twilld, pid {agent.Pid}) has not reported for {(int)agent.ReportAge!.Value} s",
            _ when agent.PeersProgrammed < agent.PeersWanted =>
                $"the agent has made the way to {agent.PeersProgrammed} of {agent.PeersWanted} remote "
                    + $"subnets{(agent.Error is null ? "" : $": {agent.Error}")}",
            _ => null,
        };
    }
}
