using System.Net;
using System.Text.Json;
using Twill.Testing;

namespace Twill.Cni.Tests;

/// <summary>Calls of a plugin whose verbs do nothing but show that they were reached.</summary>
internal static class Calls
{
    internal static readonly CniResult SomeResult = new() { Ips = [new CniIp(IPAddress.Parse("10.1.0.5"), 16)] };

    internal static (string, string)[] Environment(string command) =>
        [
            ("CNI_COMMAND", command),
            ("CNI_CONTAINERID", "c1"),
            ("CNI_NETNS", "/run/netns/c1"),
            ("CNI_IFNAME", "eth0"),
            ("CNI_ARGS", "IgnoreUnknown=1"),
            ("CNI_PATH", "/opt/cni/bin"),
        ];

    /// <summary>The same with one variable set to something else; null removes it.</summary>
    internal static (string, string)[] With(this (string Name, string Value)[] environment, string name, string? value) =>
        [.. environment.Where(v => v.Name != name), .. value is null ? Array.Empty<(string, string)>() : [(name, value)]];

    internal static string Config(string version, string more = "") =>
        $$"""{"cniVersion":"{{version}}","name":"net","type":"twill"{{more}}}""";

    internal static CniVerbTable AllVerbs(Action<CniRequest>? seen = null)
    {
        var table = new CniVerbTable();
        foreach (CniVerb verb in Enum.GetValues<CniVerb>().Where(v => v != CniVerb.Version))
        {
            table[verb] = request =>
            {
                seen?.Invoke(request);
                return verb == CniVerb.Add ? SomeResult : null;
            };
        }
        return table;
    }

    internal static (int ExitCode, JsonElement? Output, FakeCniProcess Process) Run(
        string stdin,
        (string, string)[] environment,
        CniVerbTable? verbs = null
    )
    {
        var process = new FakeCniProcess(stdin, environment);
        int exitCode = CniPlugin.Run(verbs ?? AllVerbs(), process);
        return (exitCode, process.Stdout.Length == 0 ? null : JsonDocument.Parse(process.Stdout).RootElement, process);
    }

    /// <summary>Runs a call that must be refused; gives its error document.</summary>
    internal static JsonElement Refusal(string stdin, (string, string)[] environment, CniVerbTable? verbs = null)
    {
        (int exitCode, JsonElement? output, _) = Run(stdin, environment, verbs);
        exitCode.Should().Be(1);
        return output!.Value;
    }

    internal static uint Code(this JsonElement error) => error.GetProperty("code").GetUInt32();

    internal static string Msg(this JsonElement error) => error.GetProperty("msg").GetString()!;

    internal static string Details(this JsonElement error) => error.GetProperty("details").GetString()!;

    internal static string Version(this JsonElement document) => document.GetProperty("cniVersion").GetString()!;

    /// <summary>A reader of a document in single quotes for double ones, so that tests stay legible.</summary>
    internal static ConfigReader Reader(string json) => new(JsonDocument.Parse(json.Replace('\'', '"')).RootElement);

    /// <summary>A checked request made of a configuration.</summary>
    internal static CniRequest Request(CniVerb verb, string config, params (string Name, string Value)[] environment)
    {
        (string, string)[] all = Environment(verb.Name());
        foreach ((string name, string value) in environment)
        {
            all = all.With(name, value);
        }

        return CniRequest.Read(verb, new FakeCniProcess(config, all), out _);
    }
}
