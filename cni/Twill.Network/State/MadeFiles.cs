using Twill.Cni;
using Twill.System;

namespace Twill.Network.State;

/// <summary>
/// The journal of what <c>twill up</c> made on this host. It is written before each thing that it names, so that an interrupted run is
/// continued by the next one, or undone by <c>twill cleanup</c>.
/// </summary>
/// <param name="path">where it is</param>
public sealed class MadeFiles(string path = MadeFiles.DefaultPath)
{
    // Among the directories of networks: no network's name begins with a dot. A purge of the package removes it with them.
    private const string DefaultPath = "/var/lib/cni/twill/.up.json";

    private static readonly string[] s_kinds = ["file", "link", "directory"];

    /// <summary>What is in it, in the order in which it was made; nothing when there is none, or it cannot be trusted, and then
    /// <paramref name="problem"/> says why.</summary>
    public IReadOnlyList<MadeFile> Read(out string? problem) =>
        StateFile.TryRead<IReadOnlyList<MadeFile>>(path, at => at["made"].Items().ConvertAll(ReadOne), out problem) ?? [];

    /// <summary>Makes something, with the directories that it needs. It is in the journal first.</summary>
    /// <exception cref="IOException">it cannot be made, or the journal cannot be read or written</exception>
    public void Make(MadeFile file)
    {
        List<MadeFile> journal = [.. Trusted()],
            directories = MissingAbove(file.Path).ConvertAll(static directory => new MadeFile(MadeKind.Directory, directory, ""));
        string? former = journal.Find(made => made.Path == file.Path)?.Content;
        journal.RemoveAll(made => made.Path == file.Path || directories.Exists(directory => directory.Path == made.Path));
        journal.AddRange(directories);
        journal.Add(file with { Former = former == file.Content ? null : former });
        Write(journal);
        directories.ForEach(static directory => directory.Make());
        file.Make();
    }

    /// <summary>Forgets something that was removed.</summary>
    /// <exception cref="IOException">the journal cannot be read or written</exception>
    public void Forget(MadeFile file) => Write(Trusted().FindAll(made => made.Path != file.Path));

    /// <summary>Whether a run was killed before there was a journal, so that nothing but a trace of that is left.</summary>
    public bool IsTrace =>
        Directory.Exists(Home) && !Directory.GetFileSystemEntries(Home).Exists(entry => entry != AtomicFile.TemporaryOf(path));

    /// <summary>Removes the journal, and its directory when that is empty.</summary>
    /// <exception cref="IOException">it cannot be removed</exception>
    public void Clear()
    {
        AtomicFile.Delete(path);
        if (Directory.Exists(Home) && Directory.GetFileSystemEntries(Home).Length == 0)
        {
            Directory.Delete(Home);
        }
    }

    /// <summary>Whether an earlier run made what is there now.</summary>
    /// <param name="file">where</param>
    public bool IsOurs(string file) => Read(out _).Exists(made => made.Path == file && made.IsAsMade);

    private string Home => Path.GetDirectoryName(path)!;

    private IReadOnlyList<MadeFile> Trusted()
    {
        IReadOnlyList<MadeFile> journal = Read(out string? problem);
        return problem is null
            ? journal
            : throw new IOException($"{problem}: without this journal nothing could be undone; look what it names, then remove it");
    }

    /// <summary>The directories that a file needs and that are not there, from the top.</summary>
    private static List<string> MissingAbove(string file)
    {
        List<string> missing = [];
        for (string? at = Path.GetDirectoryName(file); at is not null && !Directory.Exists(at); at = Path.GetDirectoryName(at))
        {
            missing.Insert(0, at);
        }

        return missing;
    }

    private void Write(List<MadeFile> journal)
    {
        if (journal.Count == 0)
        {
            Clear();
            return;
        }

        StateDir.MakePrivate(Home);
        StateFile.Write(
            path,
            w =>
            {
                w.WriteStartArray("made");
                foreach (MadeFile file in journal)
                {
                    w.WriteStartObject();
                    w.WriteString("kind", s_kinds[(int)file.Kind]);
                    w.WriteString("path", file.Path);
                    w.WriteString("content", file.Content);
                    if (file.Former is not null)
                    {
                        w.WriteString("former", file.Former);
                    }

                    w.WriteEndObject();
                }

                w.WriteEndArray();
            },
            durable: true
        );
    }

    private static MadeFile ReadOne(ConfigReader at)
    {
        int kind = Array.IndexOf(s_kinds, at["kind"].RequiredString("what was made"));
        string path = at["path"].RequiredString("its path");
        if (kind < 0 || !Path.IsPathRooted(path))
        {
            at.Complain("a file, link or directory with an absolute path", false);
        }

        return new MadeFile((MadeKind)kind, path, at["content"].OptionalString() ?? "") { Former = at["former"].OptionalString() };
    }
}
