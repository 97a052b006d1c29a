using System.Net;
using System.Net.Sockets;
using Twill.Cni;
using Twill.Network.Configuration;
using Twill.System;

namespace Twill.Agent.Docker;

/// <summary>The networks of this host that Docker's containers can be in.</summary>
/// <param name="load">reads the networks that are configured</param>
internal sealed class DockerCatalog(Func<IReadOnlyList<FoundNetwork>> load)
{
    /// <summary>A network by its name.</summary>
    /// <exception cref="CniException">there is none, or none that Docker can use</exception>
    internal FoundNetwork Get(string name)
    {
        IReadOnlyList<FoundNetwork> all = load();
        FoundNetwork found =
            all.FirstOrDefault(network => network.Conf.Name == name)
            ?? throw Refused($"there is no network '{ForeignText.Shown(name)}' on this host", $"network: expected one of {Names(all)}");
        if (found.Conf.IsForeign || found.Conf.Ipam.IsForeign)
        {
            throw Refused(
                $"network '{name}' cannot be used by Docker",
                $"{found.File}: expected type {TwillConf.MainPlugin} with ipam.type {TwillConf.IpamPlugin}, got {found.Conf.Type} with "
                    + found.Conf.Ipam.Type
            );
        }

        return found;
    }

    /// <summary>The network that is asked for; where none is, the one that has these addresses, or the only one.</summary>
    /// <param name="name">what the option <c>network</c> says; null: nothing</param>
    /// <param name="pool">the addresses that were asked for or given; null: none</param>
    /// <exception cref="CniException">there is none, or several</exception>
    internal FoundNetwork Find(string? name, IPNetwork? pool)
    {
        if (name is not null)
        {
            return Get(name);
        }

        IReadOnlyList<FoundNetwork> all = load();
        List<FoundNetwork> fitting =
        [
            .. all.Where(network =>
                !network.Conf.IsForeign
                && !network.Conf.Ipam.IsForeign
                && (pool is not { } asked || network.Conf.Ipam.Ranges.Contains(asked))
            ),
        ];
        return fitting.Count == 1
            ? Get(fitting[0].Conf.Name)
            : throw Refused(
                "which network is meant?",
                $"network: expected one of {Names(all)}, got nothing: give --ipam-opt network=NAME and -o network=NAME"
            );
    }

    /// <summary>The addresses of a family that containers of a network have.</summary>
    /// <exception cref="CniException">they have none</exception>
    internal static IPNetwork RangeOf(TwillConf conf, AddressFamily family) =>
        conf.Ipam.Of(family)?.Range
        ?? throw Refused(
            $"network '{conf.Name}' gives no {(family == AddressFamily.InterNetwork ? "IPv4" : "IPv6")} addresses",
            family == AddressFamily.InterNetwork ? "Docker needs them: use another network" : "create it without --ipv6"
        );

    /// <summary>What is refused, in the form of all errors.</summary>
    internal static CniException Refused(string what, string details) => new(CniErrorCode.InvalidNetworkConfig, what, details);

    private static string Names(IReadOnlyList<FoundNetwork> all) =>
        all.Count == 0 ? "none, for none is configured" : string.Join(", ", all.Select(network => network.Conf.Name));
}
