using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Twill.Cni;
using Twill.Network.Configuration;
using Twill.Network.State;

namespace Twill.Cluster;

/// <summary>
/// Names as CoreDNS's plugin <c>etcd</c> has them (SkyDNS's format): a key is a path below <see cref="Keys.Names"/> with the labels of the
/// domain in reverse, its value a JSON object. Of the container <c>web</c> of the network <c>twill</c> in the zone <c>twill.internal</c>:
/// <code>
/// internal/twill/twill/web/tw0123456789abc  {"host":"10.244.7.5","ttl":5}
/// arpa/in-addr/10/244/7/5                   {"host":"web.twill.twill.internal","ttl":5}
/// </code>
/// A container with published ports has <c>"port"</c>, the first of them, and <c>"ports"</c>, which CoreDNS passes over.
/// </summary>
/// <param name="keys">The network's keys.</param>
/// <param name="conf">The network's names.</param>
public sealed class NameKeys(Keys keys, NamesConf conf)
{
    /// <summary>Seconds that an answer may be kept.</summary>
    public const int Ttl = 5;

    /// <summary>A longer value is none of ours.</summary>
    private const int LongestValue = 1024;

    private const int MostPorts = 32;

    private readonly string _start = keys.Names + Reversed(conf.Domain) + "/";

    /// <summary>The keys of all names of all zones below the network's prefix, and of addresses.</summary>
    public string All => keys.Names;

    /// <summary>The key of a name's address.</summary>
    public string Of(NamedAddress one) => _start + one.Key;

    /// <summary>The key by which an address leads to a name.</summary>
    public string Of(IPAddress address)
    {
        StringBuilder key = new(keys.Names);
        byte[] bytes = address.GetAddressBytes();
        if (address.AddressFamily == AddressFamily.InterNetwork)
        {
            key.Append("arpa/in-addr");
            foreach (byte b in bytes)
            {
                key.Append('/').Append(b.ToString(CultureInfo.InvariantCulture));
            }

            return key.ToString();
        }

        key.Append("arpa/ip6");
        foreach (char digit in Convert.ToHexStringLower(bytes))
        {
            key.Append('/').Append(digit);
        }

        return key.ToString();
    }

    /// <summary>The value of a name's key.</summary>
    public static string Value(NamedAddress one)
    {
        StringBuilder value = new($"{{\"host\":\"{one.Address}\",\"ttl\":{Ttl}");
        if (one.Ports.Count > 0)
        {
            value.Append($",\"port\":{one.Ports[0].Number},\"ports\":[");
            for (int i = 0; i < Math.Min(one.Ports.Count, MostPorts); i++)
            {
                value.Append(i == 0 ? "\"" : ",\"").Append(one.Ports[i]).Append('"');
            }

            value.Append(']');
        }

        return value.Append('}').ToString();
    }

    /// <summary>The value of an address's key.</summary>
    public string Value(string name) => $"{{\"host\":\"{name}.{conf.Domain}\",\"ttl\":{Ttl}}}";

    /// <summary>Reads a key and its value; false for those of other zones and of addresses, and for whatever somebody else put
    /// there.</summary>
    public bool TryParse(KeyValue item, out NamedAddress one)
    {
        one = null!;
        if (
            !TryParseKey(item.Key, out string name, out string id)
            || item.Value.Length > LongestValue
            || !TryParseValue(item.Value, out IPAddress address, out List<NamedPort> ports)
        )
        {
            return false;
        }

        one = new NamedAddress(name, id, address, ports);
        return true;
    }

    private bool TryParseKey(string key, out string name, out string id)
    {
        (name, id) = ("", "");
        if (!key.StartsWith(_start, StringComparison.Ordinal))
        {
            return false;
        }

        ReadOnlySpan<char> rest = key.AsSpan(_start.Length);
        int slash = rest.IndexOf('/');
        if (slash < 0 || CniNames.HostLabelFault(rest[..slash]) is not null || CniNames.HostLabelFault(rest[(slash + 1)..]) is not null)
        {
            return false;
        }

        (name, id) = (rest[..slash].ToString().ToLowerInvariant(), rest[(slash + 1)..].ToString().ToLowerInvariant());
        return true;
    }

    private static bool TryParseValue(ReadOnlyMemory<byte> value, out IPAddress address, out List<NamedPort> ports)
    {
        (address, ports) = (IPAddress.None, []);
        try
        {
            using JsonDocument json = JsonDocument.Parse(value);
            JsonElement root = json.RootElement;
            if (
                root.ValueKind != JsonValueKind.Object
                || !root.TryGetProperty("host", out JsonElement host)
                || host.ValueKind != JsonValueKind.String
                || !Twill.System.IPPrefix.TryParseAddress(host.GetString(), out address)
            )
            {
                return false;
            }

            if (root.TryGetProperty("ports", out JsonElement list) && list.ValueKind == JsonValueKind.Array)
            {
                foreach (JsonElement item in list.EnumerateArray())
                {
                    if (
                        ports.Count < MostPorts
                        && item.ValueKind == JsonValueKind.String
                        && NamedPort.TryParse(item.GetString()!, out NamedPort port)
                    )
                    {
                        ports.Add(port);
                    }
                }
            }

            return true;
        }
        catch (Exception e) when (JsonFields.IsUnreadable(e))
        {
            return false;
        }
    }

    private static string Reversed(string domain)
    {
        string[] labels = domain.Split('.');
        Array.Reverse(labels);
        return string.Join('/', labels);
    }
}
