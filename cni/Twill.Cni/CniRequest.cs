using System.Text.Json;
using Twill.System;

namespace Twill.Cni;

/// <summary>One call of a plugin, checked: what the environment and standard input said.</summary>
public sealed class CniRequest
{
    /// <summary>The most a runtime may send: room for thousands of attachments in a GC.</summary>
    public const int MaxInput = SmallFile.MaxBytes;

    private CniRequest(CniVerb verb, IReadOnlyDictionary<string, string> environment, byte[] config, ConfigReader reader)
    {
        Verb = verb;
        Environment = environment;
        ConfigBytes = config;
        Reader = reader;
        ContainerId = environment.GetValueOrDefault(CniEnvironment.ContainerId, "");
        IfName = environment.GetValueOrDefault(CniEnvironment.IfName, "");
        NetnsPath = environment.GetValueOrDefault(CniEnvironment.Netns) is { Length: > 0 } netns ? netns : null;
        PluginPath = environment.GetValueOrDefault(CniEnvironment.Path, "").Split(':', StringSplitOptions.RemoveEmptyEntries);
        CniArgs.TryParse(environment.GetValueOrDefault(CniEnvironment.Args, ""), out CniArgs args, out _);
        Args = args;
    }

    /// <summary>What is asked.</summary>
    public CniVerb Verb { get; }

    /// <summary>CNI_CONTAINERID, valid for ADD, DEL and CHECK; else whatever was set, perhaps nothing.</summary>
    public string ContainerId { get; }

    /// <summary>CNI_NETNS, an absolute path for ADD and CHECK. DEL may come without (null) or with a path to nothing.</summary>
    public string? NetnsPath { get; }

    /// <summary>CNI_IFNAME, valid for ADD, DEL and CHECK.</summary>
    public string IfName { get; }

    /// <summary>The attachment that ADD, DEL and CHECK are about.</summary>
    public CniAttachment Attachment => new(ContainerId, IfName);

    /// <summary>CNI_ARGS. On DEL what is not KEY=VALUE ends the list; on the others it was refused.</summary>
    public CniArgs Args { get; }

    /// <summary>The directories of CNI_PATH.</summary>
    public IReadOnlyList<string> PluginPath { get; }

    /// <summary>Every variable of the process, for delegated plugins.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; }

    /// <summary>The version that the configuration names; the result is written in its shape.</summary>
    public CniVersion Version { get; private set; }

    /// <summary>The network's name, valid.</summary>
    public string NetworkName { get; private set; } = "";

    /// <summary>The configuration.</summary>
    public JsonElement Config => Reader.Value;

    /// <summary>The configuration byte for byte as it came: what a delegated plugin is given.</summary>
    public ReadOnlyMemory<byte> ConfigBytes { get; }

    /// <summary>The configuration with its paths; complaints are thrown with code 7.</summary>
    public ConfigReader Reader { get; }

    /// <summary>What the previous plugin of the chain made, or (CHECK, DEL) what ADD made; null when absent.</summary>
    public CniResult? PrevResult { get; private set; }

    /// <summary>On DEL: what was wrong with a prevResult that could not be read; it never stops a DEL.</summary>
    public IReadOnlyList<string> PrevResultComplaints { get; private set; } = [];

    /// <summary>On GC: the attachments that still live. Everything else may be freed.</summary>
    public IReadOnlyList<CniAttachment> ValidAttachments { get; private set; } = [];

    /// <summary>Capability arguments of the runtime, keys matched without regard to case; null when there are none.</summary>
    public ConfigReader? RuntimeConfig => Reader["runtimeConfig"].IgnoringCase().Object();

    /// <summary>Tells where the time goes, when somebody wants to know; else null.</summary>
    public Phases? Phases { get; private set; }

    /// <summary>Reads and checks a call.</summary>
    /// <param name="verb">the verb of CNI_COMMAND</param>
    /// <param name="process">its environment and standard input</param>
    /// <param name="version">the version to answer in, also when this throws</param>
    /// <exception cref="CniException">codes 1, 4, 5, 6, 7 as the specification says</exception>
    public static CniRequest Read(CniVerb verb, ICniProcess process, out CniVersion version)
    {
        version = CniVersion.Latest;
        Phases? phases = Phases.Of(process, verb);
        CniEnvironment.Validate(verb, process.Environment);
        byte[] config = ReadInput(process);
        if (!CniJson.TryParse(config, out JsonElement root, out string fault))
        {
            throw new CniException(CniErrorCode.DecodeFailure, "cannot decode the network configuration on standard input", fault);
        }

        var reader = new ConfigReader(root);
        var request = new CniRequest(verb, process.Environment, config, reader) { Phases = phases };
        request.Version = version = ReadVersion(reader["cniVersion"]);
        if (version < verb.Since())
        {
            throw new CniException(
                CniErrorCode.IncompatibleVersion,
                $"the configuration's CNI version does not allow {verb.Name()}",
                $"$.cniVersion: {verb.Name()} exists since {verb.Since()}, got '{version}'"
            );
        }

        reader.RefuseDuplicates();
        request.NetworkName = ReadNetworkName(reader["name"]);
        request.ReadPrevResult(reader["prevResult"]);
        if (verb == CniVerb.Gc)
        {
            request.ValidAttachments = ReadAttachments(reader["cni.dev/valid-attachments"], reader["cni.dev/attachments"]);
        }

        phases?.Done("environment and standard input");
        return request;
    }

