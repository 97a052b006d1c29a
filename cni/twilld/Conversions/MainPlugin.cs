using System.Text.Json;
using Twill.Cni;
using Twill.Network.Configuration;

namespace Twill.Agent.Conversions;

/// <summary>The plugin of a list that makes the interface: <c>bridge</c> and <c>flannel</c> become twill, the others stay over
/// <c>twill-ipam</c>.</summary>
internal sealed class MainPlugin(ConvertOptions options, Conversion conversion, IReadOnlyCollection<string> capabilities)
{
    private const string Bridge = "bridge",
        Flannel = "flannel";

    /// <summary>Whether it can be converted.</summary>
    internal static bool Knows(string type) => IsReplaced(type) || type is "macvlan" or "ipvlan" or "vlan";

    /// <summary>Whether twill takes its place.</summary>
    internal static bool IsReplaced(string? type) => type is Bridge or Flannel;

    /// <summary>Writes its members.</summary>
    internal void Write(Utf8JsonWriter w, ConfigReader plugin)
    {
        switch (plugin["type"].OptionalString())
        {
            case Bridge:
                w.WriteString("type", TwillConf.MainPlugin);
                WriteBridge(w, plugin, isGateway: false, ipMasq: false);
                WriteCapabilities(w);
                w.WritePropertyName("ipam");
                AddressSection.Write(w, plugin["ipam"], conversion);
                break;
            case Flannel:
                w.WriteString("type", TwillConf.MainPlugin);
                WriteDelegate(w, plugin["delegate"]);
                WriteCapabilities(w);
                new FlannelNetwork(options, conversion).Write(w, plugin);
                break;
            case { } kept:
                Conversion.Copy(w, plugin, "cniVersion", "name", "ipam");
                w.WritePropertyName("ipam");
                AddressSection.Write(w, plugin["ipam"], conversion);
                conversion.Note($"the plugin {kept} stays, and twill-ipam gives its addresses; the host does not reach the containers");
                break;
        }
    }

    /// <summary>The plugin's defaults are not twill's: they are written out.</summary>
    private void WriteBridge(Utf8JsonWriter w, ConfigReader plugin, bool isGateway, bool ipMasq)
    {
        Conversion.Copy(w, plugin, "cniVersion", "name", "type", "ipam", "capabilities", "ipMasqBackend");
        if (!plugin["bridge"].IsSet)
        {
            w.WriteString("bridge", "cni0");
        }

        bool isDefaultGateway = plugin["isDefaultGateway"].Bool(false),
            promiscuous = plugin["promiscMode"].Bool(false);
        WriteDefault("isGateway", isGateway || isDefaultGateway);
        WriteDefault("ipMasq", ipMasq);
        if (!promiscuous)
        {
            WriteDefault("hairpinMode", false);
        }

        conversion.NoteBridge();
        if (plugin["ipMasqBackend"].OptionalString() == "iptables")
        {
            conversion.Note($"{plugin["ipMasqBackend"].Path}: 'iptables' is left out");
        }

        if (!plugin["macspoofchk"].Exists)
        {
            conversion.Note("containers send under their own addresses only; \"antiSpoof\": false lets them use others, as before");
        }

        void WriteDefault(string key, bool value)
        {
            if (!plugin[key].Exists)
            {
                w.WriteBoolean(key, value);
            }
        }
    }

    private void WriteDelegate(Utf8JsonWriter w, ConfigReader delegated)
    {
        if (delegated["type"].OptionalString() is not (null or Bridge))
        {
            Conversion.Refuse(delegated["type"], "only bridge below flannel has a counterpart");
        }

        if (delegated["ipam"].Exists)
        {
            Conversion.Refuse(delegated["ipam"], "twill-ipam gives each host a subnet of the network; leave the key out");
        }

        if (delegated.Object() is { } there)
        {
            WriteBridge(w, there, isGateway: true, ipMasq: true);
            return;
        }

        w.WriteString("bridge", "cni0");
        w.WriteBoolean("hairpinMode", false);
        conversion.NoteBridge();
    }

    private void WriteCapabilities(Utf8JsonWriter w)
    {
        if (capabilities.Count == 0)
        {
            return;
        }

        w.WriteStartObject("capabilities");
        foreach (string capability in capabilities)
        {
            w.WriteBoolean(capability, true);
        }

        w.WriteEndObject();
    }
}
