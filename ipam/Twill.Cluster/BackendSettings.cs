using System.Text.Json;
using Twill.Network.Configuration;

namespace Twill.Cluster;

/// <summary>The Backend object of flannel's network configuration: what all nodes of a network must agree on. Numbers that a type does not
/// have are 0.</summary>
/// <param name="Type">flannel's name: vxlan, host-gw, wireguard, udp, alloc (no data plane), ...</param>
/// <param name="Vni">vxlan: the network identifier, 1 to 16777215.</param>
/// <param name="Port">vxlan: UDP port; wireguard: listening port.</param>
/// <param name="DirectRouting">vxlan, ipip: hosts on one link route to each other without encapsulation.</param>
/// <param name="Gbp">vxlan: group policy extension, which twill does not use.</param>
/// <param name="Learning">vxlan: learning of addresses from traffic, which twill does not use.</param>
public sealed record BackendSettings(
    string Type,
    int Vni = 0,
    int Port = 0,
    bool DirectRouting = false,
    bool Gbp = false,
    bool Learning = false
)
{
    /// <summary>Vxlan with its identifier and UDP port (Linux' default, and flannel's, is 8472; the assigned one is 4789).</summary>
    public static BackendSettings Vxlan(int vni, int port, bool directRouting = false) => new("vxlan", vni, port, directRouting);

    /// <summary>Plain routes via the hosts' own addresses.</summary>
    public static BackendSettings HostGw { get; } = new("host-gw");

    /// <summary>wireguard: seconds between packets that keep the way to a peer open; 0 for none.</summary>
    public int PersistentKeepalive { get; init; }

    /// <summary>wireguard: a key in base64 that all hosts mix into their handshakes; null for none. Not compared: whoever has none in its
    /// configuration takes the one from etcd.</summary>
    public SecretText? PresharedKey { get; init; }

    /// <summary>WireGuard with its listening port.</summary>
    /// <param name="port">UDP port.</param>
    /// <param name="persistentKeepalive">Seconds.</param>
    public static BackendSettings WireGuard(int port, int persistentKeepalive = 0) =>
        new("wireguard", Port: port) { PersistentKeepalive = persistentKeepalive };

    /// <summary>Leases only: something else moves the packets.</summary>
    public static BackendSettings Alloc { get; } = new("alloc");

    /// <summary>What a host's configuration asks of all others; null when it joins no hosts, and so does not care.</summary>
    public static BackendSettings? Of(BackendConf backend)
    {
        if (!backend.JoinsHosts)
        {
            return null;
        }

        using JsonDocument document = JsonDocument.Parse(
            FlannelJson.Object(w =>
            {
                w.WriteStartObject("Backend");
                w.WriteString("Type", backend.Type);
                backend.WriteClusterSettings(w);
                w.WriteEndObject();
            })
        );
        return Parse(JsonFields.Root(document, "config"));
    }

    /// <summary>With flannel's defaults; no Backend at all means udp (whatever its documentation says).</summary>
    internal static BackendSettings Parse(JsonFields config)
    {
        if (!config.Has("Backend"))
        {
            return new BackendSettings("udp", Port: 8285);
        }

        JsonFields backend = config.Object("Backend");
        string type = backend.Text("Type") ?? "";
        return type switch
        {
            "vxlan" => new BackendSettings(
                type,
                backend.Int("VNI", 0, 16_777_215) ?? 1,
                NotZero(backend.Int("Port", 0, 65_535)) ?? 8472,
                backend.Bool("DirectRouting") ?? false,
                backend.Bool("GBP") ?? false,
                backend.Bool("Learning") ?? false
            ),
            "wireguard" => new BackendSettings(type, Port: backend.Int("ListenPort", 0, 65_535) ?? 51_820)
            {
                PersistentKeepalive = backend.Int("PersistentKeepaliveInterval", 0, 65_535) ?? 0,
                PresharedKey = backend.Key("PSK"),
            },
            "udp" => new BackendSettings(type, Port: backend.Int("Port", 0, 65_535) ?? 8285),
            "ipip" => new BackendSettings(type, DirectRouting: backend.Bool("DirectRouting") ?? false),
            _ => new BackendSettings(type),
        };
    }

    /// <summary>Every field that flannel reads for the type, but MTU: flannel takes a written MTU for the truth on every host.</summary>
    internal void Write(Utf8JsonWriter w)
    {
        w.WriteStartObject("Backend");
        w.WriteString("Type", Type);
        switch (Type)
        {
            case "vxlan":
                w.WriteNumber("VNI", Vni);
                w.WriteNumber("Port", Port);
                w.WriteBoolean("GBP", Gbp);
                w.WriteBoolean("Learning", Learning);
                w.WriteBoolean("DirectRouting", DirectRouting);
                break;
            case "wireguard":
                w.WriteNumber("ListenPort", Port);
                w.WriteNumber("PersistentKeepaliveInterval", PersistentKeepalive);
                if (PresharedKey is not null)
                {
                    w.WriteString("PSK", PresharedKey.Value);
                }

                break;
            case "udp":
                w.WriteNumber("Port", Port);
                break;
            case "ipip":
                w.WriteBoolean("DirectRouting", DirectRouting);
                break;
        }
        w.WriteEndObject();
    }

    private static int? NotZero(int? value) => value == 0 ? null : value;
}
