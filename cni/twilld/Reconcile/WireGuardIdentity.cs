using Twill.Cluster;
using Twill.Host.Backends;
using Twill.Linux.WireGuard;
using Twill.Network.Configuration;
using Twill.Network.State;

namespace Twill.Agent;

/// <summary>This host's WireGuard key, and what the network's configuration in etcd adds to it.</summary>
internal sealed class WireGuardIdentity(TwillConf conf, Log log)
{
    private WireGuardSecret? _privateKey;

    /// <summary>Reads the file of the private key, or makes it. An operator who wants a new key deletes the file.</summary>
    /// <returns>The public key in base64.</returns>
    internal string ReadPublicKey()
    {
        string text = NodeIdentity.WireGuardKey(conf.Ipam.DataDir, conf.Name, out string? replaced);
        log.WarningIfAny(replaced);
        if (WireGuardSecret.TryParse(text, out WireGuardSecret? key) && !key.Equals(_privateKey))
        {
            _privateKey = key;
        }

        return _privateKey?.PublicKey.ToString() ?? "";
    }

    /// <summary>What the backend needs; null while no key was read.</summary>
    /// <param name="agreed">The network as etcd has it; null before it is known.</param>
    internal LocalWireGuard? ForBackend(NetworkConfig? agreed) =>
        _privateKey is null
            ? null
            : new LocalWireGuard(
                _privateKey,
                WireGuardSecret.TryParse(agreed?.Backend?.PresharedKey?.Value, out WireGuardSecret? preshared) ? preshared : null,
                (ushort)((conf.Backend as WireGuardBackend)?.PersistentKeepalive ?? agreed?.Backend?.PersistentKeepalive ?? 0)
            );
}
