using System.Text;
using System.Text.Json;
using Twill.Cni;
using Twill.System;

namespace Twill.Network.Configuration;

/// <summary>A network found in a file.</summary>
/// <param name="File">the file</param>
/// <param name="Conf">what it says</param>
public sealed record FoundNetwork(string File, TwillConf Conf)
{
    /// <summary>All that was read for it, byte by byte: the same as long as nothing of it changed, however the files came there.</summary>
    public string Content { get; init; } = "";

    /// <summary>The plugin's part of the file; of a single configuration all of it.</summary>
    public JsonElement Plugin { get; init; }
}

/// <summary>
/// The networks of ours among the files of a CNI configuration directory: lists and single configurations (<c>type</c>), with a plugin
/// of type <c>twill</c> or a plugin whose <c>ipam.type</c> is <c>twill-ipam</c>. A file that is broken hides no other file.
/// </summary>
public sealed class NetworkConfigList
{
    private readonly List<FoundNetwork> _networks = [];
    private readonly List<string> _problems = [];
    private readonly StringBuilder _content = new();
    private int _contentOfFile; // where in it the file begins that is being read

    private readonly BackendTypes _backends;

    private NetworkConfigList(BackendTypes backends) => _backends = backends;

    /// <summary>The networks, in the order of their files' names; each name once.</summary>
    public IReadOnlyList<FoundNetwork> Networks => _networks;

    /// <summary>What could not be read or is wrong, as <c>file: complaint</c>.</summary>
    public IReadOnlyList<string> Problems => _problems;

    /// <summary>All that was read, byte by byte, and what could not be read.</summary>
    public string Content => _content.ToString();

    /// <summary>Reads a directory's <c>*.conflist</c>, <c>*.conf</c>, <c>*.json</c>, or one file. Never throws for what it finds
    /// there.</summary>
    public static NetworkConfigList Load(string path, BackendTypes backends)
    {
        var list = new NetworkConfigList(backends);
        foreach (string file in list.Files(path, ".conflist", ".conf", ".json"))
        {
            list._contentOfFile = list._content.Length;
            list.LoadFile(file);
        }

        return list;
    }

    /// <summary>The same of a file's content, wherever that is yet.</summary>
    /// <param name="file">what the file is, or will be, called</param>
    /// <param name="content">what stands in it</param>
    /// <param name="backends">the backends there are</param>
    public static NetworkConfigList Parse(string file, ReadOnlyMemory<byte> content, BackendTypes backends)
    {
        var list = new NetworkConfigList(backends);
        list.LoadJson(file, list.ParseJson(file, content));
        return list;
    }

    private string[] Files(string path, params string[] extensions)
    {
        try
        {
            if (!Directory.Exists(path))
            {
                return [path];
            }

            string[] files = Array.FindAll(Directory.GetFiles(path), file => Array.IndexOf(extensions, Path.GetExtension(file)) >= 0);
            Array.Sort(files, StringComparer.Ordinal);
            return files;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Problem($"{path}: cannot list it: {e.Message}");
            return [];
        }
    }

    private void LoadFile(string file) => LoadJson(file, ReadJson(file));

    private void LoadJson(string file, ConfigReader? json)
    {
        if (json is not { } root)
        {
            return;
        }

        try
        {
            if (root["plugins"].Exists || !root["type"].Exists)
            {
                LoadList(file, root);
            }
            else if (IsOurs(root))
            {
                Add(
                    file,
                    TwillConf.Parse(root, root["name"].OptionalString() ?? "", CniRequest.ReadVersion(root["cniVersion"]), _backends),
                    root
                );
            }
        }
        catch (CniException e)
        {
            _problems.Add($"{file}: {e.Text}");
        }
    }

    private void LoadList(string file, ConfigReader root)
    {
        var plugins = new List<ConfigReader>();
        var others = new List<ConfigReader>();
        bool isEmpty = root["plugins"].Exists;
        foreach (ConfigReader plugin in root["plugins"].Items())
        {
            isEmpty = false;
            if (IsOurs(plugin))
            {
                plugins.Add(plugin);
            }
            else
            {
                others.Add(plugin);
            }
        }

        if (isEmpty)
        {
            _problems.Add(
                $"{file}: $.plugins: expected at least one plugin, got []: no runtime takes this file; leave the key out where all plugins "
                    + "lie in the directory with the network's name"
            );
        }

        string name = root["name"].OptionalString() ?? "";
        if (!root["loadOnlyInlinedPlugins"].Bool(false) && CniNames.NetworkNameFault(name) is null)
        {
            AddSeparatePlugins(file, name, plugins);
        }

        if (plugins.Count == 0)
        {
            return;
        }

        if (plugins.Count > 1)
        {
            throw new CniException(
                CniErrorCode.InvalidNetworkConfig,
                "invalid network configuration",
                $"$.plugins: expected one plugin of twill's in a network, got {plugins.Count}"
            );
        }

        Add(file, TwillConf.Parse(plugins[0], name, HighestVersion(root), _backends), plugins[0]);
        TellSharedCapabilities(file, plugins[0], others);
    }

