using Twill.Cni;
using Twill.System;

namespace Twill.Network.State;

/// <summary>
/// <c>attached/eth1@ID.json</c>: a running container that <c>twill attach</c> has put into a network, and what a runtime would keep of
/// that: the configuration of the whole chain as it was then, and its result. It is written before the chain's ADD, once more with the
/// result after it, and removed after the chain's DEL. So one without a result is of an ADD at work, or of one that was killed. A GC, whose
/// list comes from a runtime, spares the attachment.
/// </summary>
public sealed record AttachedContainer
{
    private const string Extension = ".json";

    private const char Separator = '@'; // neither names of interfaces nor container ids have it here

    /// <summary>The network's name.</summary>
    public required string Network { get; init; }

    /// <summary>The attachment: the runtime's id of the container, and the interface in it.</summary>
    public required CniAttachment Attachment { get; init; }

    /// <summary>Who knows the container: <c>docker</c>, <c>podman</c>, <c>containerd</c>; <c>pid</c> or <c>path</c>: nobody was
    /// asked.</summary>
    public required string Runtime { get; init; }

    /// <summary>What the container is called there.</summary>
    public required string Name { get; init; }

    /// <summary>The path of its network namespace.</summary>
    public required string Netns { get; init; }

    /// <summary>What that path led to.</summary>
    public required NetnsIdentity Identity { get; init; }

    /// <summary>The boot it was written in.</summary>
    public required string BootId { get; init; }

    /// <summary>The chain: an object with the network's name, the version that is spoken and the plugins.</summary>
    public required string Config { get; init; }

    /// <summary>Where the plugins were, the first directory first.</summary>
    public required IReadOnlyList<string> PluginDirs { get; init; }

    /// <summary>The names that were asked for.</summary>
    public IReadOnlyList<string> Names { get; init; } = [];

    /// <summary>The addresses that were asked for.</summary>
    public IReadOnlyList<string> Addresses { get; init; } = [];

    /// <summary>The chain's result as its last plugin wrote it; null before there is one.</summary>
    public string? Result { get; init; }

    /// <summary>The host's end of the interface; empty where it has none, or there is no result yet.</summary>
    public string HostEnd { get; init; } = "";

    /// <summary>How a person knows the container: <c>docker web</c>.</summary>
    public string Label => $"{Runtime} {Name}";

    /// <summary>The attachments of a network that have a record, by the names of their files.</summary>
    /// <param name="state">the network's directory; may be missing</param>
    public static List<CniAttachment> Attachments(NetworkStateDir state)
    {
        List<CniAttachment> all = [];
        if (Directory.Exists(state.AttachedPath))
        {
            foreach (string file in Directory.GetFiles(state.AttachedPath, $"*{Extension}"))
            {
                string name = Path.GetFileNameWithoutExtension(file);
                int at = name.IndexOf(Separator);
                if (at > 0)
                {
                    all.Add(new CniAttachment(name[(at + 1)..], name[..at]));
                }
            }
        }

        return all;
    }

    /// <summary>All records of a network; one that cannot be read is told and passed over.</summary>
    /// <param name="state">the network's directory; may be missing</param>
    /// <param name="problems">what is wrong with those</param>
    public static List<AttachedContainer> List(NetworkStateDir state, List<string> problems)
    {
        List<AttachedContainer> all = [];
        foreach (CniAttachment attachment in Attachments(state))
        {
            if (TryRead(state, attachment, out string? problem) is { } found)
            {
                all.Add(found);
            }
            else if (problem is not null)
            {
                problems.Add(problem);
            }
        }

        return all;
    }

    private static AttachedContainer? TryRead(NetworkStateDir state, CniAttachment attachment, out string? problem) =>
        StateFile.TryRead(
            PathOf(state, attachment),
            at => new AttachedContainer
            {
                Network = at["network"].Network(state),
                Attachment = attachment,
                Runtime = at["runtime"].RequiredString("a runtime"),
                Name = at["name"].RequiredString("a container's name"),
                Netns = at["netns"].RequiredString("the path of a network namespace"),
                Identity = NetnsIdentity.TryParse(at["inode"].OptionalString() ?? "", out NetnsIdentity identity)
                    ? identity
                    : at["inode"].Complain("a network namespace", default(NetnsIdentity)),
                BootId = at["bootId"].RequiredString("a boot id"),
                Config = Json(at["config"], "a configuration"),
                PluginDirs = at["pluginDirs"].StringList(),
                Names = at["names"].StringList(),
                Addresses = at["addresses"].StringList(),
                Result = at["result"].Exists ? Json(at["result"], "a result") : null,
                HostEnd = at["hostEnd"].OptionalString() ?? "",
            },
            out problem
        );

    /// <summary>Replaces the record.</summary>
    /// <exception cref="IOException">it cannot be written</exception>
    public void Write(NetworkStateDir state)
    {
        StateDir.MakePrivate(state.AttachedPath);
        StateFile.Write(PathOf(state, Attachment), w =>
            {
                w.WriteString("network", Network);
                w.WriteString("runtime", Runtime);
                w.WriteString("name", Name);
                w.WriteString("netns", Netns);
                w.WriteString("inode", Identity.ToString());
                w.WriteString("bootId", BootId);
                w.WriteList("pluginDirs", PluginDirs);
                w.WriteList("names", Names);
                w.WriteList("addresses", Addresses);
                w.WriteString("hostEnd", HostEnd);
                w.WritePropertyName("config");
                w.WriteRawValue(Config); // as JSON: what is called a password is left out of archives
                if (Result is not null)
                {
                    w.WritePropertyName("result");
                    w.WriteRawValue(Result);
                }
            });
    }

    /// <summary>Removes the record; none is no error.</summary>
    /// <exception cref="IOException">it cannot be removed</exception>
    public void Delete(NetworkStateDir state) => AtomicFile.Delete(PathOf(state, Attachment));

    private static string Json(ConfigReader at, string expected) =>
        at.Object() is null ? at.Complain(expected, "{}") : at.Value.GetRawText();

    private static string PathOf(NetworkStateDir state, CniAttachment attachment) =>
        Path.Combine(state.AttachedPath, $"{attachment.IfName}{Separator}{attachment.ContainerId}{Extension}");
}
