using System.Text.Json;
using Twill.Cni;

namespace Twill.Network.Configuration;

/// <summary>
/// Keys of the reference plugin <c>bridge</c> (containernetworking/plugins, NetConf in plugins/main/bridge/bridge.go) that twill does not
/// honour. Each is taken with the value that asks for what twill does anyway, and refused with any other: a key that is accepted and
/// ignored would be something lost without a word. Those that keep containers apart are in <see cref="Isolation"/>.
/// </summary>
internal static class ReferenceKeys
{
    /// <param name="Key">The key.</param>
    /// <param name="AsIs">The values that ask for what twill does.</param>
    /// <param name="Instead">What twill does, and the key to use instead where there is one.</param>
    private sealed record Row(string Key, Func<JsonElement, bool> AsIs, string Instead);

    private static readonly Row[] s_table =
    [
        new("forceAddress", IsFalse, "an address that somebody gave the bridge is left there"),
        new("ipMasqBackend", IsNftables, "source NAT is done by nftables"),
        new("promiscMode", IsFalse, "a container reaches itself by \"hairpinMode\": true"),
        new("preserveDefaultVlan", value => value.ValueKind == JsonValueKind.True, "the bridge knows no VLANs"),
        new("enabledad", IsFalse, "IPv6 addresses are used at once, because the IPAM plugin knows who has which"),
        new("disableContainerInterface", IsFalse, "a container's interface is up when ADD has succeeded"),
    ];

    /// <exception cref="CniException">code 2, naming key and value</exception>
    internal static void RefuseIgnored(ConfigReader plugin)
    {
        foreach (Row row in s_table)
        {
            ConfigReader at = plugin[row.Key];
            if (at.Exists && !row.AsIs(at.Value))
            {
                at.ComplainUnsupported($"twill has no use for this value: {row.Instead}");
            }
        }
    }

    private static bool IsFalse(JsonElement value) => value.ValueKind == JsonValueKind.False;

    private static bool IsNftables(JsonElement value) =>
        value.ValueKind == JsonValueKind.String && (value.ValueEquals("nftables") || value.ValueEquals(""));
}
