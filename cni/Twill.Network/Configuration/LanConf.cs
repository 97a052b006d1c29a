using System.Text.Json;
using Twill.Cni;

namespace Twill.Network.Configuration;

/// <summary>
/// The section <c>lan</c>: containers are on an administrator's LAN. Either by a bridge that holds the host's interface, of which
/// containers' host ends become ports, and that is all that changes; or by the interface itself, on which the host answers for them and to
/// which it routes.
/// </summary>
public sealed class LanConf
{
    private const string Key = "lan";

    private const string LeftAsItIs = "the bridge or interface is left as it is";

    /// <summary>The bridge or the interface; somebody else has made it.</summary>
    public required string Device { get; init; }

    /// <summary>Whether it is an interface, by which the host routes.</summary>
    public bool IsRouted { get; init; }

    /// <summary>Whether an address is given only when no other machine of the LAN has it.</summary>
    public bool Probe { get; init; }

    /// <summary>How complaints call it: <c>bridge br0 of $.lan.bridge</c>.</summary>
    public string What => IsRouted ? $"interface {Device} of $.lan.interface" : $"bridge {Device} of $.lan.bridge";

    /// <summary>Reads the section; null where there is none.</summary>
    /// <param name="plugin">the whole configuration of the plugin</param>
    /// <exception cref="CniException">code 2 or 7, naming path, value and expectation</exception>
    internal static LanConf? Read(ConfigReader plugin)
    {
        ConfigReader attachment = plugin["attachment"];
        if (plugin[Key].Section("bridge", "interface", "hostAccess", "probe") is not { } section)
        {
            if (attachment.OptionalString() is not (null or "bridge"))
            {
                attachment.Complain("bridge, or nothing: others are for $.lan.interface", false);
            }

            return null;
        }

        bool isRouted = section["interface"].IsSet;
        if (isRouted && section["bridge"].IsSet)
        {
            section["interface"].ComplainText("has no use beside lan.bridge, which holds the interface: leave one of them out");
        }

        string kind = isRouted ? "routed" : "bridge";
        if (attachment.OptionalString() is { } other && other != kind)
        {
            attachment.Complain(
                $"{kind}, or nothing: macvlan and ipvlan are not made; use these plugins with ipam.type {TwillConf.IpamPlugin}",
                false
            );
        }

        if (!section["hostAccess"].Bool(true))
        {
            section["hostAccess"].Complain("true, or nothing: the host reaches containers on the LAN as other machines do", false);
        }

        RefuseOthers(plugin, isRouted);
        ConfigReader at = section[isRouted ? "interface" : "bridge"];
        string device = at.RequiredString("the bridge that holds the host's interface on the LAN, or lan.interface, the interface");
        if (device.Length > 0 && CniNames.InterfaceNameFault(device) is { } fault)
        {
            at.Complain($"an interface name ({fault})", false);
        }

        return new LanConf
        {
            Device = device,
            IsRouted = isRouted,
            Probe = section["probe"].Bool(false),
        };
    }

    /// <summary>Complains about IPv6 where the host would have to forward it.</summary>
    internal void RefuseIPv6(ConfigReader plugin, IpamConf ipam)
    {
        if (IsRouted && ipam.IPv6 is not null)
        {
            plugin["ipam"].ComplainText(
                "expected IPv4 only beside lan.interface: to forward IPv6 the host would stop listening to its router; lan.bridge is for "
                    + "both"
            );
        }
    }

    /// <summary>Complains about keys that mean something elsewhere and cannot on a LAN.</summary>
    private static void RefuseOthers(ConfigReader plugin, bool isRouted)
    {
        Refuse(plugin["bridge"], "lan.bridge names the bridge");
        Refuse(plugin["isGateway"], "the LAN's router is the gateway");
        Refuse(plugin["ipMasq"], "containers have addresses of the LAN, which nobody needs to translate");
        Refuse(plugin["isolated"], "every machine on the LAN reaches the containers");
        Refuse(plugin["promiscMode"], LeftAsItIs);
        Refuse(plugin["forceAddress"], LeftAsItIs);
        if (isRouted)
        {
            Refuse(plugin["portIsolation"], "containers are on no bridge");
        }

        if (!plugin["icc"].Bool(true))
        {
            plugin["icc"].ComplainText("expected true beside lan, where containers reach each other as machines of the LAN; beside "
                + "lan.bridge \"portIsolation\": true keeps a host's containers apart");
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
    }

    private static void Refuse(ConfigReader at, string why)
    {
        if (at.IsSet && at.Value.ValueKind != JsonValueKind.False)
        {
            at.ComplainText($"has no use beside lan: {why}; leave it out");
        }
    }
}
