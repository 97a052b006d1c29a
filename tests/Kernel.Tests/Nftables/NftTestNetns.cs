using System.Text.Json;
using System.Text.Json.Nodes;
using Twill.Linux;
using Twill.Linux.Nftables;
using Twill.Testing;

namespace Kernel.Tests.Nftables;

/// <summary>A network namespace with an nftables socket in it, and what `nft` finds there.</summary>
internal sealed class NftTestNetns : IDisposable
{
    internal static readonly TableId Table = new(NftFamily.Inet, "twill-a");

    internal NftTestNetns()
    {
        Namespace = TestNetns.Create();
        using NetNs ns = NetNs.Open(Namespace.Path);
        Socket = NftSocket.Open(ns);
    }

    internal TestNetns Namespace { get; }

    internal NftSocket Socket { get; }

    /// <summary>`nft list ruleset`, as a person reads it, without the tables' blank lines.</summary>
    internal string Ruleset => Namespace.Nft("list ruleset");

    /// <summary>`nft -j list ruleset`: the objects of one kind ("table", "chain", "rule", "set", "map").</summary>
    internal List<JsonNode> Objects(string kind)
    {
        List<JsonNode> found = [];
        foreach (JsonElement one in Namespace.NftJson("list ruleset").EnumerateArray())
        {
            if (one.TryGetProperty(kind, out JsonElement value))
            {
                found.Add(JsonNode.Parse(value.GetRawText())!);
            }
        }

        return found;
    }

    /// <summary>The rules of a chain as `nft list chain` prints them, one line each.</summary>
    internal string[] Rules(string chain) =>
        [
            .. Namespace
                .Nft($"list chain {Table} {chain}")
                .Split('\n')
                .Where(l => l.StartsWith("\t\t", StringComparison.Ordinal))
                .Select(l => l.Trim())
                .Where(l => !l.StartsWith("type ", StringComparison.Ordinal) && !l.StartsWith("comment ", StringComparison.Ordinal)),
        ];

    public void Dispose()
    {
        Socket.Dispose();
        Namespace.Dispose();
    }
}
