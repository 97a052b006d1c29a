using System.Text.Json;
using Twill.Cni;
using Twill.Network.Configuration;
using Twill.Network.State;
using Twill.System;

namespace Twill.Agent.Attach;

/// <summary>
/// All plugins of a network's list, run as the specification says (section 3): ADD one after the other, each with the result of the one
/// before, CHECK likewise and DEL backwards, both with the last result.
/// </summary>
internal static class PluginChain
{
    private const string Plugins = "plugins";

    /// <summary>What is kept of a network's file, to run its plugins later as they were configured at the ADD.</summary>
    /// <exception cref="IOException">a file cannot be read, or is none</exception>
    internal static string ConfigOf(FoundNetwork network)
    {
        JsonElement root = Parse(network.File);
        List<JsonElement> plugins = [];
        ConfigReader list = new(root);
        if (list[Plugins].Exists || !list["type"].Exists)
        {
            plugins.AddRange(list[Plugins].Items().Select(plugin => plugin.Value));
            string directory = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(network.File))!, network.Conf.Name);
            if (!list["loadOnlyInlinedPlugins"].Bool(false) && Directory.Exists(directory))
            {
                plugins.AddRange(Directory.GetFiles(directory, "*.conf").Order(StringComparer.Ordinal).Select(Parse));
            }
        }
        else
        {
            plugins.Add(root);
        }

        return Text(w =>
        {
            w.WriteString("cniVersion", network.Conf.CniVersion.ToString());
            w.WriteString("name", network.Conf.Name);
            w.WriteStartArray(Plugins);
            foreach (JsonElement plugin in plugins)
            {
                WriteWithRoutes(w, plugin, network.Conf.Ipam);
            }

            w.WriteEndArray();
        });
    }

    /// <summary>A container that runs has its default route by another network: to this one's hosts leads a route of its own.</summary>
    private static void WriteWithRoutes(Utf8JsonWriter w, JsonElement plugin, IpamConf conf)
    {
        List<string> missing =
        [
            .. conf
                .Families.Where(family => family.Network is { } range && !conf.Routes.Any(route => route.Dst.Equals(range)))
                .Select(family => family.Network!.Value.ToString()),
        ];
        ConfigReader ipam = new ConfigReader(plugin)["ipam"];
        if (missing.Count == 0 || ipam["type"].OptionalString() != TwillConf.IpamPlugin)
        {
            plugin.WriteTo(w);
            return;
        }

        w.WriteStartObject();
        WriteMembers(w, plugin, "ipam");
        w.WriteStartObject("ipam");
        WriteMembers(w, ipam.Value, "routes");
        w.WriteStartArray("routes");
        foreach (ConfigReader route in ipam["routes"].Items())
        {
            route.Value.WriteTo(w);
        }

        foreach (string range in missing)
        {
            w.WriteStartObject();
            w.WriteString("dst", range);
            w.WriteEndObject();
        }

        w.WriteEndArray();
        w.WriteEndObject();
        w.WriteEndObject();
    }

    /// <summary>ADD of all; what the last one answers.</summary>
    /// <exception cref="CniException">one of them refused; those before it have done their part</exception>
    internal static async Task<string> AddAsync(AttachedContainer container)
    {
        string? result = null;
        foreach (JsonElement plugin in PluginsOf(container))
        {
            JsonElement? answer = await RunAsync(container, plugin, CniVerb.Add, container.Netns, result).ConfigureAwait(false);
            result = answer!.Value.GetRawText();
        }

        return result ?? throw new CniException(CniErrorCode.InvalidNetworkConfig, "the network has no plugin", "$.plugins: got []");
    }

    /// <summary>CHECK of all; before 0.4.0 there is none.</summary>
    /// <exception cref="CniException">one of them found a difference</exception>
    internal static async Task CheckAsync(AttachedContainer container)
    {
        if (VersionOf(container) >= CniVerb.Check.Since())
        {
            foreach (JsonElement plugin in PluginsOf(container))
            {
                await RunAsync(container, plugin, CniVerb.Check, container.Netns, container.Result).ConfigureAwait(false);
            }
        }
    }

    /// <summary>DEL of all, also when one of them fails.</summary>
    /// <exception cref="CniException">what failed</exception>
    internal static async Task DelAsync(AttachedContainer container)
    {
        string netns = IsSame(container) ? container.Netns : "";
        List<string> failures = [];
        foreach (JsonElement plugin in PluginsOf(container).AsEnumerable().Reverse())
        {
            try
            {
                await RunAsync(container, plugin, CniVerb.Del, netns, container.Result).ConfigureAwait(false);
            }
            catch (CniException e)
            {
                failures.Add($"{TypeOf(plugin)}: {e.Text}");
            }
        }

        if (failures.Count > 0)
        {
            throw new CniException(CniErrorCode.Delegate, "DEL failed", string.Join("; ", failures));
        }
    }

    /// <summary>Whether the path leads to the container's namespace still.</summary>
    internal static bool IsSame(AttachedContainer container) =>
        NetnsIdentity.WithCookie(container.Netns) is { } now && now.IsSameAs(container.Identity);

    /// <summary>The chain's result, in whatever version.</summary>
    internal static CniResult ReadResult(AttachedContainer container, string result)
    {
        using JsonDocument document = JsonDocument.Parse(result);
        ConfigReader at = new(document.RootElement, "$", CniErrorCode.Delegate, "bad result");
        return CniResultReader.Read(at, VersionOf(container));
    }

    /// <summary>What a plugin gets for a call: its part of the file, with what a runtime adds.</summary>
    internal static byte[] ForCall(AttachedContainer container, JsonElement plugin, string? result) =>
        CniJson.Write(w =>
        {
            w.WriteStartObject();
            w.WriteString("cniVersion", VersionOf(container).ToString());
            w.WriteString("name", container.Network);
            WriteMembers(w, plugin, "cniVersion", "name", "prevResult", "args");
            WriteArguments(w, container, plugin);
            if (result is not null)
            {
                w.WritePropertyName("prevResult");
                w.WriteRawValue(result);
            }

            w.WriteEndObject();
        });

    /// <summary>The convention <c>args.cni</c>: names and addresses that are asked for; what is in the file already stays.</summary>
    private static void WriteArguments(Utf8JsonWriter w, AttachedContainer container, JsonElement plugin)
    {
        w.WriteStartObject("args");
        JsonElement cni = default;
        if (plugin.TryGetProperty("args", out JsonElement args) && args.ValueKind == JsonValueKind.Object)
        {
            WriteMembers(w, args, "cni");
            args.TryGetProperty("cni", out cni);
        }

        w.WriteStartObject("cni");
        if (cni.ValueKind == JsonValueKind.Object)
        {
            WriteMembers(w, cni, "names", "ips");
        }

        WriteList(w, "names", container.Names);
        WriteList(w, "ips", container.Addresses);
        w.WriteEndObject();
        w.WriteEndObject();
    }

    private static Task<JsonElement?> RunAsync(AttachedContainer of, JsonElement plugin, CniVerb verb, string netns, string? result) =>
        PluginProcess.RunAsync(TypeOf(plugin), of.PluginDirs, verb, of.Attachment, netns, ForCall(of, plugin, result));

    private static List<JsonElement> PluginsOf(AttachedContainer container)
    {
        using JsonDocument document = JsonDocument.Parse(container.Config);
        return [.. new ConfigReader(document.RootElement.Clone())[Plugins].Items().Select(plugin => plugin.Value)];
    }

    private static string TypeOf(JsonElement plugin)
    {
        ConfigReader at = new ConfigReader(plugin)["type"];
        string type = at.RequiredString("the name of a plugin");
        return CniNames.PluginTypeFault(type) is { } fault ? at.Complain(fault, "") : type;
    }

    private static CniVersion VersionOf(AttachedContainer container)
    {
        using JsonDocument document = JsonDocument.Parse(container.Config);
        return CniRequest.ReadVersion(new ConfigReader(document.RootElement)["cniVersion"]);
    }

    private static JsonElement Parse(string file) =>
        CniJson.TryParse(SmallFile.ReadAll(file), out JsonElement root, out string fault)
            ? root
            : throw new IOException($"{file}: {fault}");

    private static string Text(Action<Utf8JsonWriter> members) =>
        global::System.Text.Encoding.UTF8.GetString(
            CniJson.Write(w =>
            {
                w.WriteStartObject();
                members(w);
                w.WriteEndObject();
            })
        ).Trim();

    private static void WriteMembers(Utf8JsonWriter w, JsonElement from, params ReadOnlySpan<string> without)
    {
        foreach (JsonProperty member in from.EnumerateObject())
        {
            if (without.IndexOf(member.Name) < 0)
            {
                member.WriteTo(w);
            }
        }
    }

    private static void WriteList(Utf8JsonWriter w, string key, IReadOnlyList<string> values)
    {
        if (values.Count > 0)
        {
            w.WriteStartArray(key);
            foreach (string value in values)
            {
                w.WriteStringValue(value);
            }

            w.WriteEndArray();
        }
    }
}
