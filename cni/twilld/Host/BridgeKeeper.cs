using Twill.Host;
using Twill.Linux;
using Twill.Linux.Links;
using Twill.Network.Configuration;

namespace Twill.Agent;

/// <summary>
/// What a bridge's configuration does not say: the hardware address that containers know it by, and that every container's host end hangs
/// on it. What the kernel announces of host ends is remembered, so that they need not be listed each time one container comes or goes.
/// </summary>
internal sealed class BridgeKeeper(TwillConf conf)
{
    private readonly Lock _lock = new();
    private readonly HashSet<int> _loose = [];
    private MacAddress? _mac;
    private bool _lookAtAll = true;
    private volatile int _index;

    /// <summary>The bridge's interface index; 0 while there is none.</summary>
    internal int Index => _index;

    /// <summary>Hears of a link, on any thread.</summary>
    /// <returns>Whether a host end may hang in the air, so that a look is due.</returns>
    internal bool Hear(in NetworkChange change)
    {
        lock (_lock)
        {
            if (change.IsRemoval)
            {
                _loose.Remove(change.Index);
                return false;
            }

            if (change.Link is not { } link || !BridgePorts.IsHostEnd(link, conf.Name))
            {
                return false;
            }

            if (BridgePorts.IsDetached(link))
            {
                return _loose.Add(link.Index);
            }

            _loose.Remove(link.Index);
            return false;
        }
    }

    /// <summary>Next time all host ends are looked at: something may have been missed.</summary>
    internal void LookAtAll()
    {
        lock (_lock)
        {
            _lookAtAll = true;
        }
    }

    /// <summary>Puts back the hardware address and the ports.</summary>
    /// <param name="route">A socket in the host's namespace.</param>
    /// <returns>What had to be done, each a phrase for the log.</returns>
    internal List<string> Ensure(RouteSocket route)
    {
        List<string> changes = [];
        if (!route.TryGetLink(conf.Bridge, out Link? bridge))
        {
            _index = 0;
            return changes;
        }

        if (_mac is { } mac && bridge.Mac != mac)
        {
            route.Execute(new SetLink(bridge.Index) { Mac = mac });
            changes.Add($"bridge {conf.Bridge} has MAC {mac} again, by which containers know it, instead of {bridge.Mac}");
        }

        _mac ??= bridge.Mac;
        List<Link> loose = TakeLoose(route, bridge);
        IReadOnlyList<string> refusals = BridgePorts.Reattach(route, bridge.Index, conf.HairpinMode, loose);
        if (loose.Count > 0)
        {
            changes.Add(
                loose.Count == 1
                    ? $"host end {loose[0].Name} ({loose[0].Alias}) hung in the air and is in its place again"
                    : $"{loose.Count} host ends of containers hung in the air and are in their places again"
            );
        }

        return refusals.Count == 0
            ? changes
            : throw new HostException(
                $"{refusals.Count} host ends of containers cannot be put on bridge {conf.Bridge} again: {refusals[0]}"
            );
    }

    private List<Link> TakeLoose(RouteSocket route, Link bridge)
    {
        bool all;
        int[] heard;
        lock (_lock)
        {
            all = _lookAtAll || _index != bridge.Index;
            heard = [.. _loose];
            (_lookAtAll, _index) = (false, bridge.Index);
            _loose.Clear();
        }

        List<Link> found = [];
        if (all)
        {
            found = route.ListLinks(kind: "veth");
        }
        else
        {
            foreach (int index in heard)
            {
                if (route.TryGetLink(index, out Link? link))
                {
                    found.Add(link);
                }
            }
        }

        return found.FindAll(link => BridgePorts.IsHostEnd(link, conf.Name) && BridgePorts.IsDetached(link));
    }
}
