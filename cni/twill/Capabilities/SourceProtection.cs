using System.Net;
using Twill.Cni;
using Twill.Host;
using Twill.Host.AntiSpoof;
using Twill.Linux;
using Twill.Linux.Links;
using Twill.Linux.Nftables;
using Twill.Network.Configuration;
using Twill.Network.State;
using Twill.System;

namespace Twill.Plugin.Capabilities;

/// <summary><c>antiSpoof</c>: a container sends under its own hardware address and addresses only.</summary>
/// <param name="state">the network's directory</param>
/// <param name="conf">the network</param>
/// <param name="end">the container's host end</param>
internal sealed class SourceProtection(NetworkStateDir state, TwillConf conf, Link end) : IDisposable
{
    private readonly AttachmentRecords _records = RecordsOf(state);
    private readonly bool _isRouted = RoutedVeth.Is(end);
    private NftSocket? _nft; // null where it is turned off

    public static AttachmentRecords RecordsOf(NetworkStateDir state) => new(state.AttachmentsPath);

    /// <summary>Makes the tables when they are not whole, which does not depend on the addresses. Nothing where it is turned off.</summary>
    /// <exception cref="HostException">this kernel cannot do it</exception>
    public void Ensure()
    {
        if (conf.AntiSpoof)
        {
            _nft = NftSocket.Open();
            SourceFilter.Ensure(_nft, conf.Name, _isRouted, _records);
        }
    }

    /// <summary>Tells the bridge which hardware address is behind the port.</summary>
    public void AddBridgeEntry(RouteBatch batch, MacAddress mac)
    {
        if (_nft is not null && !_isRouted)
        {
            batch.Add(BridgePortGuard.Entry(end.Index, mac));
        }
    }

    /// <summary>Puts on record, and into the kernel, what the container may send as.</summary>
    public void Protect(CniRequest request, MacAddress mac, CniResult addresses, Undo undo)
    {
        if (_nft is null)
        {
            return;
        }

        ContainerSource source = SourceOf(request.ContainerId, request.IfName, conf, _isRouted, mac, addresses);
        if (_records.Read(source.HostName) is { } former)
        {
            SourceFilter.Remove(_nft, conf.Name, former); // of a container whose end is gone, and whose DEL never came
        }

        undo.Add("delete what the container may send as", () => Release(state, conf.Name, source));
        _records.Write(source);
        SourceFilter.Add(_nft, conf.Name, source, _records);
    }

    /// <summary>The first thing that a container on record lacks; null when it lacks nothing, or was made without the protection.</summary>
    public static string? FindDifference(
        RouteSocket host,
        RouteSocket inPod,
        NetworkStateDir state,
        TwillConf conf,
        PodLinkSpec spec,
        CniResult made
    )
    {
        if (!host.TryGetLink(spec.HostName, out Link? end) || RecordsOf(state).Read(spec.HostName) is not { } source)
        {
            return conf.AntiSpoof && end?.BridgePort is { Learning: false }
                ? $"the record of what the container may send as is missing: {Path.Combine(state.AttachmentsPath, spec.HostName)}"
                : null;
        }

        if (inPod.TryGetLink(spec.IfName, out Link? inside) && inside.Mac != source.Mac)
        {
            return $"interface {spec.IfName} has the hardware address {inside.Mac}, and the container may send as {source.Mac} only: "
                + $"ask twill for the address (capability mac, args.cni.mac), or set \"antiSpoof\": false";
        }

        foreach (CniIp ip in made.Ips)
        {
            if (!source.Addresses.Contains(Alone(ip.Address)))
            {
                return $"the container may not send as {ip.Address}, which it has: its record does not say so";
            }
        }

        using NftSocket nft = NftSocket.Open();
        return (source.IsRouted ? null : BridgePortGuard.FindDifference(host, end, source.Mac))
            ?? SourceFilter.FindDifference(nft, conf.Name, source);
    }

    public void Dispose() => _nft?.Dispose();

    private static ContainerSource SourceOf(
        string containerId,
        string ifName,
        TwillConf conf,
        bool isRouted,
        MacAddress mac,
        CniResult addresses
    )
    {
        List<IPNetwork> all = new(addresses.Ips.Count + conf.AllowedAddresses.Count);
        foreach (CniIp ip in addresses.Ips)
        {
            all.Add(Alone(ip.Address));
        }

        foreach (IPNetwork allowed in conf.AllowedAddresses)
        {
            if (!all.Contains(allowed))
            {
                all.Add(allowed);
            }
        }

        return new ContainerSource(containerId, ifName, isRouted, mac, all);
    }

    private static IPNetwork Alone(IPAddress address) => new(address, IPPrefix.Bits(address.AddressFamily));

    private static void Release(NetworkStateDir state, string network, ContainerSource source)
    {
        using NftSocket nft = NftSocket.Open();
        SourceFilter.Remove(nft, network, source);
        RecordsOf(state).Remove(source.HostName);
    }
}
