using Twill.Cluster;
using Twill.Host.Backends;
using Twill.Linux.WireGuard;
using Twill.Network.State;

namespace Twill.Agent;

/// <content>What it takes to talk WireGuard: the host's own key, and what the network's configuration says of all hosts.</content>
internal sealed partial class NetworkAgent
{
    private WireGuardSecret? _privateKey;

    /// <summary>
    /// The device that alone packets to other hosts may take; null where they may go in clear. As long as etcd has not agreed to a
    /// configuration of
    /// another backend, it is as before.
    /// </summary>
    private string? Tunnel =>
        _node is not { } node ? _conf.Backend.TunnelName
        : BackendTable.All.Find(node.BackendType)?.TunnelNameIn(node);

    /// <summary>Looks at the file of the private key: who deletes it wants another one.</summary>
    /// <returns>The public key in base64.</returns>
    private string FollowWireGuardKey()
    {
        string text = Told(NodeIdentity.WireGuardKey(_conf.Ipam.DataDir, _conf.Name, out string? was), was);
        if (WireGuardSecret.TryParse(text, out WireGuardSecret? key) && !key.Equals(_privateKey))
        {
            _privateKey = key;
        }

        return _privateKey?.PublicKey.ToString() ?? "";
    }

    private LocalWireGuard? WireGuard()
    {
        BackendSettings? agreed = _keeper?.Agreed?.Backend;
        return _privateKey is null
            ? null
            : new LocalWireGuard(
                _privateKey,
                WireGuardSecret.TryParse(agreed?.PresharedKey?.Value, out WireGuardSecret? preshared) ? preshared : null,
                (ushort)((_conf.Backend as WireGuardBackend)?.PersistentKeepalive ?? agreed?.PersistentKeepalive ?? 0)
            );
    }
}
