using Twill.Host;
using Twill.Linux;
using Twill.Linux.Links;
using Twill.Network.Configuration;

namespace Twill.Agent;

/// <summary>
/// Keeps the bridge's hardware address, which containers have cached, and keeps every container's host end attached to the bridge. Events
/// of host ends are remembered, so that these are not listed each time a container is added or deleted.
/// </summary>
internal sealed class BridgeReconciler(TwillConf conf)
{
    private readonly Lock _lock = new();
    private readonly HashSet<int> _detached = [];
    private MacAddress? _mac;
    private bool _relist = true;
    private int _index;

    /// <summary>The bridge's interface index; 0 while there is none.</summary>
    internal int Index
    {
        get
        {
            lock (_lock)
            {
                return _index;
            }
        }
    }

    /// <summary>Records an event of a link. From any thread.</summary>
    /// <returns>Whether a host end has become detached, so that the bridge must be reconciled.</returns>
    internal bool Record(in NetworkChange change)
    {
        lock (_lock)
        {
            if (change.IsRemoval)
            {
                _detached.Remove(change.Index);
                return false;
            }

            if (change.Link is not { } link || !BridgePorts.IsHostEnd(link, conf.Name))
            {
                return false;
            }

            if (BridgePorts.IsDetached(link))
            {
                return _detached.Add(link.Index);
            }

            _detached.Remove(link.Index);
            return false;
        }
    }

    /// <summary>Lists all host ends next time, because an event may have been missed. From any thread.</summary>
    internal void RelistPorts()
    {
        lock (_lock)
        {
            _relist = true;
        }
    }

    /// <summary>Restores the hardware address and the ports.</summary>
    /// <param name="route">A socket in the host's namespace.</param>
    /// <returns>What had to be done, each a phrase for the log.</returns>
    internal List<string> Reconcile(RouteSocket route)
    {
        List<string> changes = [];
        if (!route.TryGetLink(conf.Bridge, out Link? bridge))
        {
            lock (_lock)
            {
                _index = 0;
            }

            return changes;
        }

        if (conf.Lan is null && _mac is { } mac && bridge.Mac != mac)
        {
            route.Execute(new SetLink(bridge.Index) { Mac = mac });
            changes.Add($"bridge {conf.Bridge} has MAC {mac} again, by which containers know it, instead of {bridge.Mac}");
        }

        _mac ??= bridge.Mac;
        List<Link> detached = TakeDetached(route, bridge, changes);
        IReadOnlyList<string> refusals = BridgePorts.Reattach(route, bridge.Index, conf.HairpinMode, detached, conf.PortIsolation);
        if (detached.Count > 0)
        {
            changes.Add(
                detached.Count == 1
                    ? $"host end {detached[0].Name} ({detached[0].Alias}) hung in the air and is in its place again"
                    : $"{detached.Count} host ends of containers hung in the air and are in their places again"
            );
        }

        return refusals.Count == 0
            ? changes
            : throw new HostException(
                $"{refusals.Count} host ends of containers cannot be put on bridge {conf.Bridge} again: {refusals[0]}"
            );
    }

    private List<Link> TakeDetached(RouteSocket route, Link bridge, List<string> changes)
    {
        bool all;
        int[] recorded;
        lock (_lock)
        {
            all = _relist || _index != bridge.Index;
            recorded = [.. _detached];
            (_relist, _index) = (false, bridge.Index);
            _detached.Clear();
        }

        List<Link> found = [];
        if (all)
        {
            found = route.ListLinks(kind: "veth");
        }
        else
        {
            foreach (int index in recorded)
            {
                if (route.TryGetLink(index, out Link? link))
                {
                    found.Add(link);
                }
            }
        }

        found = found.FindAll(link => BridgePorts.IsHostEnd(link, conf.Name));
        if (RouterAnnouncements.RefuseAtAll(route, found, HostReconciler.MayHaveIPv6(conf)) is > 0 and int deaf)
        {
            changes.Add($"{deaf} host ends of containers listen to no routers that containers announce");
        }

        return found.FindAll(BridgePorts.IsDetached);
    }
}
