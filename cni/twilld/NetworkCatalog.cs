using System.Net;
using Twill.Host.Backends;
using Twill.Network.Configuration;
using Twill.System;

namespace Twill.Agent;

/// <summary>The networks that this agent serves, and why it does not serve others.</summary>
internal sealed record NetworkCatalog(IReadOnlyList<FoundNetwork> Networks, IReadOnlyList<string> Problems)
{
    /// <summary>All that was read: the same as long as nothing changed. Times and sizes would not tell of a symbolic link that leads
    /// elsewhere now, nor of a file of another age moved into the place.</summary>
    internal string Content { get; private init; } = "";

    /// <summary>Reads the configuration files. What is wrong with one network keeps no other from being served.</summary>
    /// <param name="options">Where they are.</param>
    /// <param name="runs">Whether a network is served already, just as it was found: it goes on, and another that contradicts it is
    /// refused, whatever their files are called. Null: none is.</param>
    internal static NetworkCatalog Load(AgentOptions options, Func<FoundNetwork, bool>? runs = null)
    {
        List<FoundNetwork> found = [];
        List<string> problems = [];
        string content = "";
        foreach (string path in options.ConfFiles.Count > 0 ? options.ConfFiles : [options.ConfDir])
        {
            NetworkConfigList list = NetworkConfigList.Load(path, BackendTable.All);
            content += list.Content;
            problems.AddRange(list.Problems);
            found.AddRange(list.Networks);
            if (options.ConfFiles.Count > 0 && list.Networks.Count == 0 && list.Problems.Count == 0)
            {
                problems.Add(
                    $"{path}: expected a plugin of type \"{TwillConf.MainPlugin}\" or with ipam.type \"{TwillConf.IpamPlugin}\", found "
                        + $"neither"
                );
            }
        }

        List<FoundNetwork> served = [];
        foreach (FoundNetwork network in found.OrderBy(network => runs is not null && runs(network) ? 0 : 1))
        {
            if (Refusal(network.Conf, served) is { } refusal)
            {
                problems.Add($"{network.File}: {refusal}; network '{network.Conf.Name}' is not served");
            }
            else
            {
                served.Add(network);
            }
        }

        return new NetworkCatalog(served, problems) { Content = content };
    }

    private static string? Refusal(TwillConf conf, List<FoundNetwork> served)
    {
        foreach ((string file, TwillConf other) in served)
        {
            if (Clash(conf, other) is { } clash)
            {
                return $"{clash}, as in {file}";
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
