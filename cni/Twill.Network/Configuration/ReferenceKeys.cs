using System.Text.Json;
using Twill.Cni;

namespace Twill.Network.Configuration;

/// <summary>
/// Keys of the reference plugins <c>bridge</c>, <c>flannel</c>, <c>macvlan</c>, <c>ipvlan</c> and <c>vlan</c> that twill does not honour.
/// Each is taken with the value that asks for what twill does anyway, and refused with any other: a key that is accepted and ignored
/// would be something lost without a word.
/// </summary>
internal static class ReferenceKeys
{
    /// <param name="Key">The key.</param>
    /// <param name="AsIs">The values that ask for what twill does.</param>
    /// <param name="Instead">What twill does, and the key to use instead where there is one.</param>
    private sealed record Row(string Key, Func<JsonElement, bool> AsIs, string Instead);

    private const string Vlans = "the bridge of a network knows no VLANs: leave the key out, and give each VLAN a network of its own",
        Flannel = "the plugin flannel's",
        Parents =
            "a key of the plugins macvlan, ipvlan and vlan; twill's containers hang on a bridge. Keep that plugin, and let ipam be "
            + "twill-ipam";

    private static readonly Row[] s_table =
    [
        // bridge: NetConf in plugins/main/bridge/bridge.go of containernetworking/plugins
        new("ipMasqBackend", IsNftables, "source NAT is done by nftables: leave the key out"),
        new("vlan", IsEmpty, Vlans),
        new("vlanTrunk", IsEmpty, Vlans),
        new("preserveDefaultVlan", value => value.ValueKind == JsonValueKind.True, Vlans),
        new("disableContainerInterface", IsFalse, "it belongs to networks without addresses, and twill's have some: leave the key out"),
        // flannel: NetConf in flannel.go of flannel-io/cni-plugin
        new("delegate", Never, $"{Flannel}: write what is in it beside \"type\", as ipMasq, hairpinMode, mtu and isDefaultGateway"),
        new("subnetFile", Never, $"{Flannel}: ipam.etcd says where this host's subnet comes from, and ipam.network what it is part of"),
        new("dataDir", Never, $"{Flannel}: ipam.dataDir says where addresses are on record"),
        // macvlan, ipvlan, vlan: NetConf in plugins/main/KIND/KIND.go
        new("master", Never, Parents),
        new("mode", Never, Parents),
        new("linkInContainer", IsFalse, Parents),
        new("bcqueuelen", Never, Parents),
        new("vlanId", Never, Parents),
    ];

    /// <exception cref="CniException">code 2, naming key and value</exception>
    internal static void RefuseUnsupported(ConfigReader plugin)
    {
        if (plugin.Value.ValueKind != JsonValueKind.Object)
        {
            return;
        }

        foreach (JsonProperty member in plugin.Value.EnumerateObject())
        {
            foreach (Row row in s_table)
            {
                if (member.NameEquals(row.Key) && member.Value.ValueKind != JsonValueKind.Null && !row.AsIs(member.Value))
                {
                    plugin[row.Key].ComplainUnsupported($"twill has no use for this value: {row.Instead}");
                }
            }
        }
    }

    private static bool Never(JsonElement value) => value.ValueKind == JsonValueKind.String && value.ValueEquals("");

    private static bool IsFalse(JsonElement value) => value.ValueKind == JsonValueKind.False;

    private static bool IsNftables(JsonElement value) =>
        value.ValueKind == JsonValueKind.String && (value.ValueEquals("nftables") || value.ValueEquals(""));

    private static bool IsEmpty(JsonElement value) =>
        value.ValueKind switch
        {
            JsonValueKind.Number => value.TryGetInt32(out int number) && number == 0,
            JsonValueKind.Array => value.GetArrayLength() == 0,
            JsonValueKind.String => value.ValueEquals(""),
            JsonValueKind.False => true,
            _ => false,
        };
}
