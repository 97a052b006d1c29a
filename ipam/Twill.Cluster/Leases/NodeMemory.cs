using System.Globalization;
using System.Net;
using System.Text.Json;

namespace Twill.Cluster;

/// <summary>What etcd remembers of a node without a time limit:
/// <c>{"publicIP":"192.0.2.1","lease":"694d..","subnets":["10.244.7.0/24"]}</c>; of
/// a dual-stack lease both subnets, the IPv6 one behind the IPv4 one: <c>["10.244.7.0/24","fc00:1:0:7::/64"]</c>.
/// The lease is in hexadecimal, as etcdctl writes it. It is refreshed while the node renews, so that its revision orders nodes by when
/// they were last alive. <c>incarnation</c> and <c>network</c> are of the process that wrote it
/// (<see cref="HostInstance"/>); former versions wrote neither.</summary>
internal sealed record NodeMemory(string Key, long ModRevision, string PublicIP, long Lease, IReadOnlyList<SubnetKey> Subnets)
{
    /// <summary>The incarnation of the host that wrote it; empty: unknown.</summary>
    public string Incarnation { get; init; } = "";

    /// <summary>The name of the network that the host wrote it for; empty: unknown.</summary>
    public string Network { get; init; } = "";

    /// <summary>A node that etcd does not know.</summary>
    public static NodeMemory None(string key) => new(key, 0, "", 0, []);

    /// <summary>Reads a memory. One that cannot be read remembers nothing; its revision is kept so that it can be replaced.</summary>
    public static NodeMemory Parse(KeyValue kv)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(kv.Value);
            JsonFields fields = JsonFields.Root(document, "node");
            List<IPNetwork> prefixes = [];
            foreach (string text in fields.Texts("subnets"))
            {
                if (IPNetwork.TryParse(text, out IPNetwork prefix))
                {
                    prefixes.Add(prefix);
                }
            }
            _ = long.TryParse(fields.Text("lease"), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out long lease);
            return new NodeMemory(kv.Key, kv.ModRevision, fields.Text("publicIP") ?? "", lease, SubnetKey.Pairs(prefixes))
            {
                Incarnation = fields.Text("incarnation") ?? "",
                Network = fields.Text("network") ?? "",
            };
        }
        catch (Exception e) when (JsonFields.IsUnreadable(e))
        {
            return new NodeMemory(kv.Key, kv.ModRevision, "", 0, []);
        }
    }

    public static byte[] Write(
        string publicIP,
        long lease,
        IReadOnlyList<SubnetKey> subnets,
        string incarnation = "",
        string network = ""
    ) =>
        FlannelJson.Object(w =>
        {
            w.WriteString("publicIP", publicIP);
            w.WriteString("lease", lease.ToString("x", CultureInfo.InvariantCulture));
            w.WriteStartArray("subnets");
            foreach (IPNetwork prefix in SubnetKey.Prefixes(subnets))
            {
                w.WriteStringValue(FlannelText.Of(prefix));
            }

            w.WriteEndArray();
            if (incarnation != "")
            {
                w.WriteString("incarnation", incarnation);
            }

            if (network != "")
            {
                w.WriteString("network", network);
            }
        });
}