    /// <summary>A runtime gives a capability's arguments to every plugin that names it, and the second one fails: the reference
    /// <c>bandwidth</c> with "file exists", <c>portmap</c> by publishing the port again.</summary>
    private void TellSharedCapabilities(string file, ConfigReader ours, List<ConfigReader> others)
    {
        foreach (ConfigReader other in others)
        {
            foreach (string capability in (ReadOnlySpan<string>)["bandwidth", "portMappings"])
            {
                if (Has(ours, capability) && Has(other, capability))
                {
                    string type = other["type"].OptionalString() ?? "";
                    _problems.Add(
                        $"{file}: $.plugins: '{TwillConf.MainPlugin}' and '{type}' both have the capability '{capability}', which only one "
                            + $"can carry out (\"file exists\"): remove plugin '{type}', or \"{capability}\" from twill's capabilities"
                    );
                }
            }
        }
    }

    private static bool Has(ConfigReader plugin, string capability) =>
        plugin["capabilities"][capability].Value.ValueKind == JsonValueKind.True;

    /// <summary>CNI 1.1.0: plugins may lie in files of their own, in a directory beside the list that has the network's name.</summary>
    private void AddSeparatePlugins(string file, string name, List<ConfigReader> plugins)
    {
        string directory = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(file))!, name);
        if (!Directory.Exists(directory))
        {
            return;
        }

        foreach (string separate in Files(directory, ".conf"))
        {
            if (ReadJson(separate) is ConfigReader plugin && IsOurs(plugin))
            {
                plugins.Add(plugin);
            }
        }
    }

    /// <summary>The version a runtime would choose: the highest that both the list and we speak (SPEC section 1).</summary>
    private static CniVersion HighestVersion(ConfigReader root)
    {
        CniVersion? highest = null;
        foreach (string text in root["cniVersions"].StringList())
        {
            if (
                CniVersion.TryParse(text, out CniVersion version)
                && version.IsSupported
                && (highest is not CniVersion best || version > best)
            )
            {
                highest = version;
            }
        }
        if (highest is not CniVersion listed)
        {
            return CniRequest.ReadVersion(root["cniVersion"]);
        }

        return
            root["cniVersion"].OptionalString() is string one
            && CniVersion.TryParse(one, out CniVersion single)
            && single.IsSupported
            && single > listed
            ? single
            : listed;
    }

    private static bool IsOurs(ConfigReader plugin) =>
        IsText(plugin["type"].Value, TwillConf.MainPlugin) || IsText(plugin["ipam"]["type"].Value, TwillConf.IpamPlugin);

    private static bool IsText(JsonElement value, string text) => value.ValueKind == JsonValueKind.String && value.ValueEquals(text);

    private ConfigReader? ReadJson(string file)
    {
        try
        {
            return ParseJson(file, SmallFile.ReadAll(file));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Problem($"{file}: cannot read it: {e.Message}");
        }
        return null;
    }

    private ConfigReader? ParseJson(string file, ReadOnlyMemory<byte> text)
    {
        _content.Append(file).Append('\0').Append(Encoding.Latin1.GetString(text.Span)).Append('\0');
        if (CniJson.TryParse(text, out JsonElement root, out string fault))
        {
            return new ConfigReader(root);
        }

        _problems.Add($"{file}: {fault}");
        return null;
    }

    private void Add(string file, TwillConf conf, ConfigReader plugin)
    {
        if (_networks.Find(known => known.Conf.Name == conf.Name) is FoundNetwork first)
        {
            _problems.Add($"{file}: $.name: the network '{conf.Name}' is configured by {first.File} already; this file is not used");
        }
        else
        {
            string content = _content.ToString(_contentOfFile, _content.Length - _contentOfFile);
            _networks.Add(new FoundNetwork(file, conf) { Content = content, Plugin = plugin.Value });
        }
    }

    private void Problem(string problem)
    {
        _problems.Add(problem);
        _content.Append(problem).Append('\0');
    }
}
