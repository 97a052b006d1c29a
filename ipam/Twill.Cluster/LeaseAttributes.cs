using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Twill.Network.Configuration;
using Twill.Network.State;
using Twill.System;

namespace Twill.Cluster;

/// <summary>What a host publishes with its subnet: flannel's LeaseAttrs, the value of a key under <c>subnets/</c> (flannel
/// pkg/lease/lease.go). Written in flannel's field order and spelling, byte for byte.</summary>
/// <param name="PublicIP">The host's address for its peers; 0.0.0.0 when it has only IPv6.</param>
/// <param name="PublicIPv6">The host's IPv6 address, or null.</param>
/// <param name="BackendType">flannel's backend name, or "" for leases only.</param>
/// <param name="BackendData">The backend's own JSON for IPv4, compact, or null.</param>
/// <param name="BackendV6Data">The same for IPv6, or null.</param>
public sealed record LeaseAttributes(
    IPAddress PublicIP,
    IPAddress? PublicIPv6 = null,
    string BackendType = "",
    string? BackendData = null,
    string? BackendV6Data = null
)
{
    /// <summary>A vxlan host: for each family of underlay that it is on, its address there and the MAC (six bytes as aa:bb:cc:dd:ee:ff) of
    /// the device that peers send to by it.</summary>
    public static LeaseAttributes Vxlan(uint vni, params ReadOnlySpan<(IPAddress PublicIP, string VtepMac)> devices)
    {
        var attributes = new LeaseAttributes(IPAddress.Any, BackendType: "vxlan");
        foreach ((IPAddress address, string mac) in devices)
        {
            attributes = attributes.With(address, w =>
            {
                w.WriteNumber("VNI", vni);
                w.WriteString("VtepMAC", mac.ToLowerInvariant());
            });
        }
        return attributes;
    }

    /// <summary>A host-gw host: peers route via its address of the family.</summary>
    public static LeaseAttributes HostGw(params ReadOnlySpan<IPAddress> publicIPs) => Plain("host-gw", publicIPs);

    /// <summary>A wireguard host, with its public key in base64 and the UDP port it listens on, on every family of underlay that it has an
    /// address of.</summary>
    public static LeaseAttributes WireGuard(string publicKey, int port, params ReadOnlySpan<IPAddress> publicIPs)
    {
        var attributes = new LeaseAttributes(IPAddress.Any, BackendType: "wireguard");
        foreach (IPAddress address in publicIPs)
        {
            attributes = attributes.With(address, w =>
            {
                w.WriteString("PublicKey", publicKey);
                w.WriteNumber("Port", port);
            });
        }
        return attributes;
    }

    /// <summary>A host by what <c>node.json</c> says of it; one whose backend joins no hosts only leases.</summary>
    /// <param name="backend">The backend that the file was written for.</param>
    /// <param name="node">The file.</param>
    public static LeaseAttributes Of(BackendConf backend, NodeFile node)
    {
        var attributes = new LeaseAttributes(IPAddress.Any, BackendType: backend.JoinsHosts ? backend.Type : "");
        foreach (IPAddress address in node.PublicAddresses)
        {
            attributes = attributes.With(
                address,
                backend.HasLeaseData ? w => backend.WriteLeaseData(w, node, address.AddressFamily) : null
            );
        }

        return attributes;
    }

    /// <summary>A host that only leases a subnet: flannel's alloc backend.</summary>
    public static LeaseAttributes Alloc(params ReadOnlySpan<IPAddress> publicIPs) => Plain("", publicIPs);

    /// <summary>For people: the addresses by which the host is reached.</summary>
    public string Describe() =>
        PublicIPv6 is null ? PublicIP.ToString()
        : PublicIP.Equals(IPAddress.Any) ? PublicIPv6.ToString()
        : $"{PublicIP} and {PublicIPv6}";

    /// <summary>Whether the two are reached by the same address: by IPv4, or by IPv6 where that is all they have.</summary>
    public bool HasAddressOf(LeaseAttributes other) =>
        PublicIP.Equals(other.PublicIP) && (!PublicIP.Equals(IPAddress.Any) || Equals(PublicIPv6, other.PublicIPv6));

    /// <summary>Whether the two are of one host: the same address, and the same data of its backend, such as a hardware address or a
    /// key.</summary>
    public bool IsOf(LeaseAttributes host) =>
        BackendType == host.BackendType
        && HasAddressOf(host)
        && !(PublicIP.Equals(IPAddress.Any) && PublicIPv6 is null)
        && BackendData == host.BackendData
        && BackendV6Data == host.BackendV6Data;

    /// <summary>The value for etcd.</summary>
    public byte[] ToJson() =>
        FlannelJson.Object(w =>
        {
            w.WriteString("PublicIP", FlannelText.Of(PublicIP));
            if (PublicIPv6 is null)
            {
                w.WriteNull("PublicIPv6");
            }
            else
            {
                w.WriteString("PublicIPv6", FlannelText.Of(PublicIPv6));
            }

            if (BackendType != "")
            {
                w.WriteString("BackendType", BackendType);
            }

            if (BackendData is not null)
            {
                WriteRaw(w, "BackendData", BackendData);
            }

            if (BackendV6Data is not null)
            {
                WriteRaw(w, "BackendV6Data", BackendV6Data);
            }
        });

    /// <summary>Reads a lease's value.</summary>
    /// <param name="json">The value.</param>
    /// <param name="attributes">What it says.</param>
    /// <param name="problem">When the answer is false: field, value and what was expected.</param>
    public static bool TryParse(ReadOnlyMemory<byte> json, out LeaseAttributes attributes, out string problem)
    {
        (attributes, problem) = (new LeaseAttributes(IPAddress.Any), "");
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            JsonFields fields = JsonFields.Root(document, "lease");
            string publicIP = fields.Text("PublicIP") ?? "";
            string? publicIPv6 = fields.Text("PublicIPv6");
            IPAddress? v6 = null;
            if (!IPPrefix.TryParseAddress(publicIP, AddressFamily.InterNetwork, out IPAddress v4))
            {
                throw fields.Wrong("PublicIP", "an IPv4 address", publicIP);
            }

            if (publicIPv6 is not null && !IPPrefix.TryParseAddress(publicIPv6, AddressFamily.InterNetworkV6, out v6))
            {
                throw fields.Wrong("PublicIPv6", "an IPv6 address", publicIPv6);
            }

            attributes = new LeaseAttributes(
                v4,
                v6,
                fields.Text("BackendType") ?? "",
                fields.Raw("BackendData"),
                fields.Raw("BackendV6Data")
            );
            return true;
        }
        catch (Exception e) when (JsonFields.IsUnreadable(e))
        {
            problem = e.Message;
            return false;
        }
    }

    /// <summary>The vxlan part: false when the backend is another or the data are not what vxlan needs.</summary>
    /// <param name="outer">The family of the underlay.</param>
    /// <param name="vni">The sender's network identifier.</param>
    /// <param name="vtepMac">Text of the MAC as published.</param>
    public bool TryGetVxlan(AddressFamily outer, out uint vni, out string vtepMac)
    {
        (vni, vtepMac) = Data(
            "vxlan",
            outer,
            fields => ((uint)(fields.Int("VNI", 0, 16_777_215) ?? 0), fields.Text("VtepMAC") ?? ""),
            (0u, "")
        );
        return vtepMac != "";
    }

    /// <summary>The wireguard part: false when the backend is another or the data are not what WireGuard needs.</summary>
    /// <param name="outer">The family of the underlay.</param>
    /// <param name="publicKey">Text of the key as published.</param>
    /// <param name="port">UDP port.</param>
    public bool TryGetWireGuard(AddressFamily outer, out string publicKey, out int port)
    {
        (publicKey, port) = Data(
            "wireguard",
            outer,
            fields => (fields.Text("PublicKey") ?? "", fields.Int("Port", 0, 65_535) ?? 0),
            ("", 0)
        );
        return publicKey != "";
    }

    private T Data<T>(string type, AddressFamily outer, Func<JsonFields, T> read, T none)
    {
        string? data = outer == AddressFamily.InterNetworkV6 ? BackendV6Data : BackendData;
        if (BackendType != type || data is null)
        {
            return none;
        }

        try
        {
            using JsonDocument document = JsonDocument.Parse(data);
            return read(JsonFields.Root(document, "BackendData"));
        }
        catch (Exception e) when (JsonFields.IsUnreadable(e))
        {
            return none;
        }
    }

    private static LeaseAttributes Plain(string type, ReadOnlySpan<IPAddress> publicIPs)
    {
        var attributes = new LeaseAttributes(IPAddress.Any, BackendType: type);
        foreach (IPAddress address in publicIPs)
        {
            attributes = attributes.With(address, null);
        }

        return attributes;
    }

    /// <summary>With an address, and the data that belong to its family.</summary>
    private LeaseAttributes With(IPAddress address, Action<Utf8JsonWriter>? data)
    {
        string? json = data is null ? null : Encoding.UTF8.GetString(FlannelJson.Object(data));
        if (address.IsIPv4MappedToIPv6)
        {
            address = address.MapToIPv4();
        }

        return address.AddressFamily == AddressFamily.InterNetwork
            ? this with
            {
                PublicIP = address,
                BackendData = json,
            }
            : this with
            {
                PublicIPv6 = address,
                BackendV6Data = json,
            };
    }

    private static void WriteRaw(Utf8JsonWriter w, string name, string json)
    {
        w.WritePropertyName(name);
        w.WriteRawValue(json);
    }
}
