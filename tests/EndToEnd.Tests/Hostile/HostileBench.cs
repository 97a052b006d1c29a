using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Hostile;

/// <summary>
/// A host with one container that lives ("base", which nothing may disturb) and one that calls are about ("pod"), and what every
/// answer has to be, whatever the call was.
/// </summary>
public sealed partial class HostileBench : IDisposable
{
    /// <summary>The codes of the specification and twill's own; 999, a defect, is not among them.</summary>
    private static readonly HashSet<int> s_codes = [1, 2, 3, 4, 5, 6, 7, 11, 50, 51, 100, 101, 102, 103, 104, 105];

    private readonly SingleHost _single = new();

    public HostileBench()
    {
        if (!Environment.IsPrivilegedProcess)
        {
            return;
        }

        try
        {
            Base = Host.NewContainer("base");
            Base.Result = Host.Plugin("twill", Base).Add(Config().ToJsonString()).OrThrow().Stdout;
            Pod = Host.NewContainer("pod");
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    internal static string[] Plugins { get; } = ["twill", "twill-ipam"];

    internal static string[] Verbs { get; } = ["ADD", "DEL", "CHECK", "GC", "STATUS", "VERSION"];

    internal static string[] Versions { get; } = ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"];

    internal LabHost Host => _single.Host;

    internal LabContainer Base { get; } = null!;

    internal LabContainer Pod { get; } = null!;

    /// <summary>A good configuration: with the base container's result for CHECK, and with it among the attachments that live for
    /// GC.</summary>
    internal JsonObject Config(string version = "1.1.0", string verb = "ADD")
    {
        JsonObject config = _single.Conf.ForPlugin();
        config["cniVersion"] = version;
        if (verb == "CHECK")
        {
            config["prevResult"] = JsonNode.Parse(Base.Result);
        }

        if (verb == "GC")
        {
            config["cni.dev/valid-attachments"] = new JsonArray(new JsonObject { ["containerID"] = "base", ["ifname"] = "eth0" });
        }

        return config;
    }

    /// <summary>The plugin as a runtime calls it: CHECK is about the container that lives, the others about the other one.</summary>
    internal CniProcess Plugin(string program, string verb = "ADD") =>
        Host.Plugin(program, verb == "CHECK" ? Base : Pod) with
        {
            Timeout = TimeSpan.FromSeconds(60),
        };

    /// <summary>Takes away what a call that succeeded made, and looks whether all is as before it.</summary>
    internal void TidyUp(string because)
    {
        string config = Config().ToJsonString();
        Plugin("twill").Del(config).OrThrow();
        Traces().Should().Be(Untouched, because);
    }

    /// <summary>What <see cref="Traces"/> is without any container but the one that lives.</summary>
    internal string Untouched => field ??= Traces();

    /// <summary>
    /// What belongs to single containers, as the tools of the system show it: interfaces, address records, elements of nftables
    /// maps. It is sifted and sorted here: tests ask after every few calls.
    /// </summary>
    internal string Traces()
    {
        const string End = "----";
        string[] told = Host.Sh(
                $$"""
                echo 'link show type veth
                link show type ifb' | ip -o -batch -
                echo {{End}}
                cd /var/lib/cni && find twill \( -name '*.*.*.*' -o -path '*/attachments/*' -o -name new -o -name '.*' \) -printf '%p %l\n'
                find /run/twill -name '.*' 2>/dev/null
                echo {{End}}
                nft list maps
                """
            )
            .Split($"{End}\n");
        told.Should().HaveCount(3);
        // Of a pair its name: the other end, of which the rest tells, is a container's.
        IEnumerable<string> links = told[0].Split('\n').Select(line => line.Contains("@if") ? line.Split(' ')[1] : line),
            elements = Elements().Matches(told[2]).Select(match => match.Value);
        return string.Join('\n', [.. Sorted(links), .. Sorted(told[1].Split('\n')), .. elements]);
    }

    private static IEnumerable<string> Sorted(IEnumerable<string> lines) => lines.Order(StringComparer.Ordinal);

    [GeneratedRegex("elements = {[^}]*}")]
    private static partial Regex Elements();

    /// <summary>
    /// One JSON document or nothing on success, one error document with a code that is documented on failure; no signal, no stack
    /// trace, nothing on standard output besides.
    /// </summary>
    /// <returns>the error's code, 0 for success</returns>
    internal static int Judge(CniAnswer answer, string because)
    {
        (answer.Stdout + answer.Stderr).Should().NotContain("   at ", because).And.NotContain("Unhandled", because);
        answer.ExitCode.Should().BeOneOf([0, 1], $"{because}: {answer}");
        if (answer.ExitCode == 0)
        {
            if (answer.Stdout.Length > 0)
            {
                answer.Json.ValueKind.Should().Be(JsonValueKind.Object, because);
            }

            return 0;
        }

        s_codes.Should().Contain(answer.ErrorCode, $"{because}: {answer}");
        answer.ErrorText.Should().NotBeEmpty(because);
        answer.Json.GetProperty("cniVersion").GetString().Should().NotBeNullOrEmpty(because);
        return answer.ErrorCode;
    }

    public void Dispose() => _single.Dispose();
}
