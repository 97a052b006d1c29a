using System.Net.Sockets;
using Twill.Cni;
using Twill.Host;
using Twill.Host.Attachments;
using Twill.Host.Backends;
using Twill.Linux;
using Twill.Linux.Links;
using Twill.Network.Configuration;
using Twill.Network.State;
using Twill.Plugin.Capabilities;

namespace Twill.Plugin.Verbs;

/// <summary>
/// ADD. The IPAM plugin is at work while the pair of interfaces is made; what it answers is then put on them. Whatever fails, all of it
/// is taken back, newest first.
/// </summary>
internal static class Add
{
    public static CniResult Run(CniRequest request)
    {
        if (KernelRequirement.Fault is { } fault)
        {
            throw new HostException(fault);
        }

        TwillConf conf = TwillConf.Parse(request.Reader, BackendTable.All);
        request.Args.RefuseUnknown(conf.Names is null ? ["IP", "MAC"] : ["IP", "MAC", RequestedNames.Argument]);
        NetworkStateDir state = StateDir.From(request.Environment).Network(conf.Name);
        using InFlightAdd mark = InFlightAdd.Begin(state, request.Attachment);
        using Undo undo = new();
        try
        {
            CniResult result = Attach(request, conf, state, undo);
            undo.Commit();
            return result;
        }
        catch (Exception failure)
        {
            undo.RollBack();
            throw ErrorMapping.WithLeftovers(failure, undo.Failures);
        }
    }

    private static CniResult Attach(CniRequest request, TwillConf conf, NetworkStateDir state, Undo undo)
    {
        using NetNs pod = PodNamespace.Open(request);
        using RouteSocket host = RouteSocket.Open();
        int mtu = HostNode.EnsureMtu(host, state, conf);
        PodLimits limits = Bandwidth.Read(conf, mtu);
        MacAddress? requestedMac = RequestedMac.Read(request);
        List<string> names = ContainerNames.Read(request, conf);

        request.Phases?.Done("configuration, network namespace, MTU");

        // From here on two are at work. What does not depend on the address is done before it is waited for.
        bool isNew = false;
        using RunningDelegate ipam = StartIpam(request, conf, undo, () => isNew);
        request.Phases?.Done("IPAM plugin started");
        if (HostReconciler.Forwards(conf))
        {
            HostReconciler.EnsureForwarding();
        }

        Link bridge = HostReconciler.EnsureBridge(host, conf, mtu);
        PodLinkSpec spec = new(conf.Name, request.ContainerId, request.IfName, mtu, conf.HairpinMode)
        {
            AntiSpoof = conf.AntiSpoof,
            Isolated = conf.PortIsolation,
            IsOnLan = conf.Lan is not null,
            IsRoutedOnLan = conf.Lan is { IsRouted: true },
        };
        RequestedMac.RefuseHosts(requestedMac, bridge, spec);
        (IAttachment attachment, Link end) = AttachmentTable.All.Create(host, pod, spec, bridge, created: () =>
        {
            isNew = true;
            undo.Add($"delete {spec.HostName}", () => Delete(spec.HostName));
        });
        AttachmentSite site = new(host, spec, end, bridge);
        RefuseRouted(conf, attachment.GatewayLink(site), bridge);
        request.Phases?.Done("bridge, veth pair");
        using RouteSocket inPod = RouterAnnouncements.OpenRefusing(pod, request.IfName);
        int inside = PodLink.IndexOf(inPod, request.IfName);
        request.Phases?.Done("both ends");
        bool keepsFormer = HostReconciler.EnsureFirewall(host, state, conf, keepsFormer: conf.Ipam.Etcd is not null);
        using SourceProtection protection = new(state, conf, end);
        protection.Ensure();
        request.Phases?.Done("firewall");

        CniResult addresses = AddressesOf(ipam, conf);
        request.Phases?.Done("IPAM plugin's answer");
        if (keepsFormer)
        {
            HostReconciler.EnsureFirewall(host, state, conf, keepsFormer: false);
        }

        Ports.ReleaseFormer(host, state, conf, spec.HostName, addresses);
        HostReconciler.AddContainerPrefixes(conf, HostSetup.PrefixesOf(addresses));
        if (addresses.First(AddressFamily.InterNetworkV6) is { } six)
        {
            HostSetup.EnsureIPv6(conf, six, mtu);
            IPv6Settings.EnsureInside(pod, request.IfName, conf.EnableDad);
        }
        MacAddress mac = requestedMac ?? HostMacs.ForContainer((addresses.First(AddressFamily.InterNetwork) ?? addresses.Ips[0]).Address);
        RouteBatch onBridge = host.NewBatch();
        BridgeGateways.Ensure(host, onBridge, conf, bridge, HostSetup.GatewaysOf(addresses));
        protection.AddBridgeEntry(onBridge, mac);
        onBridge.Send();
        protection.Protect(request, mac, addresses, undo);
        List<AttachedAddress> attached = AttachedAddresses.Of(addresses);
        attachment.Connect(site, attached);
        Bandwidth.Apply(host, spec, limits, undo);
        List<CniRoute> routes = PodRoutes.For(conf, addresses);
        List<CniIp> ips = [];
        foreach (CniIp ip in addresses.Ips)
        {
            ips.Add(ip with { InterfaceIndex = 2 });
        }

        ContainerLink container = attachment.Inside(attached);
        List<PodRoute> inKernel = [.. container.Routes, .. PodRoutes.ForKernel(routes, addresses)];
        request.Phases?.Done("gateway, limits");
        if (PodLink.Configure(inPod, inside, mac, container.Addresses, inKernel, conf.EnableDad) is { Count: > 0 } behind)
        {
            List<CniRoute> ways = PodRoutes.BesideDefault(conf, addresses, routes, behind);
            PodLink.AddRoutes(inPod, inside, PodRoutes.ForKernel(ways, addresses));
            routes.AddRange(ways);
        }

        request.Phases?.Done("container's end");
        Link gateway = attachment.GatewayLink(site);
        Ports.Publish(host, state, request, conf, addresses, gateway.Name, undo);
        PodLink.WaitUntilForwarding(host, spec.HostName);
        if (gateway.Index != end.Index && !gateway.IsRunning) // a bridge's first port: the kernel's worker comes once more, for the bridge
        {
            PodLink.WaitUntilForwarding(host, gateway.Name);
        }

        if (conf.EnableDad)
        {
            PodLink.WaitUntilUnique(inPod, inside);
        }

        foreach (CniIp ip in addresses.Ips)
        {
            PodLink.WaitUntilSolicited(inPod, inside, ip.Address);
            if (ip.Gateway is not null && conf.IsGateway)
            {
                PodLink.WaitUntilSolicited(host, gateway.Index, ip.Gateway);
            }
        }

        request.Phases?.Done("ports, carrier");
        ipam.WaitForExit();
        request.Phases?.Done("IPAM plugin's end");

        CniResult made = new()
        {
            Interfaces =
            [
                new CniInterface(bridge.Name, bridge.Mac?.ToString() ?? "", mtu),
                new CniInterface(spec.HostName, spec.HostMac.ToString(), mtu),
                new CniInterface(request.IfName, mac.ToString(), mtu, request.NetnsPath!),
            ],
            Ips = ips,
            Routes = routes,
            Dns = ContainerNames.ResolverSettings(conf, addresses),
        };
        ContainerNames.Publish(state, request, conf, names, made, undo);
        return request.Version >= CniVersion.V0_3_0 && request.PrevResult is { } before ? before.Followed(made) : made;
    }

