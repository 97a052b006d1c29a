using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;

namespace Twill.Cluster;

/// <summary>flannel's network configuration, the value of <c>&lt;prefix&gt;/config</c> (flannel pkg/subnet/config.go). Always complete and
/// checked: an instance has every default filled in.</summary>
public sealed record NetworkConfig
{
    private NetworkConfig()
    {
    }

    /// <summary>The cluster network.</summary>
    public required IPNetwork Network { get; init; }

    /// <summary>Prefix length of one lease.</summary>
    public required int SubnetLen { get; init; }

    /// <summary>The first subnet that is leased. flannel's default is the second of the network.</summary>
    public required IPAddress SubnetMin { get; init; }

    /// <summary>The last subnet that is leased.</summary>
    public required IPAddress SubnetMax { get; init; }

    /// <summary>Whether leases have an IPv6 subnet too.</summary>
    public bool EnableIPv6 { get; private init; }

    /// <summary>The backend that all nodes must agree on; null: this node does not care (it only leases).</summary>
    public BackendSettings? Backend { get; init; }

    /// <summary>Which of the fields with defaults this node's administrator set: one that was left open contradicts nothing.</summary>
    private (bool SubnetLen, bool SubnetMin, bool SubnetMax) IsSet { get; init; } = (true, true, true);

    /// <summary>How many subnets there are to lease.</summary>
    public long SubnetCount => ((FlannelText.Number(SubnetMax) - (long)FlannelText.Number(SubnetMin)) >> (32 - SubnetLen)) + 1;

    /// <summary>The configuration that a node wants, with flannel's defaults and checks. What is null takes the default when this node is
    /// the first, and is no contradiction when another one has written something else.</summary>
    /// <exception cref="ClusterException">ConfigInvalid: names the value and what was expected.</exception>
    public static NetworkConfig Create(
        IPNetwork network, int? subnetLen = null, IPAddress? subnetMin = null, IPAddress? subnetMax = null, BackendSettings? backend = null)
    {
        try
        {
            return Complete(network, subnetLen, subnetMin, subnetMax, backend) with
            {
                IsSet = (subnetLen is not null, subnetMin is not null, subnetMax is not null),
            };
        }
        catch (FormatException e)
        {
            throw new ClusterException(ClusterErrorKind.ConfigInvalid, e.Message);
        }
    }

