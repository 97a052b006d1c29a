using System.Text.RegularExpressions;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Runtimes;

/// <summary>Puts recorder.sh in the place of a host's plugin, and gives what it wrote with the accidental made stable.</summary>
internal sealed partial class Recorder
{
    private readonly LabHost _host;

    internal Recorder(LabHost host)
    {
        _host = host;
        string script = Path.Combine(RepoPaths.Root, "tests", "Twill.Testing", "recorder.sh");
        host.Sh($"mkdir /opt/cni/recorded; mv /opt/cni/bin/twill /opt/cni/recorded/; ln -s {script} /opt/cni/bin/twill");
    }

    /// <summary>
    /// The calls so far. Ids of containers and what follows from them (names of namespaces and host ends, hardware addresses on the host)
    /// differ from run to run: each is replaced by one of the same form that counts in the order of appearance.
    /// </summary>
    internal IReadOnlyList<RecordedCall> Calls()
    {
        Dictionary<string, string> stable = [];
        Dictionary<string, int> counts = [];
        return
        [
            .. RecordedCall
                .ReadAll(_host.At("/run/recorded"))
                .Select(call =>
                    call with
                    {
                        Environment = call.Environment.ToDictionary(v => v.Key, v => Stable(v.Value)),
                        Input = Stable(call.Input),
                    }
                ),
        ];

        string Stable(string text) =>
            Accidents()
                .Replace(text, m =>
                {
                    if (!stable.TryGetValue(m.Value, out string? name))
                    {
                        string kind = m.Groups.Values.Skip(1).Single(g => g.Success).Name;
                        int number = counts[kind] = counts.GetValueOrDefault(kind) + 1;
                        stable[m.Value] = name = Name(kind, number);
                    }

                    return name;
                });
    }

    private static string Name(string kind, int number) =>
        kind switch
        {
            "id" => $"{number:x64}",
            "uuid" => $"00000000-0000-0000-0000-{number:x12}",
            "veth" => $"tw{number:x13}",
            "mac" => $"06:00:00:00:00:{number:x2}",
            "task" => $"/run/netns/task{number}",
            _ => throw new ArgumentException(kind, nameof(kind)),
        };

    [GeneratedRegex(
        @"(?<id>\b[0-9a-f]{64}\b)|(?<uuid>\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b)|"
            + @"(?<veth>\btw[0-9a-v]{13}\b)|(?<mac>\b0[6a](:[0-9a-f]{2}){5}\b)"
            + @"|(?<task>/proc/\d+/ns/net)",
        RegexOptions.ExplicitCapture
    )]
    private static partial Regex Accidents();
}
