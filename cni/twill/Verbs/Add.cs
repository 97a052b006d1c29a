using System.Net.Sockets;
using Twill.Cni;
using Twill.Host;
using Twill.Host.Backends;
using Twill.Linux;
using Twill.Linux.Links;
using Twill.Network.Configuration;
using Twill.Network.State;
using Twill.Plugin.Capabilities;
using Twill.System;

namespace Twill.Plugin.Verbs;

/// <summary>
/// ADD. The IPAM plugin is at work while the pair of interfaces is made; what it answers is then put on them. Whatever fails, all of it
/// is taken back, newest first.
/// </summary>
internal static class Add
{
    public static CniResult Run(CniRequest request)
    {
        TwillConf conf = TwillConf.Parse(request.Reader, BackendTable.All);
        request.Args.RefuseUnknown("IP", "MAC");
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

        request.Phases?.Done("configuration, network namespace, MTU");

        // From here on two are at work. What does not depend on the address is done before it is waited for.
        using RunningDelegate ipam = StartIpam(request, conf, undo);
        request.Phases?.Done("IPAM plugin started");
        HostSetup.EnsureForwarding();
        Link bridge = HostBridge.Ensure(host, conf.Bridge, mtu);
        PodLinkSpec spec = new(conf.Name, request.ContainerId, request.IfName, mtu, conf.HairpinMode);
        PodLink.Create(host, pod, spec, bridge);
        undo.Add($"delete {spec.HostName}", () =>
        {
            using RouteSocket again = RouteSocket.Open(); // undone from outside of here, when the sockets above are closed
            PodLink.Delete(again, spec.HostName);
        });
        request.Phases?.Done("bridge, veth pair");
        using RouteSocket inPod = RouteSocket.Open(pod);
        int inside = PodLink.IndexOf(inPod, request.IfName);
        Link end = host.GetLink(spec.HostName);
        bool onBridge = RoutedVeth.StaysOnBridge(host, spec, end);
        if (onBridge)
        {
            PodLink.ConfigureHostEnd(host, spec, end.Index);
        }

        request.Phases?.Done("both ends");
        HostSetup.EnsureFirewall(host, state, conf);
        request.Phases?.Done("firewall");

        CniResult addresses = AddressesOf(ipam, conf);
        request.Phases?.Done("IPAM plugin's answer");
        HostSetup.AdmitAddresses(conf, addresses);
        if (addresses.First(AddressFamily.InterNetworkV6) is { } six)
        {
            HostSetup.EnsureIPv6(conf, six, mtu);
            IPv6Settings.EnsureInside(pod, request.IfName);
        }
        EnsureGateways(host, bridge, addresses);
        List<RoutedAddress> routed = onBridge ? [] : RoutedAddresses.Of(bridge.Name, addresses);
        if (!onBridge)
        {
            RoutedVeth.Connect(host, spec, end.Index, bridge, routed);
        }

        Bandwidth.Apply(host, spec, limits, undo);
        MacAddress mac = requestedMac ?? HostMacs.ForContainer((addresses.First(AddressFamily.InterNetwork) ?? addresses.Ips[0]).Address);
        List<CniRoute> routes = PodRoutes.For(conf, addresses);
        List<CniIp> ips = [];
        List<PodAddress> onInterface = [];
        foreach (CniIp ip in addresses.Ips)
        {
            ips.Add(ip with { InterfaceIndex = 2 });
            onInterface.Add(onBridge ? new PodAddress(ip.Address, ip.PrefixLength) : RoutedVeth.Inside(routed[onInterface.Count]));
        }
        List<PodRoute> inKernel = PodRoutes.ForKernel(routes, addresses);
        inKernel.InsertRange(0, RoutedVeth.RoutesInside(routed));
        request.Phases?.Done("gateway, limits");
        PodLink.Configure(inPod, inside, mac, onInterface, inKernel);
        request.Phases?.Done("container's end");
        Ports.Publish(host, state, request, conf, addresses, onBridge, undo);
        PodLink.WaitUntilForwarding(host, spec.HostName);
        if (onBridge && !bridge.IsRunning) // its first port: the kernel's worker comes once more, for the bridge itself
        {
            PodLink.WaitUntilForwarding(host, bridge.Name);
        }

        foreach (CniIp ip in addresses.Ips)
        {
            PodLink.AwaitSolicitations(inPod, inside, ip.Address);
            if (ip.Gateway is not null)
            {
                PodLink.AwaitSolicitations(host, onBridge ? bridge.Index : end.Index, ip.Gateway);
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
            Dns = conf.RuntimeDns ?? (addresses.Dns.IsEmpty ? conf.Dns : addresses.Dns),
        };
        return request.Version >= CniVersion.V0_3_0 && request.PrevResult is { } before ? before.Followed(made) : made;
    }

    /// <summary>
    /// What the plugin holds is given back when the ADD fails, but only if it really gave something to this call: of a second ADD, whose
    /// address belongs to the first, nothing is taken.
    /// </summary>
    private static RunningDelegate StartIpam(CniRequest request, TwillConf conf, Undo undo)
    {
        RunningDelegate ipam = DelegateExec.Start(request, conf.Ipam.Type, CniVerb.Add);
        undo.Add($"release the address ({conf.Ipam.Type} DEL)", () =>
        {
            if (ipam.Succeeded)
            {
                DelegateExec.Run(request, conf.Ipam.Type, CniVerb.Del);
            }
        });
        return ipam;
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

    private static void EnsureGateways(RouteSocket host, Link bridge, CniResult addresses)
    {
        RouteBatch batch = host.NewBatch();
        foreach (CniIp ip in addresses.Ips)
        {
            if (ip.Gateway is not null)
            {
                batch.Add(HostBridge.Gateway(bridge.Index, ip.Gateway, ip.PrefixLength), tolerate: Errno.EEXIST);
            }
        }
        batch.Send();
    }
}
