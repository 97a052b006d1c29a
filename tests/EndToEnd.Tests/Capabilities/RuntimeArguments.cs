using System.Text.Json.Nodes;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Capabilities;

/// <summary>Calls with what a runtime adds to the configuration.</summary>
internal static class RuntimeArguments
{
    /// <summary>cnitool with CAP_ARGS (JSON, of which it passes on what the configuration's `capabilities` name) and CNI_ARGS.</summary>
    internal static CmdResult Cnitool(this LabHost host, string verb, LabContainer container, string capArgs, string cniArgs = "") =>
        host.RunFor(
            TimeSpan.FromMinutes(1),
            "env",
            $"CNI_PATH=/opt/cni/bin:{RepoPaths.ReferencePlugins}",
            "NETCONFPATH=/etc/cni/net.d",
            $"CAP_ARGS={capArgs}",
            $"CNI_ARGS={cniArgs}",
            RepoPaths.Cnitool,
            verb,
            "twill",
            container.NetnsPath
        );

    /// <summary>The host's plugin configuration with `runtimeConfig`, as a runtime sends it.</summary>
    internal static JsonObject WithRuntimeConfig(this JsonObject config, string runtimeConfig)
    {
        config["runtimeConfig"] = JsonNode.Parse(runtimeConfig);
        return config;
    }

    /// <summary>The host end of a container's pair, from the ADD's result.</summary>
    internal static string HostEnd(this LabContainer container) =>
        JsonNode.Parse(container.Result)!["interfaces"]!
            .AsArray()
            .Select(i => (string)i!["name"]!)
            .Single(n => n.StartsWith("tw", StringComparison.Ordinal) && n.Length == 15);

    /// <summary>The ifb of a container that has one: named like its host end.</summary>
    internal static string Ifb(this LabContainer container) => "tb" + container.HostEnd()[2..];

    /// <summary>What the kernel queues at a link: `tc qdisc show dev LINK`.</summary>
    internal static string Qdiscs(this LabHost host, string link) => host.Run("tc", "qdisc", "show", "dev", link).OrThrow().Stdout;
}
