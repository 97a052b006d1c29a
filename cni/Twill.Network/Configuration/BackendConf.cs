using System.Net.Sockets;
using Twill.Cni;

namespace Twill.Network.Configuration;

/// <summary>How packets get from host to host.</summary>
public enum BackendType
{
    /// <summary>Not at all: one host.</summary>
    None,

    /// <summary>In VXLAN packets.</summary>
    Vxlan,

    /// <summary>By plain routes between hosts of one segment.</summary>
    HostGw,

    /// <summary>In WireGuard tunnels.</summary>
    WireGuard,
}

/// <summary>The <c>backend</c> section.</summary>
/// <param name="Type">the kind</param>
/// <param name="Vni">VXLAN network identifier, 1 to 16777215</param>
/// <param name="Port">UDP port of VXLAN or WireGuard; 0 for the others</param>
/// <param name="DirectRouting">VXLAN: plain routes to hosts of the same segment</param>
/// <param name="Interface">name, glob or prefix that picks the underlay; null: where the default route goes</param>
public sealed record BackendConf(BackendType Type, int Vni, int Port, bool DirectRouting, string? Interface)
{
    /// <summary>The port IANA gave VXLAN.</summary>
    public const int VxlanPort = 4789;

    /// <summary>WireGuard's usual port.</summary>
    public const int WireGuardPort = 51820;

    private static readonly string[] Names = ["none", "vxlan", "host-gw", "wireguard"];

    /// <summary>The kind as configurations and flannel's leases write it.</summary>
    public string TypeName => Names[(int)Type];

    /// <summary>WireGuard: seconds between packets that keep the way to each peer open; null: what the network's configuration in etcd
    /// says.</summary>
    public int? PersistentKeepalive { get; init; }

    /// <summary>The name of the device that packets to other hosts go through: by what only one device on a host can have, VNI or UDP
    /// port.</summary>
    public string DeviceName => Type == BackendType.WireGuard ? $"twill-wg.{Port}" : $"twill.{Vni}";

    /// <summary>The same for a family of the underlay: a VXLAN device sends over one.</summary>
    /// <param name="outer">the family of the packets on the underlay</param>
    public string DeviceNameOver(AddressFamily outer) =>
        Type == BackendType.WireGuard || outer != AddressFamily.InterNetworkV6 ? DeviceName
        : Vni < 1_000_000 ? $"twill-v6.{Vni}"
        : $"twill6.{Vni}";

    /// <summary>The name of the device that alone packets to other hosts may take, because they must not go in clear; null where they
    /// may.</summary>
    public string? TunnelName => Type == BackendType.WireGuard ? DeviceName : null;

    /// <summary>Whether there is such a device: other backends make plain routes, or none.</summary>
    public bool HasDevice => Type is BackendType.Vxlan or BackendType.WireGuard;

    internal static BackendConf Parse(ConfigReader at, BackendType fallback)
    {
        if (at.Section("type", "vni", "port", "directRouting", "interface", "persistentKeepalive") is not ConfigReader section)
        {
            return Default(fallback);
        }

        BackendType type = ReadType(section["type"], fallback);
        BackendConf defaults = Default(type);
        if (type != BackendType.Vxlan)
        {
            Only(section["vni"], "the vxlan backend");
            Only(section["directRouting"], "the vxlan backend");
        }
        if (type != BackendType.WireGuard)
        {
            Only(section["persistentKeepalive"], "the wireguard backend");
        }

        if (type is BackendType.None or BackendType.HostGw)
        {
            Only(section["port"], "the vxlan and wireguard backends");
        }

        if (type == BackendType.None && section["interface"].OptionalString() is not null)
        {
            Only(section["interface"], "backends that join hosts");
        }

        return new BackendConf(
            type,
            section["vni"].Int(defaults.Vni, 1, 16_777_215),
            section["port"].Int(defaults.Port, 1, 65_535),
            section["directRouting"].Bool(false),
            section["interface"].OptionalString()
        )
        {
            PersistentKeepalive = section["persistentKeepalive"].Exists ? section["persistentKeepalive"].Int(0, 0, 65_535) : null,
        };

        void Only(ConfigReader key, string whom)
        {
            if (key.Exists)
            {
                key.ComplainText($"belongs to {whom}, but backend.type is '{Names[(int)type]}'");
            }
        }
    }

    private static BackendConf Default(BackendType type) =>
        new(
            type,
            1,
            type switch
            {
                BackendType.Vxlan => VxlanPort,
                BackendType.WireGuard => WireGuardPort,
                _ => 0,
            },
            false,
            null
        );

    private static BackendType ReadType(ConfigReader at, BackendType fallback)
    {
        if (at.OptionalString() is not string name)
        {
            return fallback;
        }

        int index = Array.IndexOf(Names, name);
        return index >= 0 ? (BackendType)index : at.Complain("vxlan, host-gw, wireguard or none", fallback);
    }
}
