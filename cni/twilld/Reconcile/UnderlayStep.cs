using System.Net;
using System.Net.Sockets;
using Twill.Cluster;
using Twill.Host;
using Twill.Linux;
using Twill.Network.Configuration;
using Twill.Network.State;

namespace Twill.Agent;

/// <summary>
/// Finds out what this host is: its address, interface and MTU on the underlay. When that changed it writes node.json and has the host
/// published again. While no underlay is found the host stays what it was.
/// </summary>
/// <param name="context">The network.</param>
/// <param name="etcd">The client of etcd; null when the network does without.</param>
/// <param name="wireGuard">This host's WireGuard key.</param>
/// <param name="containerMtu">Is told of MTUs that the network had.</param>
internal sealed class UnderlayStep(NetworkContext context, EtcdClient? etcd, WireGuardIdentity wireGuard, ContainerMtu containerMtu)
{
    /// <summary>How long an address family may be missing before the host is published without it.</summary>
    private static readonly TimeSpan FamilyGrace = TimeSpan.FromSeconds(10);

    private readonly Dictionary<AddressFamily, string> _vtepMacs = [];
    private long? _familyMissingSince; // Environment.TickCount64

    internal Condition Condition { get; } = context.NewCondition(ConditionName.Underlay);

    /// <summary>Runs the step.</summary>
    /// <returns>True: there is nothing that it could leave undone.</returns>
    internal bool Run(RouteSocket route)
    {
        NetworkSnapshot snapshot = context.Snapshots.Current;
        if (!snapshot.PublishesNode || !snapshot.UsesEtcd)
        {
            return true;
        }

        NodeFile? written = NodeFile.TryRead(context.State, out string? problem);
        Underlay underlay = Underlay.Select(route, context.Conf, snapshot.Host.Node ?? written);
        context.Snapshots.Update(s => s with { Host = s.Host with { UnderlayIndex = underlay.Index, UnderlayMtu = underlay.Mtu } });
        NodeFile node = NodeFile.Of(
            context.Conf,
            underlay.IPv4,
            underlay.IPv6,
            underlay.Name,
            underlay.MtuWith(context.Backend),
            new NodeKeys(VtepMac, wireGuard.ReadPublicKey)
        );
        if (problem is not null)
        {
            context.Log.Warning($"{problem}; it is written anew");
        }

        if (snapshot.Lease.IsAccepted != true && written is not null && written.BootId == node.BootId && !HaveSameBackend(written, node))
        {
            node = written; // etcd has not agreed to the new configuration, so the host stays what it was
        }

        NodeFile? before = snapshot.Host.Node;
        if (before is not null && IsWithinGrace(before, node))
        {
            node = before;
        }

        if (written is not null && written.Mtu > node.Mtu && context.Conf.Mtu == 0)
        {
            containerMtu.AddFormer(written.Mtu);
        }

        if (written != node)
        {
            node.Write(context.State);
        }

        if (before != node)
        {
            Publish(before, node);
        }

        Condition.Resolve();
        return true;
    }

    private void Publish(NodeFile? before, NodeFile node)
    {
        context.Log.Info(
            $"this host is {string.Join(" and ", node.PublicAddresses)} on {node.Interface}, backend {node.BackendType}, MTU "
                + $"{node.Mtu} for containers"
        );
        foreach (IPAddress gone in (before?.PublicAddresses ?? []).Except(node.PublicAddresses))
        {
            etcd?.Abandon(gone); // etcd's answers go to the old address and never arrive
        }

        context.Snapshots.Update(s => s with { Host = s.Host with { Node = node } });
        context.LeaseStep.Set();
    }

    /// <summary>
    /// Whether an address family of the underlay has been missing only for a moment. Addresses disappear briefly while they are renewed.
    /// Publishing that would dismantle the overlay of this family on all hosts.
    /// </summary>
    private bool IsWithinGrace(NodeFile before, NodeFile now)
    {
        if (before.PublicAddresses.All(had => now.PublicAddresses.Any(has => has.AddressFamily == had.AddressFamily)))
        {
            _familyMissingSince = null;
            return false;
        }

        if (_familyMissingSince is null)
        {
            _familyMissingSince = Environment.TickCount64;
            Task.Delay(FamilyGrace + ReconcileSchedule.Settle)
                .ContinueWith(_ => context.Reconcile.Add(ReconcileReason.Everything), TaskScheduler.Default);
        }

        return Environment.TickCount64 - _familyMissingSince < FamilyGrace.TotalMilliseconds;
    }

    /// <summary>The VTEP's hardware address as it was first read or made. It stays when somebody deletes the file.</summary>
    private string VtepMac(AddressFamily outer)
    {
        if (!_vtepMacs.TryGetValue(outer, out string? mac))
        {
            mac = NodeIdentity.VtepMac(context.Conf.Ipam.DataDir, context.Conf.Name, outer, out string? replaced);
            context.Log.WarningIfAny(replaced);
            _vtepMacs[outer] = mac;
        }

        return mac;
    }

    private static bool HaveSameBackend(NodeFile one, NodeFile other) =>
        (one.BackendType, one.Vni, one.Port) == (other.BackendType, other.Vni, other.Port);
}