    /// <summary>Reads a configuration as flannel does: names without regard to case, unknown ones ignored, its defaults for what is absent.</summary>
    /// <param name="json">The value.</param>
    /// <param name="key">Its key in etcd, for messages.</param>
    /// <exception cref="ClusterException">ConfigInvalid: names key, field, value and what was expected.</exception>
    public static NetworkConfig Parse(ReadOnlyMemory<byte> json, string key)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            JsonFields fields = JsonFields.Root(document, "config");
            if (fields.Bool("EnableIPv4") == false)
                throw new FormatException("config.EnableIPv4 is false, and twill leases IPv4 subnets");
            return Complete(
                Prefix(fields), fields.Int("SubnetLen", 0, 32) is > 0 and var length ? length : null,
                Address(fields, "SubnetMin"), Address(fields, "SubnetMax"), BackendSettings.Parse(fields)) with
            {
                EnableIPv6 = fields.Bool("EnableIPv6") ?? false,
            };
        }
        catch (Exception e) when (JsonFields.IsUnreadable(e))
        {
            throw new ClusterException(ClusterErrorKind.ConfigInvalid, $"etcd key {key} is not a network configuration: {e.Message}");
        }
    }

    /// <summary>The value for etcd: every field that flannel reads for IPv4, spelt out, so that no reader depends on defaults.</summary>
    public byte[] ToJson() => FlannelJson.Object(w =>
    {
        w.WriteBoolean("EnableIPv4", true);
        w.WriteBoolean("EnableIPv6", EnableIPv6);
        w.WriteBoolean("EnableNFTables", false);
        w.WriteString("Network", Network.ToString());
        w.WriteString("SubnetMin", SubnetMin.ToString());
        w.WriteString("SubnetMax", SubnetMax.ToString());
        w.WriteNumber("SubnetLen", SubnetLen);
        (Backend ?? BackendSettings.Alloc).Write(w);
    });

    /// <summary>What in this node's configuration contradicts the one in etcd: each field with both values; null when nothing does.</summary>
    public string? DescribeDifference(NetworkConfig stored)
    {
        List<string> differences = [];
        Compare("Network", Network, stored.Network);
        if (IsSet.SubnetLen) Compare("SubnetLen", SubnetLen, stored.SubnetLen);
        if (IsSet.SubnetMin) Compare("SubnetMin", SubnetMin, stored.SubnetMin);
        if (IsSet.SubnetMax) Compare("SubnetMax", SubnetMax, stored.SubnetMax);
        Compare("EnableIPv6", EnableIPv6, stored.EnableIPv6);
        if (Backend is not null && stored.Backend is { } other)
        {
            Compare("Backend.Type", Backend.Type, other.Type);
            if (Backend.Type == other.Type)
            {
                Compare("Backend.VNI", Backend.Vni, other.Vni);
                Compare("Backend.Port", Backend.Port, other.Port);
                Compare("Backend.DirectRouting", Backend.DirectRouting, other.DirectRouting);
                Compare("Backend.GBP", Backend.Gbp, other.Gbp);
                Compare("Backend.Learning", Backend.Learning, other.Learning);
            }
        }
        return differences.Count == 0 ? null : string.Join("; ", differences);

        void Compare<T>(string field, T here, T there) where T : notnull
        {
            if (!here.Equals(there)) differences.Add($"{field} is {Shown(here)} here and {Shown(there)} in etcd");
        }

        static string Shown<T>(T value) where T : notnull => value is bool flag ? (flag ? "true" : "false") : Convert.ToString(value, CultureInfo.InvariantCulture)!;
    }

    /// <summary>True when the subnet is one that this configuration hands out.</summary>
    public bool Leases(IPNetwork subnet) =>
        subnet.PrefixLength == SubnetLen && subnet.BaseAddress.AddressFamily == AddressFamily.InterNetwork
        && FlannelText.Number(subnet.BaseAddress) >= FlannelText.Number(SubnetMin) && FlannelText.Number(subnet.BaseAddress) <= FlannelText.Number(SubnetMax);

    private static NetworkConfig Complete(IPNetwork network, int? subnetLen, IPAddress? subnetMin, IPAddress? subnetMax, BackendSettings? backend)
    {
        if (network.BaseAddress.AddressFamily != AddressFamily.InterNetwork)
            throw new FormatException($"Network: expected an IPv4 prefix, got '{network}'");
        if (subnetLen is null && network.PrefixLength > 28)
            throw new FormatException($"Network {network} is too small: the longest prefix that still makes four subnets is /28");
        int length = subnetLen ?? Math.Max(24, network.PrefixLength + 2);
        if (length > 30 || length < network.PrefixLength + 2)
        {
            throw new FormatException(
                $"SubnetLen: expected {network.PrefixLength + 2} to 30 (at least four subnets in {network}, at least four addresses in each), got {length}");
        }
        long size = 1L << (32 - length), first = FlannelText.Number(network.BaseAddress), last = first + (1L << (32 - network.PrefixLength)) - size;
        long min = Bound("SubnetMin", subnetMin, first + size), max = Bound("SubnetMax", subnetMax, last);
        if (min > max) throw new FormatException($"SubnetMin {FlannelText.Address((uint)min)} is above SubnetMax {FlannelText.Address((uint)max)}");
        return new NetworkConfig
        {
            Network = network,
            SubnetLen = length,
            SubnetMin = FlannelText.Address((uint)min),
            SubnetMax = FlannelText.Address((uint)max),
            Backend = backend,
        };

        long Bound(string name, IPAddress? given, long standard)
        {
            if (given is null || given.Equals(IPAddress.Any)) return standard;
            if (!network.Contains(given)) throw new FormatException($"{name}: expected an address inside {network}, got '{given}'");
            long value = FlannelText.Number(given);
            return value % size == 0 ? value : throw new FormatException($"{name}: expected the first address of a /{length}, got '{given}'");
        }
    }

    private static IPNetwork Prefix(JsonFields fields)
    {
        string text = fields.Text("Network") ?? throw fields.Wrong("Network", "an IPv4 prefix such as 10.244.0.0/16", "");
        int slash = text.IndexOf('/');
        return slash > 0 && FlannelText.TryParseIPv4(text.AsSpan(0, slash), out IPAddress address)
            && int.TryParse(text.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out int length) && length <= 32
            ? FlannelText.Network(address, length)
            : throw fields.Wrong("Network", "an IPv4 prefix such as 10.244.0.0/16", text);
    }

    private static IPAddress? Address(JsonFields fields, string name)
    {
        string? text = fields.Text(name);
        if (string.IsNullOrEmpty(text)) return null;
        return FlannelText.TryParseIPv4(text, out IPAddress address) ? address : throw fields.Wrong(name, "an IPv4 address", text);
    }
}
