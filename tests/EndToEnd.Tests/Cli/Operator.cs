using System.Text.Json;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Cli;

/// <summary>The operator's commands on a host, as typed there.</summary>
internal static class Operator
{
    /// <summary>`twill ARGS`: its exit code is the caller's to judge.</summary>
    internal static CmdResult Twill(this LabHost host, string args) => host.Run(["/opt/cni/bin/twill", .. Cmd.Split(args)]);

    /// <summary>`twill ARGS --json`, parsed, with its exit code.</summary>
    internal static (int ExitCode, JsonElement Json) TwillJson(this LabHost host, string args)
    {
        CmdResult result = host.Twill($"{args} --json");
        using JsonDocument document = JsonDocument.Parse(
            result.Stdout.Length > 0 ? result.Stdout : throw new CmdException(result.ToString())
        );
        return (result.ExitCode, document.RootElement.Clone());
    }

    /// <summary>The checks of `twill doctor` that are not ok.</summary>
    internal static IReadOnlyList<Complaint> Complaints(this LabHost host) =>
        [
            .. host.TwillJson("doctor")
                .Json.GetProperty("checks")
                .EnumerateArray()
                .Where(check => check.GetProperty("outcome").GetString() != "ok")
                .Select(check => new Complaint(Text(check, "check"), Text(check, "outcome"), Text(check, "text"), Text(check, "remedy"))),
        ];

    internal static string Text(JsonElement element, string key) => element.GetProperty(key).GetString()!;
}

/// <summary>What doctor found wrong.</summary>
internal sealed record Complaint(string Check, string Outcome, string Text, string Remedy);
