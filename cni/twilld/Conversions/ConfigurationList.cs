using System.Text.Json;
using Twill.Cni;
using Twill.Network.Configuration;

namespace Twill.Agent.Conversions;

/// <summary>A configuration list, or a single configuration, of the reference plugins or flannel.</summary>
internal sealed class ConfigurationList(ConvertOptions options, Conversion conversion)
{
    private const string Usual = "1.0.0"; // what the samples have

    /// <summary>Writes it as one of twill's.</summary>
    /// <exception cref="CniException">it has what twill has not</exception>
    internal void Write(Utf8JsonWriter w, ConfigReader root)
    {
        bool isList = root["plugins"].Exists;
        IReadOnlyList<ConfigReader> plugins = isList ? root["plugins"].Items() : [root];
        ConfigReader main = MainOf(root, plugins);
        ChainedPlugins chain = ChainedPlugins.Read(plugins, main, conversion);

        w.WriteStartObject();
        w.WriteString("cniVersion", VersionOf(root["cniVersion"]));
        w.WriteString("name", root["name"].RequiredString("the network's name"));
        if (isList)
        {
            Conversion.Copy(w, root, "cniVersion", "name", "plugins");
        }

        w.WriteStartArray("plugins");
        foreach (ConfigReader plugin in plugins)
        {
            if (ReferenceEquals(plugin, main))
            {
                w.WriteStartObject();
                new MainPlugin(options, conversion, chain.Capabilities).Write(w, main);
                w.WriteEndObject();
            }
            else
            {
                chain.Write(w, plugin);
            }
        }

        w.WriteEndArray();
        w.WriteEndObject();
    }

    private static ConfigReader MainOf(ConfigReader root, IReadOnlyList<ConfigReader> plugins)
    {
        foreach (ConfigReader plugin in plugins)
        {
            string type = plugin["type"].OptionalString() ?? "";
            if (type == TwillConf.MainPlugin || plugin["ipam"]["type"].OptionalString() == TwillConf.IpamPlugin)
            {
                plugin["type"].ComplainText("this is a network of twill's already");
            }

            if (MainPlugin.Knows(type))
            {
                return plugin;
            }
        }

        string found = string.Join(", ", plugins.Select(plugin => ConfigReader.Describe(plugin["type"].Value)));
        root["plugins"]
            .ComplainText(
                $"expected a plugin of type bridge, flannel, macvlan, ipvlan or vlan, or podman's key driver, got {found}: begin with a "
                    + "sample of conf/ instead"
            );
        return root;
    }

    private string VersionOf(ConfigReader at)
    {
        string? text = at.OptionalString();
        if (text is not null && CniVersion.TryParse(text, out CniVersion version) && version.IsSupported)
        {
            return text;
        }

        conversion.Note(
            text is null ? $"cniVersion was missing, and is {Usual}" : $"cniVersion {text}, which twill does not speak, became {Usual}"
        );
        return Usual;
    }
}
