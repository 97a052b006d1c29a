using System.Text.Json;
using System.Text.Json.Nodes;

namespace Twill.Bench;

/// <summary>The figures for programs.</summary>
internal static class JsonReport
{
    private static readonly JsonSerializerOptions s_indented = new() { WriteIndented = true };

    public static string Of(Results results, string bin) =>
        new JsonObject
        {
            ["startup"] = Array(results.Startups, s => new JsonObject { ["program"] = s.Program, ["runs"] = Of(s.Runs) }),
            ["chains"] = Array(results.Chains, m => Of(m.Chain, m.Containers, m.Add, m.Del)),
            ["ports"] = Array(results.Ports, m => Of(m.Chain, m.Containers, m.Add, m.Del)),
            ["storms"] = Array(results.Storms, m => Of(m.Chain, m.Containers, m.Add, m.Del)),
            ["traffic"] = Array(results.Traffic, Of),
            ["protections"] = Array(results.Protections, m => Of(m.Chain, m.Containers, m.Add, m.Del)),
            ["protectedTraffic"] = Array(results.ProtectedTraffic, Of),
            ["bytes"] = new JsonObject(Results.Sizes(bin).Select(s => KeyValuePair.Create(s.Program, (JsonNode?)s.Bytes))),
        }.ToJsonString(s_indented);

    private static JsonObject Of(Chain chain, int containers, Samples add, Samples del) =>
        new()
        {
            ["chain"] = chain.Name,
            ["containers"] = containers,
            ["add"] = Of(add),
            ["del"] = Of(del),
        };

    private static JsonObject Of(TrafficMeasurement traffic) =>
        new()
        {
            ["path"] = traffic.Path,
            ["tcpGbits"] = Array(traffic.OneStream, v => v),
            ["tcp8Gbits"] = Array(traffic.EightStreams, v => v),
            ["udp64KiloPackets"] = Array(traffic.SmallPackets, v => v),
            ["roundTripUs"] = Array(traffic.RoundTrip, v => v),
        };

    private static JsonObject Of(Samples samples)
    {
        JsonObject all = new() { ["runs"] = samples.Count, ["failures"] = samples.Failures };
        if (samples.Count > 0)
        {
            all["wallMinMs"] = samples.Wall(0);
            all["wallMedianMs"] = samples.Wall(.5);
            all["wallP95Ms"] = samples.Wall(.95);
            all["cpuMedianMs"] = samples.Cpu(.5);
            all["peakKb"] = samples.PeakKb;
        }
        return all;
    }

    private static JsonArray Array<T>(IEnumerable<T> items, Func<T, JsonNode> of) => new([.. items.Select(of)]);
}
