using System.Text.Json;
using Twill.Testing;

namespace Kernel.Tests.TrafficControl;

/// <summary>What `tc -j` says of a namespace.</summary>
internal static class Tc
{
    /// <summary>`tc -j -s qdisc show dev LINK`.</summary>
    internal static JsonElement[] Qdiscs(this NetnsShell ns, string link) => ns.TcJson($"-s qdisc show dev {link}");

    /// <summary>The token bucket filter at a link's root.</summary>
    internal static JsonElement Tbf(this NetnsShell ns, string link) =>
        ns.Qdiscs(link).Single(q => q.GetProperty("kind").GetString() == "tbf");

    /// <summary>`tc -j filter show dev LINK parent ffff:`.</summary>
    internal static JsonElement[] IngressFilters(this NetnsShell ns, string link) => ns.TcJson($"filter show dev {link} parent ffff:");

    private static JsonElement[] TcJson(this NetnsShell ns, string args)
    {
        string text = ns.Run(["tc", "-j", .. Cmd.Split(args)]).OrThrow().Stdout;
        using JsonDocument document = JsonDocument.Parse(string.IsNullOrWhiteSpace(text) ? "[]" : text);
        return [.. document.RootElement.Clone().EnumerateArray()];
    }
}