    /// <summary>
    /// What the plugin holds is given back when the ADD fails, also when the plugin itself failed: it may have done half. But of a second
    /// ADD, whose address belongs to the first, nothing is taken: only if the plugin really gave something to this call.
    /// </summary>
    private static RunningDelegate StartIpam(CniRequest request, TwillConf conf, Undo undo, Func<bool> isNew)
    {
        RunningDelegate ipam = DelegateExec.Start(request, conf.Ipam.Type, CniVerb.Add);
        undo.Add($"release the address ({conf.Ipam.Type} DEL)", () =>
        {
            if (ipam.Succeeded || isNew())
            {
                DelegateExec.Run(request, conf.Ipam.Type, CniVerb.Del);
            }
        });
        return ipam;
    }

    /// <summary>Past the bridge's ports a container's only way is this host, and what the bridge keeps apart is not kept apart.</summary>
    private static void RefuseRouted(TwillConf conf, Link gateway, Link bridge)
    {
        if (conf.Lan is { IsRouted: true })
        {
            return;
        }

        if (conf.PortIsolation && gateway.Index != bridge.Index)
        {
            throw new HostException(
                $"the ports of bridge {bridge.Name} are all taken, and portIsolation keeps containers apart at these only: "
                    + "\"icc\": false does so for any number of containers"
            );
        }

        if (!conf.IsGateway && gateway.Index != bridge.Index)
        {
            string why = conf.Icc ? "they are all taken" : "icc is false";
            throw new HostException(
                $"the container would be past the ports of bridge {bridge.Name} ({why}), where this host is the gateway, and isGateway is "
                    + "false"
            );
        }
    }

    private static CniResult AddressesOf(RunningDelegate ipam, TwillConf conf)
    {
        CniResult? addresses = ipam.ReadResult();
        return addresses is { Ips.Count: > 0 }
            ? addresses
            : throw new CniException(
                CniErrorCode.InvalidNetworkConfig,
                $"IPAM plugin '{conf.Ipam.Type}' gave no address",
                $"expected at least one in its result, got {(addresses is null ? "nothing" : "none")}"
            );
    }

    /// <summary>With a socket of its own: what is undone is undone when those of the ADD are closed.</summary>
    private static void Delete(string hostName)
    {
        using RouteSocket host = RouteSocket.Open();
        AttachmentTable.All.Delete(host, hostName);
    }
}
