using System.Text.Json;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Ports;

/// <summary>The ports that a network publishes on a host, as `nft` lists them.</summary>
internal static class PublishedElements
{
    /// <summary>Elements of the network's port maps; none when it has no table.</summary>
    internal static IReadOnlyList<string> Published(this LabHost host, string network = "twill") =>
        [
            .. new[] { "ports", "ports_at" }
                .Where(map => host.Run("nft", "list", "map", "inet", $"twill-{network}", map).ExitCode == 0)
                .SelectMany(map => host.NftJson($"list map inet twill-{network} {map}").EnumerateArray())
                .Where(o => o.TryGetProperty("map", out JsonElement m) && m.TryGetProperty("elem", out _))
                .SelectMany(o => o.GetProperty("map").GetProperty("elem").EnumerateArray().Select(e => e.GetRawText())),
        ];
}
