using System.Text.Json;
using Twill.Cni;

namespace Twill.Network.Configuration;

/// <summary>
/// The section <c>lan</c>: containers are on an administrator's LAN, by a bridge that holds the host's interface. Nothing of that bridge is
/// changed: containers' host ends become ports of it, and that is all.
/// </summary>
public sealed class LanConf
{
    private const string Key = "lan";

    private const string LeftAsItIs = "the bridge is left as it is";

    /// <summary>The bridge; somebody else has made it.</summary>
    public required string Bridge { get; init; }

    /// <summary>Reads the section; null where there is none.</summary>
    /// <param name="plugin">the whole configuration of the plugin</param>
    /// <exception cref="CniException">code 2 or 7, naming path, value and expectation</exception>
    internal static LanConf? Read(ConfigReader plugin)
    {
        if (plugin[Key].Section("bridge") is not { } section)
        {
            return null;
        }

        Refuse(plugin["bridge"], "lan.bridge names the bridge");
        Refuse(plugin["isGateway"], "the LAN's router is the gateway");
        Refuse(plugin["ipMasq"], "containers have addresses of the LAN, which nobody needs to translate");
        Refuse(plugin["isolated"], "every machine on the LAN reaches the containers");
        Refuse(plugin["promiscMode"], LeftAsItIs);
        Refuse(plugin["forceAddress"], LeftAsItIs);
        if (!plugin["icc"].Bool(true))
        {
            plugin["icc"].ComplainText("expected true beside lan, whose packets the host does not route; \"portIsolation\": true keeps "
                + "the host's containers apart");
        }

        if (plugin["nonMasqueradeCIDRs"].Items().Count > 0)
        {
            plugin["nonMasqueradeCIDRs"].ComplainText("has no use beside lan, where nothing is translated; leave it out");
        }

        if (plugin["backend"]["type"].OptionalString() is not (null or "none"))
        {
            plugin["backend"]["type"].Complain("none beside lan: the LAN joins the hosts", false);
        }

        if (plugin["runtimeConfig"].IgnoringCase()["portMappings"].Items().Count > 0)
        {
            plugin["runtimeConfig"]["portMappings"].ComplainText(
                "ports cannot be published on a LAN: the container is reached at its own address; leave the capability portMappings out"
            );
        }

        string bridge = section["bridge"].RequiredString("the bridge that holds the host's interface on the LAN");
        if (bridge.Length > 0 && CniNames.InterfaceNameFault(bridge) is { } fault)
        {
            section["bridge"].Complain($"an interface name ({fault})", false);
        }

        return new LanConf { Bridge = bridge };
    }

    private static void Refuse(ConfigReader at, string why)
    {
        if (at.IsSet && at.Value.ValueKind != JsonValueKind.False)
        {
            at.ComplainText($"has no use beside lan: {why}; leave it out");
        }
    }
}
