using Twill.Host.Forwarding;
using Twill.Linux;
using Twill.Linux.Nftables;
using Twill.Network.Configuration;
using Twill.Network.State;

namespace Twill.Agent;

/// <summary>
/// Firewalls of other programs that drop the network's packets. It keeps our accept rule where iptables drops them, and reports any other
/// rule that does. Docker, ufw and people change their rules at any time: the kernel announces it, and the host is reconciled.
/// </summary>
internal sealed class ForeignFirewalls(TwillConf conf, Log log, Condition condition)
{
    private bool _warnedOfLegacy;

    /// <summary>Adds the accept rule where it is needed, and raises the condition when another rule still drops packets.</summary>
    /// <returns>What was done; null when nothing was to be done.</returns>
    internal string? Reconcile(RouteSocket route, NodeFile? node)
    {
        WarnOfLegacy();
        List<ForwardTraffic> families = ForwardPaths.Find(route, conf, node);
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

    private static string? Find(NftSocket nft, List<ForwardTraffic> families)
    {
        List<BlockingChain> blocking = BlockingChains
            .Find(nft, families)
            .FindAll(one => one.IsCertain && !one.IsMeant && !one.IsMendedByUs);
        return blocking.Count == 0 ? null : string.Join("; ", blocking.ConvertAll(one => $"{one.Text}; to let them through: {one.Remedy}"));
    }

    private void WarnOfLegacy()
    {
        if (!_warnedOfLegacy && LegacyIptables.HasFilter)
        {
            _warnedOfLegacy = true;
            log.Warning($"{LegacyIptables.Text}; {LegacyIptables.Remedy}");
        }
    }
}
