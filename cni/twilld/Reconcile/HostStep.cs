using System.Net;
using Twill.Host;
using Twill.Host.AntiSpoof;
using Twill.Linux;
using Twill.Linux.Links;
using Twill.Linux.Nftables;
using Twill.Network.State;

namespace Twill.Agent;

/// <summary>Reconciles what must be on this host whatever the other hosts do: bridge, ports, forwarding, firewall.</summary>
/// <param name="context">The network.</param>
/// <param name="lease">The lease; null when the network does without etcd.</param>
/// <param name="bridge">The bridge's hardware address and ports.</param>
/// <param name="containerMtu">The MTU of running containers.</param>
internal sealed class HostStep(NetworkContext context, LeaseLoop? lease, BridgeReconciler bridge, ContainerMtu containerMtu)
{
    private readonly ForeignFirewalls _firewalls = new(
        context.Conf,
        context.Log,
        new Condition(context.Log, context.Clock, ConditionName.Firewall, message =>
            context.Snapshots.Update(s => s with { BlockingFirewall = message })
        )
    );

    private readonly LanReconciler _lan = new(context.Conf);
    private int _lanMtu;

    private readonly Condition _containerMtu = context.NewCondition(ConditionName.ContainerMtu);

    internal Condition Condition { get; } = context.NewCondition(ConditionName.Host);

    /// <summary>Runs the step.</summary>
    /// <returns>Whether everything was in order already.</returns>
    internal bool Run(RouteSocket route)
    {
        if (lease is { HasUnusedSubnets: true })
        {
            context.LeaseStep.Set();
        }

        NetworkSnapshot snapshot = context.Snapshots.Current;
        List<string> changes = snapshot.OwnsBridge ? Reconcile(route, snapshot) : [];
        Condition.Resolve();
        return changes.Count == 0;
    }

    private List<string> Reconcile(RouteSocket route, NetworkSnapshot snapshot)
    {
        if (context.Conf.Lan is not null)
        {
            Link link = LanLink.Find(route, context.Conf);
            return Told([.. LowerMtu(route, LanMtu(link)), .. ReconcilePorts(route), .. _lan.Reconcile(route, link)]);
        }

        NodeFile? node = snapshot.Host.Node;
        int mtu = context.Conf.Mtu != 0 ? context.Conf.Mtu : node?.Mtu ?? Underlay.MtuToOutside(route);
        List<string> changes = LowerMtu(route, mtu);
        changes.AddRange(
            HostReconciler.Ensure(
                route,
                context.State,
                context.Conf,
                snapshot.LocalSubnets,
                ReadLocalSubnets,
                mtu,
                node,
                new FormerHost(snapshot.Lease.Former, snapshot.UsesEtcd && snapshot.Lease.IsAccepted != true)
            )
        );
        changes.AddRange(ReconcilePorts(route));
        if (_firewalls.Reconcile(route, node) is { } done)
        {
            changes.Add(done);
        }

        return Told(changes);
    }

    /// <summary>The MTU of the LAN, which is another host's or an administrator's to change.</summary>
    private int LanMtu(Link link)
    {
        int mtu = LanLink.MtuOf(link, context.Conf);
        if (_lanMtu > mtu)
        {
            containerMtu.AddFormer(_lanMtu);
        }

        return _lanMtu = mtu;
    }

    private List<string> LowerMtu(RouteSocket route, int mtu)
    {
        List<string> changes = containerMtu.Lower(route, mtu, out IReadOnlyList<string> refusals);
        if (refusals.Count > 0)
        {
            _containerMtu.Raise($"larger than the network's {mtu}, full packets may be lost: {string.Join("; ", refusals.Take(10))}");
        }
        else
        {
            _containerMtu.Resolve();
        }

        return changes;
    }

    /// <summary>What is the network's own on any bridge: containers' ports, and what these may send as.</summary>
    private List<string> ReconcilePorts(RouteSocket route)
    {
        try
        {
            List<string> changes = bridge.Reconcile(route);
            using NftSocket nft = NftSocket.Open();
            AttachmentRecords records = new(context.State.AttachmentsPath);
            changes.AddRange(new SourceReconciler(route, nft, records, context.Conf.Name).Reconcile());
            return changes;
        }
        finally
        {
            context.Snapshots.Update(s => s with { Host = s.Host with { BridgeIndex = bridge.Index } });
        }
    }

    private List<string> Told(List<string> changes)
    {
        context.Snapshots.Update(s => s with { Reconcile = s.Reconcile with { HostChanges = s.Reconcile.HostChanges + changes.Count } });
        foreach (string change in changes)
        {
            context.Log.Info(change);
        }

        return changes;
    }

    /// <summary>
    /// Reads subnet.json again: an ADD may just have put the address of one more subnet on the bridge, and it writes the file before that.
    /// </summary>
    private IReadOnlyList<IPNetwork> ReadLocalSubnets()
    {
        lease!.Adopt();
        LeaseStatus status = context.Snapshots.Current.Lease;
        return [.. status.Held?.Prefixes ?? [], .. status.Lost];
    }
}
