using System.Net;
using System.Text;
using System.Text.Json;

namespace Twill.Cluster;

/// <summary>What a host publishes with its subnet: flannel's LeaseAttrs, the value of a key under <c>subnets/</c> (flannel
/// pkg/lease/lease.go). Written in flannel's field order and spelling, byte for byte.</summary>
/// <param name="PublicIP">The host's address for its peers; 0.0.0.0 when it has only IPv6.</param>
/// <param name="PublicIPv6">The host's IPv6 address, or null.</param>
/// <param name="BackendType">flannel's backend name, or "" for leases only.</param>
/// <param name="BackendData">The backend's own JSON for IPv4, compact, or null.</param>
/// <param name="BackendV6Data">The same for IPv6, or null.</param>
public sealed record LeaseAttributes(
    IPAddress PublicIP, IPAddress? PublicIPv6 = null, string BackendType = "", string? BackendData = null, string? BackendV6Data = null)
{
    /// <summary>A vxlan host: peers send to its address, with this MAC (six bytes as aa:bb:cc:dd:ee:ff) as the inner destination.</summary>
    public static LeaseAttributes Vxlan(IPAddress publicIP, uint vni, string vtepMac) =>
        new(publicIP, BackendType: "vxlan", BackendData: Encoding.UTF8.GetString(FlannelJson.Object(w =>
        {
            w.WriteNumber("VNI", vni);
            w.WriteString("VtepMAC", vtepMac.ToLowerInvariant());
        })));

    /// <summary>A host-gw host: peers route via its address.</summary>
    public static LeaseAttributes HostGw(IPAddress publicIP) => new(publicIP, BackendType: "host-gw");

    /// <summary>A wireguard host: its public key in base64 and UDP port.</summary>
    public static LeaseAttributes WireGuard(IPAddress publicIP, string publicKey, int port) =>
        new(publicIP, BackendType: "wireguard", BackendData: Encoding.UTF8.GetString(FlannelJson.Object(w =>
        {
            w.WriteString("PublicKey", publicKey);
            w.WriteNumber("Port", port);
        })));

    /// <summary>A host that only leases a subnet: flannel's alloc backend.</summary>
    public static LeaseAttributes Alloc(IPAddress publicIP) => new(publicIP);

    /// <summary>The value for etcd.</summary>
    public byte[] ToJson() => FlannelJson.Object(w =>
    {
        w.WriteString("PublicIP", FlannelText.Of(PublicIP));
        if (PublicIPv6 is null) w.WriteNull("PublicIPv6");
        else w.WriteString("PublicIPv6", FlannelText.Of(PublicIPv6));
        if (BackendType != "") w.WriteString("BackendType", BackendType);
        if (BackendData is not null) WriteRaw(w, "BackendData", BackendData);
        if (BackendV6Data is not null) WriteRaw(w, "BackendV6Data", BackendV6Data);
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
            if (!FlannelText.TryParseIPv4(publicIP, out IPAddress v4)) throw fields.Wrong("PublicIP", "an IPv4 address", publicIP);
            if (publicIPv6 is not null && !FlannelText.TryParseIPv6(publicIPv6, out v6)) throw fields.Wrong("PublicIPv6", "an IPv6 address", publicIPv6);
            attributes = new LeaseAttributes(v4, v6, fields.Text("BackendType") ?? "", fields.Raw("BackendData"), fields.Raw("BackendV6Data"));
            return true;
        }
        catch (Exception e) when (JsonFields.IsUnreadable(e))
        {
            problem = e.Message;
            return false;
        }
    }

    /// <summary>The vxlan part: false when the backend is another or the data are not what vxlan needs.</summary>
    /// <param name="vni">The sender's network identifier.</param>
    /// <param name="vtepMac">Text of the MAC as published.</param>
    public bool TryGetVxlan(out uint vni, out string vtepMac)
    {
        (vni, vtepMac) = (0, "");
        if (BackendType != "vxlan" || BackendData is null) return false;
        try
        {
            using JsonDocument document = JsonDocument.Parse(BackendData);
            JsonFields fields = JsonFields.Root(document, "BackendData");
            vni = (uint)(fields.Int("VNI", 0, 16_777_215) ?? 0);
            vtepMac = fields.Text("VtepMAC") ?? "";
            return vtepMac != "";
        }
        catch (Exception e) when (JsonFields.IsUnreadable(e))
        {
            return false;
        }
    }

    /// <summary>The wireguard part: false when the backend is another or the data are not what WireGuard needs.</summary>
    /// <param name="publicKey">Text of the key as published.</param>
    /// <param name="port">UDP port.</param>
    public bool TryGetWireGuard(out string publicKey, out int port)
    {
        (publicKey, port) = ("", 0);
        if (BackendType != "wireguard" || BackendData is null) return false;
        try
        {
            using JsonDocument document = JsonDocument.Parse(BackendData);
            JsonFields fields = JsonFields.Root(document, "BackendData");
            port = fields.Int("Port", 0, 65_535) ?? 0;
            publicKey = fields.Text("PublicKey") ?? "";
            return publicKey != "";
        }
        catch (Exception e) when (JsonFields.IsUnreadable(e))
        {
            return false;
        }
    }

    private static void WriteRaw(Utf8JsonWriter w, string name, string json)
    {
        w.WritePropertyName(name);
        w.WriteRawValue(json);
    }
}
