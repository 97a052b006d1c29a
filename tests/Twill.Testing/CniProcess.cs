using System.Text;
using System.Text.Json;

namespace Twill.Testing;

/// <summary>How a CNI plugin answered.</summary>
public sealed record CniAnswer(int ExitCode, string Stdout, string Stderr)
{
    /// <summary>The JSON document on standard output; an exception that shows everything when there is none.</summary>
    public JsonElement Json
    {
        get
        {
            try
            {
                using JsonDocument document = JsonDocument.Parse(Stdout);
                return document.RootElement.Clone();
            }
            catch (JsonException e)
            {
                throw new InvalidOperationException($"no JSON on standard output: {this}", e);
            }
        }
    }

    /// <summary>The "code" of an error answer.</summary>
    public int ErrorCode => Json.GetProperty("code").GetInt32();

    /// <summary>"msg" and "details" of an error answer, joined: what an operator gets to read.</summary>
    public string ErrorText =>
        $"{Json.GetProperty("msg").GetString()} {(Json.TryGetProperty("details", out JsonElement d) ? d.GetString() : "")}".TrimEnd();

    /// <summary>This answer, or an exception that shows it when the plugin failed.</summary>
    public CniAnswer OrThrow() => ExitCode == 0 ? this : throw new CmdException(ToString());

    public override string ToString() => $"exit code {ExitCode}\nstdout: {Stdout}\nstderr: {Stderr}";
}

/// <summary>Runs a program the way a CNI runtime runs a plugin: variables CNI_*, the configuration on standard input.</summary>
public sealed record CniProcess(string Program)
{
    public string ContainerId { get; init; } = "";

    public string Netns { get; init; } = "";

    public string IfName { get; init; } = "";

    public string? Args { get; init; }

    /// <summary>CNI_PATH; the directory of the program unless set.</summary>
    public string? PluginPath { get; init; }

    /// <summary>Further variables; null removes one, also one of CNI_*.</summary>
    public IReadOnlyDictionary<string, string?> Env { get; init; } = new Dictionary<string, string?>();

    /// <summary>Words put before the program, e.g. `nsenter --net=PATH --`, to run it inside a test's namespaces.</summary>
    public IReadOnlyList<string> Prefix { get; init; } = [];

    public TimeSpan Timeout { get; init; } = Cmd.DefaultTimeout;

    /// <summary>The same plugin, run inside a network namespace.</summary>
    public CniProcess In(TestNetns ns) => this with { Prefix = ["nsenter", $"--net={ns.Path}", "--"] };

    public CniAnswer Add(string config) => Run("ADD", config);

    public CniAnswer Del(string config) => Run("DEL", config);

    public CniAnswer Check(string config) => Run("CHECK", config);

    public CniAnswer Run(string command, string config) => Run(command, Encoding.UTF8.GetBytes(config));

    public CniAnswer Run(string command, byte[] stdin)
    {
        string[] line = [.. Prefix, Program];
        CmdResult result = Cmd.RunBytes(line[0], line[1..], Timeout, Environment(command), stdin);
        return new CniAnswer(result.ExitCode, result.Stdout, result.Stderr);
    }

    /// <summary>What the plugin finds in its environment.</summary>
    public IReadOnlyDictionary<string, string?> Environment(string command)
    {
        Dictionary<string, string?> env = new()
        {
            ["CNI_COMMAND"] = command,
            ["CNI_CONTAINERID"] = ContainerId,
            ["CNI_NETNS"] = Netns,
            ["CNI_IFNAME"] = IfName,
            ["CNI_PATH"] = PluginPath ?? Path.GetDirectoryName(Program),
            ["CNI_ARGS"] = Args,
        };
        foreach ((string name, string? value) in Env)
        {
            env[name] = value;
        }

        return env;
    }
}
