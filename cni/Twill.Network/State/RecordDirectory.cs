using System.Text;
using Microsoft.Win32.SafeHandles;
using Twill.System;

namespace Twill.Network.State;

/// <summary>
/// A directory with a file for each container, named like its host end. A file is lines of text, of which the last is <c>end</c>: one that
/// is cut short is none. They live as long as the kernel's state, until reboot.
/// </summary>
/// <param name="path">Where it is; made when the first file is written.</param>
public sealed class RecordDirectory(string path)
{
    private const string End = "end";

    /// <summary>Writes a file; one that is there is replaced.</summary>
    /// <param name="hostName">The name of the container's host end.</param>
    /// <param name="lines">The lines, each ended by a line feed, without the last.</param>
    /// <exception cref="LibcException">It cannot be written.</exception>
    public void Write(string hostName, StringBuilder lines)
    {
        lines.Append(End).Append('\n');
        string file = PathOf(hostName);
        using SafeFileHandle handle = Open(file);
        Libc.Truncate(handle, file);
        Libc.WriteAll(handle, Encoding.UTF8.GetBytes(lines.ToString()), file);
    }

    /// <summary>The lines of a file without the last; null when there is none, or it is cut short.</summary>
    public string[]? Read(string hostName)
    {
        if (AtomicFile.TryReadAll(PathOf(hostName)) is not { } bytes)
        {
            return null;
        }

        string[] lines = Encoding.UTF8.GetString(bytes).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        return lines is [.. var content, End] ? content : null;
    }

    /// <summary>Removes a file; none is no error.</summary>
    /// <exception cref="LibcException">It cannot be removed.</exception>
    public void Remove(string hostName) => Libc.TryUnlink(PathOf(hostName));

    /// <summary>Whether there is a file, whatever is in it.</summary>
    public bool Has(string hostName) => File.Exists(PathOf(hostName));

    /// <summary>The host ends' names of all files, be they cut short.</summary>
    public List<string> Owners()
    {
        List<string> owners = [];
        if (Directory.Exists(path))
        {
            foreach (string file in Directory.EnumerateFiles(path))
            {
                owners.Add(Path.GetFileName(file));
            }
        }

        return owners;
    }

    /// <summary>What follows a label at the beginning of a line; null when it is another line.</summary>
    public static string? After(string line, string label) =>
        line.Length > label.Length && line.StartsWith(label, StringComparison.Ordinal) ? line[label.Length..] : null;

    private string PathOf(string hostName) => Path.Combine(path, hostName);

    private SafeFileHandle Open(string file)
    {
        if (Libc.TryOpenPrivate(file) is { } handle)
        {
            return handle;
        }

        Libc.MakeDirectory(path);
        return Libc.OpenPrivate(file);
    }
}
