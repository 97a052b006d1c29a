using System.Net;
using Twill.Host;
using Twill.Linux;

namespace Twill.Agent;

/// <summary>Finds out what this host itself needs, which no subnet of containers may take: this host's own are told, those of other hosts
/// get no route, and new ones are not leased.</summary>
/// <param name="context">The network.</param>
/// <param name="etcdMembers">The addresses of etcd's members that are connected.</param>
internal sealed class OverlapStep(NetworkContext context, Func<IReadOnlyCollection<IPAddress>> etcdMembers)
{
    internal Condition Condition { get; } = context.NewCondition(ConditionName.Overlap);

    /// <summary>Runs the step.</summary>
    /// <returns>True: there is nothing that it could leave undone.</returns>
    internal bool Run(RouteSocket route)
    {
        HostPrefixes needs = HostPrefixes.Read(route, context.Conf, etcdMembers());
        context.Snapshots.Update(s => s with { Host = s.Host with { Needs = needs } });
        NetworkSnapshot snapshot = context.Snapshots.Current;
        foreach (IPNetwork subnet in snapshot.OwnsBridge && context.Conf.Lan is null ? snapshot.LocalSubnets : [])
        {
            if (needs.FindOverlap(subnet) is { } needed)
            {
                Condition.Raise(
                    $"subnet {subnet} of bridge {context.Conf.Bridge} overlaps {needed.Reason}: what is there is not reached from here. "
                        + "Give that another address, or this host another subnet",
                    LogLevel.Error
                );
                return true;
            }
        }

        Condition.Resolve();
        return true;
    }
}
