using System.Text.Json;
using Twill.Cni;

namespace Twill.Agent.Conversions;

/// <summary>The plugins of a list beside its main one. What twill does itself goes, and what a runtime gave it is given to twill.</summary>
internal sealed class ChainedPlugins
{
    private static readonly string[] s_limits = ["ingressRate", "ingressBurst", "egressRate", "egressBurst"];

    private static readonly string[] s_portmap =
    [
        "snat",
        "masqAll",
        "markMasqBit",
        "externalSetMarkChain",
        "conditionsV4",
        "conditionsV6",
    ];

    private readonly Dictionary<string, Action<Utf8JsonWriter>> _kept = [];

    private ChainedPlugins() { }

    /// <summary>What runtimes pass on to the main plugin now, sorted.</summary>
    internal SortedSet<string> Capabilities { get; } = new(StringComparer.Ordinal);

    /// <summary>Reads them.</summary>
    internal static ChainedPlugins Read(IReadOnlyList<ConfigReader> plugins, ConfigReader main, Conversion conversion)
    {
        ChainedPlugins chain = new();
        bool isReplaced = MainPlugin.IsReplaced(main["type"].OptionalString());
        chain.Take(main);
        foreach (ConfigReader plugin in plugins)
        {
            if (ReferenceEquals(plugin, main))
            {
                continue;
            }

            string type = plugin["type"].RequiredString("the plugin's type");
            if (!isReplaced || !chain.Replaces(type, plugin, conversion))
            {
                chain._kept.TryAdd(plugin.Path, plugin.Value.WriteTo);
            }
        }

        return chain;
    }

    /// <summary>Writes one, if it is still there.</summary>
    internal void Write(Utf8JsonWriter w, ConfigReader plugin)
    {
        if (_kept.TryGetValue(plugin.Path, out Action<Utf8JsonWriter>? write))
        {
            write(w);
        }
    }

    /// <summary>Whether twill does what a plugin does.</summary>
    private bool Replaces(string type, ConfigReader plugin, Conversion conversion)
    {
        switch (type)
        {
            case "portmap":
                Take(plugin);
                foreach (string key in s_portmap.Where(key => plugin[key].Exists))
                {
                    conversion.Note($"{plugin[key].Path}: twill's published ports have no such key; it is left out");
                }

                conversion.Note("twill publishes ports itself: the plugin portmap goes");
                return true;
            case "bandwidth" when !s_limits.Any(key => plugin[key].Exists):
                Take(plugin);
                conversion.Note("twill limits bandwidth itself: the plugin bandwidth goes");
                return true;
            case "firewall":
                conversion.Note("twill's packets pass iptables without the plugin firewall, which goes; conf/INTEROP.md has the rules");
                return true;
            case "dnsname":
                conversion.Note("the plugin dnsname goes: it gave containers names, by a dnsmasq of its own");
                return true;
            case "tuning":
                return ReplacesTuning(plugin, conversion);
            default:
                return false;
        }
    }

    /// <summary>A hardware address that a runtime asks for is twill's part: changed behind its back, the container could not
    /// send.</summary>
    private bool ReplacesTuning(ConfigReader plugin, Conversion conversion)
    {
        if (plugin["mac"].IsSet)
        {
            Conversion.Refuse(plugin["mac"], "containers of twill send under the hardware address that it gave; ask it for one "
                + "(capability mac, MAC= in CNI_ARGS), or leave the key out");
        }

        Take(plugin);
        if (plugin.Value.EnumerateObject().All(member => member.Name is "type" or "capabilities" or "dataDir" or "mac"))
        {
            conversion.Note("twill gives the hardware address that is asked for: the plugin tuning goes");
            return true;
        }

        _kept.Add(plugin.Path, w =>
        {
            w.WriteStartObject();
            Conversion.Copy(w, plugin, "capabilities");
            w.WriteEndObject();
        });
        return false;
    }

    private void Take(ConfigReader plugin)
    {
        if (plugin["capabilities"].Object() is { } capabilities)
        {
            foreach (JsonProperty member in capabilities.Value.EnumerateObject().Where(one => one.Value.ValueKind == JsonValueKind.True))
            {
                Capabilities.Add(member.Name);
            }
        }
    }
}
