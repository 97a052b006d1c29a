using System.Text.Json;

namespace Twill.Testing;

/// <summary>A place with a network of its own, asked and changed by the tools an administrator uses.</summary>
public abstract class NetnsShell
{
    /// <summary>Words that run the command after them here, e.g. `nsenter --net=PATH --`.</summary>
    public abstract IReadOnlyList<string> Enter { get; }

    /// <summary>Runs a command here; its exit code is the caller's to judge.</summary>
    public CmdResult Run(params string[] command) => RunFor(Cmd.DefaultTimeout, command);

    /// <summary>As <see cref="Run"/>, with a time limit of its own.</summary>
    public CmdResult RunFor(TimeSpan timeout, params string[] command) => Cmd.Run(Enter[0], [.. Enter.Skip(1), .. command], timeout);

    /// <summary>Runs `sh -c script` here and throws when it fails; gives its standard output.</summary>
    public string Sh(string script) => Run("sh", "-c", script).OrThrow().Stdout;

    /// <summary>`ip ARGS`, e.g. Ip("-j link show dev eth0"): its output, or an exception with its complaint.</summary>
    public string Ip(string args) => Run(["ip", .. Cmd.Split(args)]).OrThrow().Stdout;

    /// <summary>Several `ip` commands in one run of it (`ip -batch -`); an exception with its complaint when one fails.</summary>
    public void IpBatch(params IEnumerable<string> commands) =>
        Cmd.Run(Enter[0], [.. Enter.Skip(1), "ip", "-batch", "-"], stdin: string.Concat(commands.Select(one => $"{one}\n"))).OrThrow();

    /// <summary>`ip -j -d ARGS`, parsed. No output is an empty array.</summary>
    public JsonElement IpJson(string args) => Json(Ip($"-j -d {args}"));

    /// <summary>`bridge ARGS`.</summary>
    public string Bridge(string args) => Run(["bridge", .. Cmd.Split(args)]).OrThrow().Stdout;

    /// <summary>`bridge -j -d ARGS`, parsed.</summary>
    public JsonElement BridgeJson(string args) => Json(Bridge($"-j -d {args}"));

    /// <summary>`nft ARGS`.</summary>
    public string Nft(string args) => Run(["nft", .. Cmd.Split(args)]).OrThrow().Stdout;

    /// <summary>`nft -j ARGS`: the objects under "nftables".</summary>
    public JsonElement NftJson(string args) => Json(Nft($"-j {args}")).GetProperty("nftables");

    /// <summary>Whether there is a link of that name, as `ip` sees it.</summary>
    public bool HasLink(string name) => Run("ip", "link", "show", "dev", name).ExitCode == 0;

    /// <summary>
    /// Waits until the kernel has taken note of cables that were plugged in: it does so a moment later, on a busy machine much later, and
    /// drops packets until then.
    /// </summary>
    public void WaitForCarrier(params string[] links) =>
        Eventually.True(
            $"{string.Join(", ", links)} carry",
            () => !links.Except(IpJson("link show").EnumerateArray().Where(IsUp).Select(NameOf)).Any(),
            onFailure: () => Ip("link")
        );

    /// <summary>Whether one ping to an address is answered within a second.</summary>
    public bool CanPing(string address) => Run("ping", "-n", "-q", "-c", "1", "-W", "1", address).ExitCode == 0;

    private static bool IsUp(JsonElement link) => link.GetProperty("operstate").GetString() == "UP";

    private static string? NameOf(JsonElement link) => link.GetProperty("ifname").GetString();

    private static JsonElement Json(string text)
    {
        using JsonDocument document = JsonDocument.Parse(string.IsNullOrWhiteSpace(text) ? "[]" : text);
        return document.RootElement.Clone();
    }
}
