using System.Net;
using System.Net.Sockets;
using Twill.Host;
using Twill.Linux;
using Twill.Linux.Links;
using Twill.Network.Configuration;
using Twill.Network.State;

namespace Twill.Agent;

/// <content>This host: its underlay, bridge, forwarding and firewall.</content>
internal sealed partial class NetworkAgent
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly HashSet<int> _formerMtus = [];
    private NodeFile? _node;
    private volatile int _underlay;
    private long _lacking; // since when a family of the underlay is away, as Environment.TickCount64 tells; 0: none is

    /// <summary>Under a main plugin of somebody else and without a backend only the lease is ours; what this host is, nobody
    /// asks.</summary>
    private bool PublishesItself => !_conf.IsForeign || _conf.Backend.JoinsHosts;

    private bool BringHostInOrder(RouteSocket route)
    {
        if (_keeper is { HasUnusedSubnets: true })
        {
            _leaseDue.Set();
        }

        List<string> changes = [];
        if (_bridgeIsOurs)
        {
            IReadOnlyList<IPNetwork> subnets = _conf.Ipam.Etcd is null ? _conf.Ipam.Ranges : _keeper?.Held?.Prefixes ?? [];
            int mtu = _conf.Mtu != 0 ? _conf.Mtu : _node?.Mtu ?? Underlay.MtuToOutside(route);
            changes = LowerContainersMtu(route, mtu);
            changes.AddRange(HostState.Ensure(route, _state, _conf, subnets, LocalSubnets, mtu, Tunnel));
            changes.AddRange(_bridge.Ensure(route));
            if (_otherFirewalls.BringInOrder(route, _node) is { } done)
            {
                changes.Add(done);
            }

            Interlocked.Add(ref _hostChanges, changes.Count);
            foreach (string change in changes)
            {
                _log.Info(change);
            }
        }

        _hostCondition.Resolve();
        return changes.Count == 0;
    }

    /// <summary>
    /// Before the bridge gets it: until then the bridge has the MTU that the network had, also when it changed while no agent ran. An ADD
    /// may
    /// be quicker with the bridge, so what node.json had counts too.
    /// </summary>
    private List<string> LowerContainersMtu(RouteSocket route, int mtu)
    {
        if (route.TryGetLink(_conf.Bridge, out Link? bridge) && bridge.Mtu > mtu)
        {
            _formerMtus.Add((int)bridge.Mtu);
        }

        if (_formerMtus.Count == 0)
        {
            return [];
        }

        List<string> changes = ContainersMtu.Lower(route, _conf.Name, _conf.Ipam.DataDir, _formerMtus, mtu);
        _formerMtus.Clear();
        return changes;
    }

    /// <summary>
    /// Read anew, because an ADD may just have put the address of one more subnet on the bridge: subnet.json had it before that.
    /// </summary>
    private IReadOnlyList<IPNetwork> LocalSubnets()
    {
        _keeper!.Adopt();
        return [.. _keeper.Held?.Prefixes ?? [], .. _keeper.Lost];
    }

    /// <summary>
    /// Writes down what this host is, and has it published, when its address, interface or MTU changed. While no underlay can be told, it
    /// is
    /// what it was.
    /// </summary>
    private bool FollowUnderlay(RouteSocket route)
    {
        if (!PublishesItself || _conf.Ipam.Etcd is null)
        {
            return true;
        }

        Underlay underlay = Underlay.Select(route, _conf.Backend.Interface, dual: _conf.Ipam.IPv6 is not null);
        _underlay = underlay.Index;
        NodeFile node = NodeFile.Of(
            _conf,
            underlay.IPv4,
            underlay.IPv6,
            underlay.Name,
            underlay.MtuWith(_backend),
            new NodeKeys(VtepMac, FollowWireGuardKey)
        );
        NodeFile? written = NodeFile.TryRead(_state, out string? problem);
        if (problem is not null)
        {
            _log.Warning($"{problem}; it is written anew");
        }

        if (_keeper is { IsAccepted: not true } && written is not null && written.BootId == node.BootId && !HaveSameBackend(written, node))
        {
            node = written; // etcd has not agreed to the new configuration: this host is what it was
        }

        if (LacksForAMoment(node))
        {
            node = _node!;
        }

        if (written is not null && written.Mtu > node.Mtu && _conf.Mtu == 0)
        {
            _formerMtus.Add(written.Mtu);
        }

        if (written != node)
        {
            node.Write(_state);
        }

        if (_node != node)
        {
            _log.Info(
                $"this host is {string.Join(" and ", node.PublicAddresses)} on {node.Interface}, backend {node.BackendType}, MTU "
                    + $"{node.Mtu} for containers"
            );
            foreach (IPAddress gone in (_node?.PublicAddresses ?? []).Except(node.PublicAddresses))
            {
                _etcd!.Abandon(gone); // etcd's answers go to the old address: each would be waited for in vain
            }

            _node = node;
            _leaseDue.Set();
        }

        _underlayCondition.Resolve();
        return true;
    }

    /// <summary>
    /// Whether a family of the underlay is gone that was there just now. Addresses are away for a moment while they are renewed, and to
    /// publish
    /// that would take the overlay of this family apart on all hosts.
    /// </summary>
    private bool LacksForAMoment(NodeFile now)
    {
        if (_node is not { } was || was.PublicAddresses.All(had => now.PublicAddresses.Any(has => has.AddressFamily == had.AddressFamily)))
        {
            _lacking = 0;
            return false;
        }

        if (_lacking == 0)
        {
            _lacking = Environment.TickCount64;
            Task.Delay(Patience + Settle).ContinueWith(_ => Ask(ReconcileReason.Everything), TaskScheduler.Default);
        }

        return Environment.TickCount64 - _lacking < Patience.TotalMilliseconds;
    }

    /// <summary>As it was first read or made: it stays when somebody removes the file.</summary>
    private string VtepMac(AddressFamily outer)
    {
        if (!_vtepMacs.TryGetValue(outer, out string? mac))
        {
            mac = _vtepMacs[outer] = Told(NodeIdentity.VtepMac(_conf.Ipam.DataDir, _conf.Name, outer, out string? replaced), replaced);
        }

        return mac;
    }

    private static bool HaveSameBackend(NodeFile one, NodeFile other) =>
        (one.BackendType, one.Vni, one.Port) == (other.BackendType, other.Vni, other.Port);
}
