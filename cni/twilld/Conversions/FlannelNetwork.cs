using System.Net;
using System.Text;
using System.Text.Json;
using Twill.Cni;
using Twill.Network.Configuration;
using Twill.System;

namespace Twill.Agent.Conversions;

/// <summary>The addresses and the backend of a network of flannel's: what its daemon wrote into <c>subnet.env</c> on this host.</summary>
internal sealed class FlannelNetwork(ConvertOptions options, Conversion conversion)
{
    private const string SubnetFile = "/run/flannel/subnet.env",
        Prefix = "/coreos.com/network"; // where flannel keeps its leases in etcd
    private const int Port = 8472; // flannel's for VXLAN

    /// <summary>Writes the keys <c>backend</c> and <c>ipam</c>.</summary>
    internal void Write(Utf8JsonWriter w, ConfigReader plugin)
    {
        if (plugin["ipam"].Exists && plugin["ipam"]["type"].OptionalString() is not (null or "host-local"))
        {
            Conversion.Refuse(plugin["ipam"]["type"], "twill-ipam gives the addresses of a leased subnet; leave the key out");
        }

        string file = plugin["subnetFile"].OptionalPath() ?? SubnetFile;
        IPNetwork network = IPNetwork.Parse("10.244.0.0/16");
        int length = 24;
        string? ipv6 = null;
        if (File.Exists(file))
        {
            Dictionary<string, string> values = Read(Encoding.UTF8.GetString(SmallFile.ReadAll(file)));
            network = Network(values, "FLANNEL_NETWORK", file) ?? network;
            length = Network(values, "FLANNEL_SUBNET", file)?.PrefixLength ?? length;
            ipv6 = Network(values, "FLANNEL_IPV6_NETWORK", file)?.ToString();
        }
        else
        {
            conversion.Note($"{file} is not on this host: {network} is flannel's usual network, see ipam.network");
        }

        w.WriteStartObject("backend");
        w.WriteString("type", "vxlan");
        w.WriteNumber("port", Port);
        w.WriteEndObject();
        w.WriteStartObject("ipam");
        w.WriteString("type", TwillConf.IpamPlugin);
        w.WriteString("network", network.ToString());
        w.WriteNumber("subnetLen", length);
        if (ipv6 is not null)
        {
            w.WriteString("ipv6Network", ipv6);
        }

        w.WriteStartObject("etcd");
        w.WriteStartArray("endpoints");
        foreach (string url in options.Etcd)
        {
            w.WriteStringValue(url);
        }

        w.WriteEndArray();
        w.WriteString("prefix", Prefix);
        w.WriteEndObject();
        w.WriteStartArray("routes");
        foreach (string destination in ipv6 is null ? (string[])["0.0.0.0/0"] : ["0.0.0.0/0", "::/0"])
        {
            w.WriteStartObject();
            w.WriteString("dst", destination);
            w.WriteEndObject();
        }

        w.WriteEndArray();
        if (plugin["ipam"]["dns"].Exists)
        {
            w.WritePropertyName("dns");
            plugin["ipam"]["dns"].Value.WriteTo(w);
        }

        w.WriteEndObject();
        conversion.Note($"leases are at {Prefix} in etcd, where flannel keeps them unless it is told to use Kubernetes: conf/INTEROP.md");
        conversion.Note("the backend is VXLAN with flannel's port; flannel's other backends have other keys here");
    }

    /// <summary>A line each: NAME=value.</summary>
    private static Dictionary<string, string> Read(string text)
    {
        Dictionary<string, string> values = [];
        foreach (string line in text.Split('\n'))
        {
            if (line.IndexOf('=') is > 0 and int at)
            {
                values[line[..at].Trim()] = line[(at + 1)..].Trim();
            }
        }

        return values;
    }

    private static IPNetwork? Network(Dictionary<string, string> values, string name, string file)
    {
        if (!values.TryGetValue(name, out string? text))
        {
            return null;
        }

        // The subnet is given by its first address: 10.244.7.1/24.
        int slash = text.IndexOf('/');
        return
            slash > 0
            && IPAddress.TryParse(text[..slash], out IPAddress? address)
            && int.TryParse(text[(slash + 1)..], out int length)
            && length >= 0
            && length <= IPPrefix.Bits(address.AddressFamily)
            ? IPPrefix.Of(address, length)
            : throw new CniException(
                CniErrorCode.InvalidNetworkConfig,
                "the file cannot be converted",
                $"{file}: {name}: expected a prefix like 10.244.0.0/16, got '{ForeignText.Shown(text)}'"
            );
    }
}
