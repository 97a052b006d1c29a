using System.Net;
using System.Net.Sockets;
using Twill.Host;
using Twill.Host.Backends;
using Twill.Linux;
using Twill.Network.Configuration;
using Twill.Network.State;

namespace Twill.Agent;

/// <summary>This host as the backends see it, from a snapshot.</summary>
internal sealed class LocalNodeMapper(IBackend backend, WireGuardIdentity wireGuard)
{
    /// <summary>This host; null while its underlay is not known. Without a backend it needs none.</summary>
    internal LocalNode? Map(NetworkSnapshot snapshot)
    {
        TwillConf conf = snapshot.Configuration;
        NodeFile? node = snapshot.Host.Node;
        bool isAlone = !conf.Backend.JoinsHosts;
        IReadOnlyList<IPNetwork> networks = conf.Ipam.Ranges;
        return networks.Count > 0 && (isAlone || node is not null)
            ? new LocalNode(
                conf.Name,
                networks,
                snapshot.Lease.Held?.Prefixes ?? [],
                snapshot.Lease.Lost,
                isAlone ? default : Addresses(conf, node!),
                isAlone ? "" : node!.Interface,
                MainRoutes: []
            )
            {
                WireGuard = wireGuard.ForBackend(snapshot.Lease.Agreed),
                Needs = snapshot.Host.Needs,
            }
            : null;
    }

    /// <summary>
    /// A test for leases of this host: by the lease, or, while subnet.json is still being written, by what is published with it. It is
    /// applied to thousands of leases, so what is the same for all of them is found once.
    /// </summary>
    internal Func<KnownLease, bool> IsOwn(NetworkSnapshot snapshot)
    {
        long? held = snapshot.Lease.Held?.LeaseId;
        NodeFile? node = snapshot.Host.Node;
        PerFamily<LocalAddress> own = node is null ? default : Addresses(snapshot.Configuration, node);
        return lease =>
            lease.LeaseId == held
            || (
                node is not null
                && lease.Peers is [PeerLease peer, ..]
                && peer.BackendType == node.BackendType
                && (IsOwn(peer, peer.Addresses.V4, own.V4) || IsOwn(peer, peer.Addresses.V6, own.V6))
            );

        // Where an address is all that tells hosts apart, another host may have the same one: then its subnet is none of ours.
        bool IsOwn(PeerLease peer, PeerAddress? published, LocalAddress? own) =>
            published is { } theirs
            && own is { } ours
            && ours.PublicIP.Equals(theirs.PublicIP)
            && (
                ours.VtepMac != MacAddress.Zero ? theirs.VtepMac == ours.VtepMac
                : node!.PublicKey.Length > 0 ? $"{theirs.WireGuard?.PublicKey}" == node.PublicKey
                : snapshot.Lease.Held is not { } lease || lease.Prefixes.Contains(peer.Subnet) || snapshot.Lease.Lost.Contains(peer.Subnet)
            );
    }

    /// <summary>
    /// The node's addresses, each with its overlay device. Containers' packets fit through every device: one with less overhead has an MTU
    /// that is as much larger, so that containers that started before there was the other one go on as they are.
    /// </summary>
    private PerFamily<LocalAddress> Addresses(TwillConf conf, NodeFile node)
    {
        PerFamily<LocalAddress> addresses = default;
        int most = node.PublicAddresses.Max(address => backend.Overhead(address.AddressFamily));
        foreach ((IPAddress address, string vtepMac) in node.Published)
        {
            AddressFamily family = address.AddressFamily;
            int mtu = conf.Mtu != 0 ? conf.Mtu : node.Mtu + most - backend.Overhead(family);
            addresses = addresses.With(
                family,
                new LocalAddress(address, MacAddress.TryParse(vtepMac, out MacAddress mac) ? mac : MacAddress.Zero, mtu)
            );
        }

        return addresses;
    }
}
