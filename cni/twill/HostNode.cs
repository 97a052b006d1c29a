using Twill.Host;
using Twill.Host.Backends;
using Twill.Linux;
using Twill.Linux.WireGuard;
using Twill.Network.Configuration;
using Twill.Network.State;
using Twill.System;

namespace Twill.Plugin;

/// <summary>What this host is in the network, and with that the containers' MTU.</summary>
internal static class HostNode
{
    /// <summary>
    /// The MTU of the containers' interfaces in bytes. In a network of several hosts the first ADD after a boot also writes
    /// <c>node.json</c>, from which the IPAM plugin knows what to publish with a lease; later ones find it there.
    /// </summary>
    /// <exception cref="HostException">The underlay cannot be told.</exception>
    public static int EnsureMtu(RouteSocket host, NetworkStateDir network, TwillConf conf)
    {
        if (conf.Lan is not null)
        {
            if (conf.Ipam.Etcd is not null && (NodeFile.TryRead(network, out _) is not { } told || !IsCurrent(told, conf)))
            {
                Find(host, conf, null).Write(network);
            }

            return LanLink.MtuOf(LanLink.Find(host, conf), conf);
        }

        if (conf.Ipam.Etcd is null)
        {
            return conf.Mtu != 0 ? conf.Mtu : Underlay.MtuToOutside(host);
        }

        NodeFile? known = NodeFile.TryRead(network, out _);
        if (known is not null && IsCurrent(known, conf))
        {
            return conf.Mtu != 0 ? conf.Mtu : known.Mtu;
        }

        NodeFile node = Find(host, conf, known);
        node.Write(network);
        return node.Mtu;
    }

    private static bool IsCurrent(NodeFile node, TwillConf conf) =>
        node.BootId == BootClock.BootId && node.Mtu != 0 && conf.Backend.IsIn(node);

    /// <summary>What the WireGuard peers of this host know it by; empty when there is no key.</summary>
    private static string PublicKey(TwillConf conf) =>
        WireGuardSecret.TryParse(NodeIdentity.WireGuardKey(conf.Ipam.DataDir, conf.Name, out _), out WireGuardSecret? key)
            ? key.PublicKey.ToString()
            : "";

    private static NodeFile Find(RouteSocket host, TwillConf conf, NodeFile? known)
    {
        Underlay underlay = Underlay.Select(host, conf, known);
        return NodeFile.Of(
            conf,
            underlay.IPv4,
            underlay.IPv6,
            underlay.Name,
            underlay.MtuWith(BackendTable.Of(conf)),
            new NodeKeys(outer => NodeIdentity.VtepMac(conf.Ipam.DataDir, conf.Name, outer, out _), () => PublicKey(conf))
        );
    }
}