    private static byte[] ReadInput(ICniProcess process)
    {
        try
        {
            return process.ReadStdin(MaxInput);
        }
        catch (IOException e)
        {
            throw new CniException(CniErrorCode.IoFailure, "cannot read the network configuration from standard input", e.Message, e);
        }
    }

    /// <summary>
    /// Missing means 0.1.0, and so does empty: libcni hands on "" when a list names no version. What does not even look like a version
    /// cannot be decoded (6); what we do not speak is incompatible (1).
    /// </summary>
    internal static CniVersion ReadVersion(ConfigReader at)
    {
        if (!at.Exists || at.Value.ValueKind == JsonValueKind.String && at.Value.ValueEquals(""))
        {
            return CniVersion.V0_1_0;
        }

        if (at.Value.ValueKind != JsonValueKind.String || !LooksLikeVersion(at.Value.GetString()!))
        {
            throw new CniException(
                CniErrorCode.DecodeFailure,
                "cannot decode the CNI version",
                $"{at.Path}: expected a version like {CniVersion.Latest}, got {ConfigReader.Describe(at.Value)}"
            );
        }

        if (!CniVersion.TryParse(at.Value.GetString()!, out CniVersion version) || !version.IsSupported)
        {
            throw new CniException(
                CniErrorCode.IncompatibleVersion,
                "incompatible CNI versions",
                $"{at.Path}: the configuration is version {ConfigReader.Describe(at.Value)}, this plugin supports "
                    + $"{CniVersion.SupportedText}"
            );
        }

        return version;
    }

    private static bool LooksLikeVersion(string text)
    {
        foreach (char c in text)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('.' or '-' or '+'))
            {
                return false;
            }
        }
        return text.Length is > 0 and <= 64 && char.IsAsciiDigit(text[0]);
    }

    private static string ReadNetworkName(ConfigReader at)
    {
        string name = at.RequiredString("the network's name");
        return CniNames.NetworkNameFault(name) is string fault ? at.Complain($"a network name ({fault})", "") : name;
    }

    private void ReadPrevResult(ConfigReader at)
    {
        if (!at.Exists || Verb is CniVerb.Gc or CniVerb.Status)
        {
            return;
        }

        if (Verb != CniVerb.Del)
        {
            PrevResult = CniResult.Parse(at, Version);
            return;
        }
        var complaints = new List<string>();
        PrevResult = CniResult.Parse(at.Lenient(complaints), Version);
        PrevResultComplaints = complaints;
    }

    /// <summary>
    /// An absent list is an error: some runtimes send none, and that must not read as "nothing lives any more". libcni sends the list under
    /// two names, and writes one that is empty as null.
    /// </summary>
    private static List<CniAttachment> ReadAttachments(ConfigReader at, ConfigReader otherName)
    {
        if (at.Value.ValueKind == JsonValueKind.Undefined && otherName.Value.ValueKind != JsonValueKind.Undefined)
        {
            at = otherName;
        }

        if (at.Value.ValueKind == JsonValueKind.Undefined)
        {
            at.Complain("the list of valid attachments (an empty list frees everything)", false);
        }

        var attachments = new List<CniAttachment>();
        foreach (ConfigReader item in at.Items())
        {
            if (item.Object() is null)
            {
                continue;
            }

            string id = item["containerID"].RequiredString("a container id"),
                ifName = item["ifname"].RequiredString("an interface name");
            if (CniNames.ContainerIdFault(id) is string badId)
            {
                item["containerID"].Complain($"a container id ({badId})", false);
            }

            if (CniNames.InterfaceNameFault(ifName) is string badName)
            {
                item["ifname"].Complain($"an interface name ({badName})", false);
            }

            attachments.Add(new CniAttachment(id, ifName));
        }
        return attachments;
    }
}
