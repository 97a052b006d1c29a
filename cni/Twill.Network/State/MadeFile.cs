using System.Text;
using Twill.Cni;
using Twill.System;

namespace Twill.Network.State;

/// <summary>
/// A file of the host's configuration that <c>twilld up</c> made or changed. The journal of these files is written before the files
/// themselves, so that an interrupted <c>up</c> is continued by the next one, or undone by <c>twill cleanup</c>.
/// </summary>
/// <param name="Path">the file</param>
/// <param name="Before">what it held before; null: there was none</param>
/// <param name="After">what it holds since</param>
public sealed record MadeFile(string Path, string? Before, string After)
{
    /// <summary>Where the journal is. A purge of the package removes it with the directory.</summary>
    public const string Journal = "/var/lib/cni/twill/up.json";

    /// <summary>Whether the file still is as <c>up</c> left it: what somebody changed since is theirs.</summary>
    /// <exception cref="IOException">it cannot be read</exception>
    public bool IsUnchanged => global::System.IO.File.Exists(Path) && global::System.IO.File.ReadAllText(Path) == After;

    /// <summary>Whether the change was never made: <c>up</c> ended between its journal and the file.</summary>
    /// <exception cref="IOException">it cannot be read</exception>
    public bool IsAsBefore => (global::System.IO.File.Exists(Path) ? global::System.IO.File.ReadAllText(Path) : null) == Before;

    /// <summary>The files in the journal; none when there is none, or it cannot be trusted, and then <paramref name="problem"/> says
    /// why.</summary>
    public static List<MadeFile> Read(out string? problem) =>
        StateFile.TryRead(
            Journal,
            at =>
            {
                List<MadeFile> files = [];
                foreach (ConfigReader file in at["files"].Items())
                {
                    files.Add(
                        new MadeFile(
                            file["path"].RequiredString("a path"),
                            file["before"].Exists ? file["before"].RequiredString("a file's content") : null,
                            file["after"].RequiredString("a file's content")
                        )
                    );
                }

                return files;
            },
            out problem
        ) ?? [];

    /// <summary>Replaces the journal; without files there is none.</summary>
    /// <exception cref="IOException">it cannot be written</exception>
    public static void WriteJournal(IReadOnlyList<MadeFile> files)
    {
        if (files.Count == 0)
        {
            global::System.IO.File.Delete(Journal);
            return;
        }

        StateDir.MakePrivate(global::System.IO.Path.GetDirectoryName(Journal)!);
        StateFile.Write(Journal, w =>
            {
                w.WriteStartArray("files");
                foreach (MadeFile file in files)
                {
                    w.WriteStartObject();
                    w.WriteString("path", file.Path);
                    if (file.Before is not null)
                    {
                        w.WriteString("before", file.Before);
                    }

                    w.WriteString("after", file.After);
                    w.WriteEndObject();
                }

                w.WriteEndArray();
            });
    }

    /// <summary>Makes the change. A new file is readable by all, as configuration is; one that is there keeps its mode.</summary>
    /// <exception cref="IOException">it cannot be done; the file is as before</exception>
    public void Do() => Replace(After);

    /// <summary>Puts back what was there before.</summary>
    /// <exception cref="IOException">it cannot be done</exception>
    public void Undo()
    {
        if (Before is null)
        {
            global::System.IO.File.Delete(Path);
        }
        else
        {
            Replace(Before);
        }
    }

    private void Replace(string content)
    {
        const UnixFileMode Readable =
            UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;
        UnixFileMode mode = global::System.IO.File.Exists(Path) ? global::System.IO.File.GetUnixFileMode(Path) : Readable;
        AtomicFile.Write(Path, Encoding.UTF8.GetBytes(content), durable: true);
        global::System.IO.File.SetUnixFileMode(Path, mode);
    }
}
