using Twill.Network.Configuration;
using Twill.System;

namespace Twill.Agent;

/// <summary>The network that a command line names.</summary>
internal static class ConfiguredNetwork
{
    /// <summary>All networks of this host.</summary>
    /// <param name="confDir">Where they are configured.</param>
    internal static IReadOnlyList<FoundNetwork> All(string confDir) => Load(confDir).Networks;

    /// <summary>A network of this host by its name.</summary>
    /// <param name="confDir">Where networks are configured.</param>
    /// <param name="name">Its name.</param>
    /// <exception cref="UsageException">There is none.</exception>
    internal static FoundNetwork Find(string confDir, string name)
    {
        NetworkCatalog catalog = Load(confDir);
        if (catalog.Networks.FirstOrDefault(one => one.Conf.Name == name) is { } found)
        {
            return found;
        }

        string there = catalog.Networks.Count > 0 ? string.Join(", ", catalog.Networks.Select(one => one.Conf.Name)) : "none";
        string problems = string.Concat(catalog.Problems.Select(problem => $"; {problem}"));
        throw new UsageException($"no network '{ForeignText.Shown(name, 80)}' in {confDir}: expected one of {there}{problems}");
    }

    private static NetworkCatalog Load(string confDir) => NetworkCatalog.Load(new AgentOptions { ConfDir = confDir });
}
