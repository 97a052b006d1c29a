using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;

namespace Twill.Cluster;

/// <summary>flannel's network configuration, the value of <c>&lt;prefix&gt;/config</c> (flannel pkg/subnet/config.go). Always complete and
/// checked: an instance has every default filled in.</summary>
public sealed record NetworkConfig
{
    private NetworkConfig() { }

    /// <summary>What is leased of IPv4.</summary>
    public required SubnetRange IPv4 { get; init; }

    /// <summary>What is leased of IPv6 beside it, flannel's EnableIPv6; null: leases have no IPv6 subnet.</summary>
    public SubnetRange? IPv6 { get; init; }

    /// <summary>What is leased of each family, IPv4 first.</summary>
    public IReadOnlyList<SubnetRange> Ranges => IPv6 is null ? [IPv4] : [IPv4, IPv6];

    /// <summary>The backend that all nodes must agree on; null: this node does not care (it only leases).</summary>
    public BackendSettings? Backend { get; init; }

    /// <summary>etcd's revision at which it was written; 0: it was not read from there.</summary>
    public long WrittenAt { get; init; }

    /// <summary>The configuration that a node wants.</summary>
    public static NetworkConfig Create(SubnetRange ipv4, SubnetRange? ipv6 = null, BackendSettings? backend = null) =>
        new()
        {
            IPv4 = ipv4,
            IPv6 = ipv6,
            Backend = backend,
        };

    /// <summary>The configuration that a node wants whose network has no IPv6.</summary>
    /// <exception cref="ClusterException">ConfigInvalid: names the value and what was expected.</exception>
    public static NetworkConfig Create(
        IPNetwork network,
        int? subnetLen = null,
        IPAddress? subnetMin = null,
        IPAddress? subnetMax = null,
        BackendSettings? backend = null
    ) => Create(SubnetRange.Create(network, subnetLen, subnetMin, subnetMax), null, backend);

    /// <summary>Reads a configuration as flannel does: names without regard to case, unknown ones ignored, its defaults for what is
    /// absent.</summary>
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
            {
                throw new FormatException("config.EnableIPv4 is false, and twill leases IPv4 subnets");
            }

            return Create(
                SubnetRange.Parse(fields, AddressFamily.InterNetwork),
                fields.Bool("EnableIPv6") == true ? SubnetRange.Parse(fields, AddressFamily.InterNetworkV6) : null,
                BackendSettings.Parse(fields)
            );
        }
        catch (Exception e) when (JsonFields.IsUnreadable(e))
        {
            throw new ClusterException(ClusterErrorKind.ConfigInvalid, $"etcd key {key} is not a network configuration: {e.Message}");
        }
    }

    /// <summary>The value for etcd: every field that flannel reads, in flannel's order, spelt out, so that no reader depends on
    /// defaults.</summary>
    public byte[] ToJson() =>
        FlannelJson.Object(w =>
        {
            w.WriteBoolean("EnableIPv4", true);
            w.WriteBoolean("EnableIPv6", IPv6 is not null);
            w.WriteBoolean("EnableNFTables", false);
            Each("Network", (name, range) => w.WriteString(name, FlannelText.Of(range.Network)));
            Each("SubnetMin", (name, range) => w.WriteString(name, FlannelText.Of(range.SubnetMin)));
            Each("SubnetMax", (name, range) => w.WriteString(name, FlannelText.Of(range.SubnetMax)));
            Each("SubnetLen", (name, range) => w.WriteNumber(name, range.SubnetLen));
            (Backend ?? BackendSettings.Alloc).Write(w);
        });

    /// <summary>What in this node's configuration contradicts the one in etcd: each field with both values; null when nothing
    /// does.</summary>
    public string? DescribeDifference(NetworkConfig stored)
    {
        List<string> differences = [];
        IPv4.Compare(stored.IPv4, Tell);
        Compare("EnableIPv6", IPv6 is not null, stored.IPv6 is not null);
        if (IPv6 is not null && stored.IPv6 is not null)
        {
            IPv6.Compare(stored.IPv6, Tell);
        }

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

        void Tell(string field, string here, string there) => differences.Add($"{field} is {here} here and {there} in etcd");

        void Compare<T>(string field, T here, T there)
            where T : notnull
        {
            if (!here.Equals(there))
            {
                Tell(field, Shown(here), Shown(there));
            }
        }

        static string Shown<T>(T value)
            where T : notnull => value is bool flag ? (flag ? "true" : "false") : Convert.ToString(value, CultureInfo.InvariantCulture)!;
    }

    /// <summary>True when the subnets are what this configuration hands out together.</summary>
    public bool Leases(SubnetKey subnets) =>
        IPv4.Leases(subnets.Subnet) && (IPv6 is null ? subnets.SubnetV6 is null : subnets.SubnetV6 is { } v6 && IPv6.Leases(v6));

    /// <summary>
    /// Why a key is no lease of this network, as the end of the sentence "it does not count: .."; null: it is one. A key from before the
    /// configuration was changed may have another length: its host keeps it for the containers that run there.
    /// </summary>
    /// <param name="subnets">What the key leases.</param>
    /// <param name="created">The revision at which the key came to be.</param>
    public string? WhyNoLease(SubnetKey subnets, long created) =>
        IPv4.WhyNoLease(subnets.Subnet, created < WrittenAt)
        ?? (IPv6 is not null && subnets.SubnetV6 is { } v6 ? IPv6.WhyNoLease(v6, created < WrittenAt) : null);

    /// <summary>Whether an address lies in the network.</summary>
    public bool Contains(IPAddress address)
    {
        foreach (SubnetRange range in Ranges)
        {
            if (range.Network.Contains(address))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>True when the network leases this IPv4 subnet, but not with this IPv6 one, or its lack, beside it: it got IPv6, or lost it,
    /// since.</summary>
    public bool ChangesFamilies(SubnetKey subnets) => IPv4.Leases(subnets.Subnet) && !Leases(subnets);

    private void Each(string name, Action<string, SubnetRange> write)
    {
        write(SubnetRange.Field(AddressFamily.InterNetwork, name), IPv4);
        if (IPv6 is not null)
        {
            write(SubnetRange.Field(AddressFamily.InterNetworkV6, name), IPv6);
        }
    }
}
