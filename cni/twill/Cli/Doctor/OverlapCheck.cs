using System.Net;
using Twill.Host;
using Twill.Network.State;
using Twill.System;

namespace Twill.Plugin.Cli.Doctor;

/// <summary>What containers' addresses would take from the host, and keys in etcd that are no lease one can use.</summary>
internal static class OverlapCheck
{
    private const string Overlap = "overlap",
        Keys = "keys";

    public static void Run(Findings to, HostView host, NetworkView network)
    {
        to.Look(
            Overlap,
            () => LookForOverlaps(to, host, network),
            () => network.Subnets.Count == 0 ? null : "no subnet of containers takes anything from this host"
        );
        to.Look(Keys, () => LookAtKeys(to, network), () => null);
    }

    private static void LookForOverlaps(Findings to, HostView host, NetworkView network)
    {
        HostPrefixes needs = HostPrefixes.Read(host.Route, network.Conf);
        foreach (IPNetwork subnet in network.IsOurs ? network.Subnets : [])
        {
            if (needs.FindOverlap(subnet) is { } needed)
            {
                to.Fail(
                    Overlap,
                    $"subnet {subnet} of the containers overlaps {needed.Reason}",
                    network.Conf.Ipam.Etcd is null
                        ? $"give the containers another subnet in {network.File}, or take that address or route off this host"
                        : "take that address or route off this host; or restart its containers elsewhere: the agent leases another subnet "
                            + "when none is left"
                );
            }
        }

        if (network.Conf.Ipam.Etcd is null)
        {
            return;
        }

        List<HostPrefix> inside = [.. needs.All];
        inside.RemoveAll(needed => network.Subnets.Exists(subnet => subnet.Overlaps(needed.Prefix)));
        if (inside.Count > 0)
        {
            to.Warn(
                Overlap,
                $"the network {string.Join(" and ", network.Conf.Ipam.Ranges)} contains what this host needs: "
                    + $"{Format.Few(inside.ConvertAll(needed => needed.Reason))}",
                "nothing breaks: such subnets are not leased, and get no route. A network apart from your own is better"
            );
        }

        foreach (HostPrefix around in needs.Around)
        {
            to.Warn(
                Overlap,
                $"the network lies within {around.Reason}: addresses of it there are not reached from this host",
                "make sure that nobody there has an address of the network; a network apart from your own is better"
            );
        }
    }

    private static void LookAtKeys(Findings to, NetworkView network)
    {
        AgentStatus agent = network.Agent;
        foreach (string conflict in agent.Conflicts)
        {
            to.Fail(Keys, conflict, "mend what it names, on that host or on this one; the agent follows within a second");
        }

        if (agent.Conflicts.Count > 0 || network.Conf.Ipam.Etcd is not { } etcd)
        {
            return;
        }

        const int Most = 10;
        for (int i = 0; i < agent.Refused.Count && i < Most; i++)
        {
            RefusedLease refused = agent.Refused[i];
            to.Warn(
                Keys,
                $"etcd key {refused.Key} does not count: {refused.Reason}",
                $"mend the host that it is of; if there is none: {EtcdctlCommand.Of(etcd)} del {EtcdctlCommand.Quoted(refused.Key)}"
            );
        }

        if (agent.RefusedCount > Most)
        {
            to.Warn(Keys, $"{agent.RefusedCount - Most} more keys do not count", "the agent's log names them: journalctl -u twilld");
        }
    }
}
