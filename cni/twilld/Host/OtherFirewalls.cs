using Twill.Host.Forwarding;
using Twill.Linux;
using Twill.Linux.Nftables;
using Twill.Network.Configuration;
using Twill.Network.State;

namespace Twill.Agent;

/// <summary>
/// Other programs' firewalls on the way of a network's packets: the accept where iptables drops them, and who else does. Docker, ufw and
/// people
/// write their rules when they like: the kernel announces it, and a round looks.
/// </summary>
internal sealed class OtherFirewalls(TwillConf conf, Log log, Condition condition)
{
    private bool _legacyTold;

    /// <summary>Who is in the way, and what helps; null when nobody is.</summary>
    internal string? InTheWay => condition.Message;

    /// <summary>Puts the accept where it is needed, and tells who is in the way.</summary>
    /// <returns>What was done; null when nothing was to be done.</returns>
    internal string? BringInOrder(RouteSocket route, NodeFile? node)
    {
        TellLegacy();
        List<ForwardTraffic> families = TrafficOf(route, node);
        using NftSocket nft = NftSocket.Open();
        List<string> done = [.. families.Select(traffic => IptablesAccept.Keep(nft, traffic)).OfType<string>()];
        if (Find(nft, families) is { } text)
        {
            condition.Raise(text);
        }
        else
        {
            condition.Resolve();
        }

        return done.Count == 0 ? null : string.Join("; ", done);
    }

    private List<ForwardTraffic> TrafficOf(RouteSocket route, NodeFile? node) =>
        ForwardTraffic.Find(
            route,
            conf.Name,
            conf.Bridge,
            conf.Ipam.Ranges,
            conf.Backend.JoinsHosts,
            inner => conf.Backend.DeviceNameOver(node?.OuterOf(inner) ?? inner),
            node?.Interface
        );

    private static string? Find(NftSocket nft, List<ForwardTraffic> families)
    {
        List<BlockingChain> blocking = BlockingChains
            .Find(nft, families)
            .FindAll(one => one.IsCertain && !one.IsMeant && !one.IsMendedByUs);
        return blocking.Count == 0
            ? null
            : string.Join("; ", blocking.ConvertAll(one => $"{one.Text}; to let them through: {one.Remedy}"));
    }

    private void TellLegacy()
    {
        if (!_legacyTold && LegacyIptables.HasFilter)
        {
            _legacyTold = true;
            log.Warning($"{LegacyIptables.Text}; {LegacyIptables.Remedy}");
        }
    }
}
