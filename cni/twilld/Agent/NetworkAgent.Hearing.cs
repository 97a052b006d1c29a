using System.Net;
using System.Net.Sockets;
using Twill.Linux;
using Twill.Linux.Nftables;
using Twill.Linux.Routes;
using Twill.Network;

namespace Twill.Agent;

/// <content>Hearing what changes in the kernel: much of it is not about this network, and some of it the agent did itself.</content>
internal sealed partial class NetworkAgent
{
    private readonly HeardAddresses _heardAddresses = new();

    /// <summary>Hears of a change in the kernel, on any thread; asks for a round when it may concern this network.</summary>
    internal void Hear(in NetworkChange change)
    {
        Due due = change.Kind switch
        {
            NetworkChangeKind.Everything => Due.Everything,
            NetworkChangeKind.Link => OfLink(in change),
            NetworkChangeKind.Address => change.Address is { } address && !_heardAddresses.IsNews(address, change.IsRemoval)
                ? Due.None
                : Due.Everything,
            NetworkChangeKind.Route => IsOurDoing(in change) ? Due.None : OfRoute(change.Route),
            NetworkChangeKind.Forwarding => change.Index < 0 || change.Index == _bridge.Index || _overlays.ContainsKey(change.Index)
                ? Due.Host
                : Due.None,
            NetworkChangeKind.Nftables => OfTable(change.Table),
            _ => OfEntry(in change),
        };
        if (change.Kind == NetworkChangeKind.Everything)
        {
            _bridge.LookAtAll();
        }

        if (due != Due.None)
        {
            Ask(due);
        }
    }

    private bool IsOurDoing(in NetworkChange change) => change.PortId != 0 && change.PortId == _ownPort;

    private Due OfEntry(in NetworkChange change)
    {
        if (!_overlays.TryGetValue(change.Index, out string? device) || IsOurDoing(in change))
        {
            return Due.None;
        }

        _heard.Add(device, in change);
        return Due.Heard;
    }

    private Due OfLink(in NetworkChange change)
    {
        bool loose = _bridgeIsOurs && _bridge.Hear(in change);
        bool ours =
            change.Index != 0 && (change.Index == _bridge.Index || _overlays.ContainsKey(change.Index) || change.Index == _underlay);
        bool named = change.Link is { Name: var name } && (name == _conf.Bridge || IsOverlayName(name));
        if (ours)
        {
            _heardLinks.Add(in change);
            return Due.Heard;
        }

        return named || (PublishesItself && _underlay == 0) ? Due.Everything
            : loose ? Due.Host
            : Due.None;
    }

    private bool IsOverlayName(string name) =>
        _conf.Backend.HasDevice && (name == _conf.Backend.DeviceName || name == _conf.Backend.DeviceNameOver(AddressFamily.InterNetworkV6));

    /// <summary>Routes of the main table that take the place of ours, or that say which host is behind which link.</summary>
    private Due OfRoute(Route? route) =>
        route is { Table: RouteTable.Main }
        && !route.Destination.BaseAddress.IsIPv6LinkLocal
        && (route.Destination.PrefixLength == 0 || _backend.NeedsMainRoutes || IsToPeers(route.Destination))
            ? Due.Everything
            : Due.None;

    private bool IsToPeers(IPNetwork destination) =>
        _conf.Ipam.Ranges.Any(network => network.Contains(destination.BaseAddress))
        && !(_keeper?.Held?.Prefixes ?? []).Any(own =>
            own.PrefixLength < destination.PrefixLength && own.Contains(destination.BaseAddress)
        );

    /// <summary>Tables of other networks of ours are their agents' business; any other may have become one that drops what we
    /// forward.</summary>
    private Due OfTable(TableId? table)
    {
        if (!_bridgeIsOurs || table is not { Family: NftFamily.Inet or NftFamily.Ip or NftFamily.Ip6 or NftFamily.Bridge } there)
        {
            return Due.None;
        }

        bool ofSomeNetwork = there.Family == NftFamily.Inet && there.Name.StartsWith(DeviceNames.NftTable(""), StringComparison.Ordinal);
        return !ofSomeNetwork || there.Name == DeviceNames.NftTable(_conf.Name) ? Due.Host : Due.None;
    }
}
