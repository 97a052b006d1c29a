using System.Text;
using Twill.System;

namespace Twill.Network.State;

/// <summary>What kind of thing <c>twill up</c> made.</summary>
public enum MadeKind
{
    /// <summary>A file with a content.</summary>
    File,

    /// <summary>A symbolic link with a target.</summary>
    Link,

    /// <summary>A directory for one of these.</summary>
    Directory,
}

/// <summary>
/// A file, symbolic link or directory that <c>twill up</c> added to the host's configuration. It adds to what is there and changes nothing
/// of somebody else's, so that <c>twill cleanup</c> undoes it by removing what is still as it was made.
/// </summary>
/// <param name="Kind">what it is</param>
/// <param name="Path">where it is</param>
/// <param name="Content">what the file holds, or where the link leads; a directory has none</param>
public sealed record MadeFile(MadeKind Kind, string Path, string Content)
{
    /// <inheritdoc/>
    public override string ToString() => Path;

    private const UnixFileMode Readable =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    /// <summary>What an earlier run had made there, until this one has replaced it; null: nothing.</summary>
    public string? Former { get; init; }

    /// <summary>Whether something is there, of whatever kind.</summary>
    public bool Exists => global::System.IO.Path.Exists(Path) || LinkTarget is not null;

    /// <summary>Whether it is as it was made; what somebody changed since is theirs.</summary>
    /// <exception cref="IOException">it cannot be read</exception>
    public bool IsAsMade =>
        Kind switch
        {
            MadeKind.Link => LinkTarget == Content,
            MadeKind.Directory => Directory.Exists(Path) && LinkTarget is null,
            _ => AtomicFile.TryReadAll(Path) is { } found && (Holds(found, Content) || (Former is not null && Holds(found, Former))),
        };

    /// <summary>Makes it.</summary>
    /// <exception cref="IOException">it cannot be made; what was there is as before</exception>
    public void Make()
    {
        switch (Kind)
        {
            case MadeKind.Link:
                File.CreateSymbolicLink(Path, Content);
                break;
            case MadeKind.Directory:
                Directory.CreateDirectory(Path);
                break;
            default:
                AtomicFile.Write(Path, Encoding.UTF8.GetBytes(Content), durable: true, Readable);
                break;
        }
    }

    /// <summary>Removes it, and what a killed run left beside it. A directory that has something else in it stays.</summary>
    /// <exception cref="IOException">it cannot be removed</exception>
    public void Remove()
    {
        switch (Kind)
        {
            case MadeKind.Link:
                File.Delete(Path);
                break;
            case MadeKind.Directory:
                if (Directory.Exists(Path) && Directory.GetFileSystemEntries(Path).Length == 0)
                {
                    Directory.Delete(Path);
                }

                break;
            default:
                AtomicFile.Delete(Path);
                break;
        }
    }

    private string? LinkTarget => new FileInfo(Path).LinkTarget;

    private static bool Holds(byte[] found, string content) => found.AsSpan().SequenceEqual(Encoding.UTF8.GetBytes(content));
}
