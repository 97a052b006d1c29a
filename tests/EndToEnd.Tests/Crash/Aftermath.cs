using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Crash;

/// <summary>What a run of `host.sh` has told.</summary>
/// <param name="Calls">Program and system call of each state-changing call of the run.</param>
/// <param name="Failed">The steps that failed, with what they said.</param>
/// <param name="Answer">What the call that is killed answered.</param>
/// <param name="After">All that was there after the runtime's step, a line for each thing.</param>
/// <param name="Later">The same after one more ADD and DEL.</param>
/// <param name="Subnets">How many subnets etcd holds for the host's network.</param>
internal sealed partial record Aftermath(
    IReadOnlyList<(string Program, string Call)> Calls,
    IReadOnlyList<string> Failed,
    string Answer,
    IReadOnlySet<string> After,
    IReadOnlySet<string> Later,
    int Subnets
)
{
    internal static Aftermath Read(CmdResult result, int subnets)
    {
        List<(string, string)> calls = [];
        List<string> failed = [];
        string answer = "";
        SortedSet<string> after = new(StringComparer.Ordinal),
            later = new(StringComparer.Ordinal);
        foreach (string line in result.Stdout.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            string[] words = line.Split(' ', 3);
            switch (words)
            {
                case ["point", var program, var call]:
                    calls.Add((program, call));
                    break;
                case ["code", _, "0"]:
                    break;
                case ["say", "killed", var said]:
                    answer = said.Trim();
                    break;
                case ["code" or "say", ..]:
                    failed.Add(line);
                    break;
                case ["after", var kind, var value]:
                    after.UnionWith(Things(kind, value));
                    break;
                case ["later", var kind, var value]:
                    later.UnionWith(Things(kind, value));
                    break;
                default:
                    failed.Add($"strange line: {line}");
                    break;
            }
        }

        failed.AddRange(result.Stderr.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        return new Aftermath(calls, failed, answer, after, later, subnets);
    }

    /// <summary>What a tool has listed as JSON, a line for each thing, without what differs from host to host.</summary>
    internal static IEnumerable<string> Things(string kind, string value)
    {
        if (kind is not ("link" or "inside" or "address" or "route" or "qdisc" or "neighbour" or "fdb" or "nft"))
        {
            return [$"{kind} {value}"];
        }

        using JsonDocument document = JsonDocument.Parse(value.Length == 0 ? "[]" : value);
        JsonElement list = kind == "nft" ? document.RootElement.GetProperty("nftables") : document.RootElement;
        return
        [
            .. list.EnumerateArray()
                .Where(thing => !IsCable(thing))
                .SelectMany(thing => Thing(kind, thing))
                .Select(text => $"{kind} {LeasedSubnet().Replace(text, "10.244.x.")}"),
        ];
    }

    private static IEnumerable<string> Thing(string kind, JsonElement thing) =>
        kind switch
        {
            "link" or "inside" => [$"{Pick(thing, "ifname", "mtu", "master", "ifalias")}{(IsUp(thing) ? " up" : "")}"],
            "address" => thing
                .GetProperty("addr_info")
                .EnumerateArray()
                .Select(a => $"{Pick(thing, "ifname")} {Pick(a, "local", "prefixlen")}"),
            "route" => [Pick(thing, "type", "dst", "gateway", "dev", "table", "protocol")],
            "neighbour" or "fdb" => [Pick(thing, "dst", "mac", "lladdr", "state", "ifname")],
            "qdisc" => [Pick(thing, "kind", "dev", "root", "parent")],
            _ => thing.TryGetProperty("metainfo", out _) ? [] : [WithoutHandles(thing)],
        };

    /// <summary>What a host has of the underlay, which differs from host to host.</summary>
    private static bool IsCable(JsonElement thing) => Pick(thing, "ifname") == "ifname eth0" || Pick(thing, "dev") == "dev eth0";

    private static bool IsUp(JsonElement link) => link.GetProperty("flags").EnumerateArray().Any(flag => flag.GetString() == "UP");

    private static string Pick(JsonElement thing, params string[] names) =>
        string.Join(' ', names.Where(name => thing.TryGetProperty(name, out _)).Select(name => $"{name} {thing.GetProperty(name)}"));

    /// <summary>Handles are counted up from table to table.</summary>
    private static string WithoutHandles(JsonElement thing)
    {
        JsonObject copy = JsonNode.Parse(thing.GetRawText())!.AsObject();
        foreach ((_, JsonNode? inner) in copy)
        {
            inner!.AsObject().Remove("handle");
        }

        return copy.ToJsonString();
    }

    [GeneratedRegex(@"10\.244\.\d+\.")]
    private static partial Regex LeasedSubnet();
}
