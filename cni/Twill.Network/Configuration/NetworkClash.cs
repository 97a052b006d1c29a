using System.Net;
using Twill.System;

namespace Twill.Network.Configuration;

/// <summary>Networks that cannot be on one host together: they would undo each other's work for ever. The first one counts.</summary>
public static class NetworkClash
{
    /// <summary>The networks that get along.</summary>
    /// <param name="found">All networks, in the order in which they count.</param>
    /// <param name="problems">Why others are not served, as <c>file: complaint</c>.</param>
    public static List<FoundNetwork> Split(IEnumerable<FoundNetwork> found, out IReadOnlyList<string> problems)
    {
        ArgumentNullException.ThrowIfNull(found);
        List<FoundNetwork> served = [];
        List<string> refusals = [];
        foreach (FoundNetwork network in found)
        {
            if (Refusal(network.Conf, served) is { } refusal)
            {
                refusals.Add($"{network.File}: {refusal}; network '{network.Conf.Name}' is not served");
            }
            else
            {
                served.Add(network);
            }
        }

        problems = refusals;
        return served;
    }

    private static string? Refusal(TwillConf conf, List<FoundNetwork> served)
    {
        foreach (FoundNetwork other in served)
        {
            if (Clash(conf, other.Conf) is { } clash)
            {
                return $"{clash}, as in {other.File}";
            }
        }

        return null;
    }

    /// <summary>What two networks on one host cannot share: they would undo each other's work for ever.</summary>
    private static string? Clash(TwillConf one, TwillConf other)
    {
        if (one.Name == other.Name)
        {
            return $"name: '{one.Name}' is taken";
        }

        if (!one.IsForeign && !other.IsForeign && one.Bridge == other.Bridge)
        {
            return $"bridge: '{one.Bridge}' is taken by network '{other.Name}'";
        }

        BackendConf backend = one.Backend;
        if (backend.Type == other.Backend.Type && backend.ExclusiveSetting is { } setting && setting == other.Backend.ExclusiveSetting)
        {
            return $"{setting} is taken by network '{other.Name}'";
        }

        foreach (IPNetwork mine in one.Ipam.Ranges)
        {
            foreach (IPNetwork theirs in other.Ipam.Ranges)
            {
                if (mine.Overlaps(theirs))
                {
                    return $"ipam: {mine} overlaps {theirs} of network '{other.Name}'";
                }
            }
        }

        return null;
    }
}
