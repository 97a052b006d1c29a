using System.Globalization;
using System.Text.Json.Nodes;

namespace Twill.Testing;

/// <summary>One call of a plugin as a runtime made it: its variables and its standard input. Kept under
/// tests/twill.Tests/recorded.</summary>
/// <param name="Name">NN-COMMAND, in the order of the calls.</param>
/// <param name="Environment">The variables CNI_*.</param>
/// <param name="Input">Standard input.</param>
/// <param name="ExitCode">What the plugin answered then.</param>
public sealed record RecordedCall(string Name, IReadOnlyDictionary<string, string> Environment, string Input, int ExitCode)
{
    private const string Exit = "EXIT";

    /// <summary>Where the recordings are, a directory per runtime.</summary>
    public static string Root { get; } = Path.Combine(RepoPaths.Root, "tests", "twill.Tests", "recorded");

    public string Command => Environment["CNI_COMMAND"];

    /// <summary>The names of the runtimes that were recorded.</summary>
    public static IEnumerable<string> Runtimes =>
        Directory.GetDirectories(Root).Select(d => Path.GetFileName(d)).Order(StringComparer.Ordinal);

    /// <summary>What a runtime sent, in its order.</summary>
    public static IReadOnlyList<RecordedCall> Of(string runtime) => ReadAll(Path.Combine(Root, runtime));

    /// <summary>The calls in a directory, in their order.</summary>
    public static IReadOnlyList<RecordedCall> ReadAll(string directory) =>
        [.. Directory.GetFiles(directory, "*.env").Order(StringComparer.Ordinal).Select(Read)];

    /// <summary>Puts these calls in the place of what was recorded of a runtime.</summary>
    public static void Replace(string runtime, IEnumerable<RecordedCall> calls)
    {
        string directory = Path.Combine(Root, runtime);
        if (Directory.Exists(directory))
        {
            Directory.Delete(directory, recursive: true);
        }

        Directory.CreateDirectory(directory);
        foreach (RecordedCall call in calls)
        {
            call.Write(directory);
        }
    }

    /// <summary>Two files: variables, and the input as indented JSON.</summary>
    private void Write(string directory)
    {
        IEnumerable<string> lines = Environment.OrderBy(v => v.Key, StringComparer.Ordinal).Select(v => $"{v.Key}={v.Value}");
        File.WriteAllLines(Path.Combine(directory, $"{Name}.env"), [.. lines, $"{Exit}={ExitCode}"]);
        File.WriteAllText(
            Path.Combine(directory, $"{Name}.json"),
            JsonNode.Parse(Input)!.ToJsonString(new() { WriteIndented = true }) + "\n"
        );
    }

    /// <summary>Runs a plugin with exactly these variables and this input; <paramref name="prefix"/> are words that lead to its
    /// host.</summary>
    public CniAnswer Replay(IReadOnlyList<string> prefix, string plugin) =>
        new CniProcess(plugin)
        {
            Prefix = prefix,
            Env = new[] { "CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_ARGS", "CNI_PATH" }.ToDictionary(
                name => name,
                name => Environment.GetValueOrDefault(name)
            ),
        }.Run(Command, Input);

    /// <summary>A call's text without the accidents of a recording: the order of arguments, keys and ports.</summary>
    public string Canonical()
    {
        IEnumerable<string> lines = Environment
            .OrderBy(v => v.Key, StringComparer.Ordinal)
            .Select(v =>
                v.Key == "CNI_ARGS" ? $"{v.Key}={string.Join(';', v.Value.Split(';').Order(StringComparer.Ordinal))}" : $"{v.Key}={v.Value}"
            );
        return string.Join('\n', [Name, .. lines, $"{Exit}={ExitCode}", Sorted(JsonNode.Parse(Input)!).ToJsonString()]);
    }

    private static RecordedCall Read(string file)
    {
        Dictionary<string, string> variables = File.ReadAllLines(file)
            .Select(line => line.Split('=', 2))
            .ToDictionary(p => p[0], p => p[1]);
        variables.Remove(Exit, out string? code);
        string input = File.ReadAllText(Path.ChangeExtension(file, ".json"));
        return new RecordedCall(Path.GetFileNameWithoutExtension(file), variables, input, int.Parse(code!, CultureInfo.InvariantCulture));
    }

    private static JsonNode Sorted(JsonNode node) =>
        node switch
        {
            JsonObject map => new JsonObject(
                map.OrderBy(p => p.Key, StringComparer.Ordinal)
                    .Select(p => KeyValuePair.Create(p.Key, p.Value is null ? null : Sorted(p.Value)))
            ),
            JsonArray ports when ports.Parent is JsonObject && ports.GetPropertyName() == "portMappings" => new JsonArray([
                .. ports.Select(port => Sorted(port!)).OrderBy(port => port.ToJsonString(), StringComparer.Ordinal),
            ]),
            JsonArray list => new JsonArray([.. list.Select(item => item is null ? null : Sorted(item))]),
            _ => node.DeepClone(),
        };
}
