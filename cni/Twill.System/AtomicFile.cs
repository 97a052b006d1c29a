using System.Buffers;
using Microsoft.Win32.SafeHandles;

namespace Twill.System;

/// <summary>
/// Files that are either as before or wholly new, whenever the writer is killed: content goes to a file beside it and is renamed over.
/// That file (<c>.name.tmp</c>) is one and the same for all writers, who take turns by its lock, so that a killed writer leaves nothing
/// that the next one does not use up. Mode 0600.
/// </summary>
public static class AtomicFile
{
    /// <summary>Replaces a file's content.</summary>
    /// <param name="path">the file; its directory exists</param>
    /// <param name="content">the whole new content</param>
    /// <param name="durable">whether it must survive a power cut (two fsyncs); not for what lives in /run</param>
    /// <param name="mode">the file's mode; null: 0600</param>
    /// <exception cref="IOException">the system refused; the file is as before</exception>
    public static void Write(string path, ReadOnlySpan<byte> content, bool durable = false, UnixFileMode? mode = null)
    {
        byte[] bytes = content.ToArray();
        Update(path, _ => bytes, durable, mode);
    }

    /// <summary>Removes a file, and what a killed writer left beside it.</summary>
    /// <param name="path">the file; it may be missing</param>
    /// <exception cref="IOException">the system refused</exception>
    public static void Delete(string path)
    {
        if (Directory.Exists(Path.GetDirectoryName(path)))
        {
            File.Delete(path);
            File.Delete(TemporaryOf(path));
        }
    }

    /// <summary>Replaces a file's content by what is written piece by piece, so that a large one is nowhere in memory as a whole.</summary>
    /// <param name="path">the file; its directory exists</param>
    /// <param name="write">writes the content</param>
    /// <exception cref="IOException">the system refused; the file is as before</exception>
    public static void Write(string path, Action<IBufferWriter<byte>> write)
    {
        string temporary = TemporaryOf(path);
        using SafeFileHandle file = OpenAlone(temporary);
        bool renamed = false;
        try
        {
            Libc.Truncate(file, temporary);
            FileBufferWriter buffer = new(file, temporary);
            write(buffer);
            buffer.Flush();
            Libc.Rename(temporary, path);
            renamed = true;
        }
        finally
        {
            if (!renamed)
            {
                File.Delete(temporary);
            }

            Libc.Unlock(file);
        }
    }

    /// <summary>Reads, decides and replaces as one step among all that use this method on the file.</summary>
    /// <param name="path">the file; its directory exists</param>
    /// <param name="change">from the content there is (null: no file) to the new content (null: leave it)</param>
    /// <param name="durable">whether it must survive a power cut</param>
    /// <param name="mode">the file's mode; null: 0600</param>
    public static void Update(string path, Func<byte[]?, byte[]?> change, bool durable = false, UnixFileMode? mode = null)
    {
        string temporary = TemporaryOf(path);
        using SafeFileHandle file = OpenAlone(temporary);
        bool renamed = false;
        try
        {
            if (change(TryReadAll(path)) is not byte[] content)
            {
                return;
            }

            Libc.Truncate(file, temporary);
            Libc.WriteAll(file, content, temporary);
            if (mode is { } asked && OperatingSystem.IsLinux())
            {
                File.SetUnixFileMode(file, asked);
            }

            if (durable)
            {
                Libc.Sync(file, temporary);
            }

            Libc.Rename(temporary, path);
            renamed = true;
        }
        finally
        {
            if (!renamed)
            {
                File.Delete(temporary);
            }

            Libc.Unlock(file);
        }
        if (durable)
        {
            Libc.SyncDirectory(Path.GetDirectoryName(path)!);
        }
    }

    /// <summary>
    /// The content, or null when there is no such file. What stands there and is no file of ours (a symbolic link, which is not
    /// followed, or a FIFO) reads as empty: the next write replaces it.
    /// </summary>
    /// <exception cref="IOException">it is there, but cannot be read, or is larger than <see cref="SmallFile.MaxBytes"/></exception>
    /// <remarks>Not by File.ReadAllBytes: that takes a lock, and fails while the writer who has just renamed the file still holds its
    /// own.</remarks>
    public static byte[]? TryReadAll(string path)
    {
        try
        {
            return SmallFile.TryReadAll(path, follow: false);
        }
        catch (LibcException e) when (e.Errno == Errno.ELOOP)
        {
            return [];
        }
    }

    /// <summary>Where a writer keeps what is not finished.</summary>
    internal static string TemporaryOf(string path)
    {
        string directory = Path.GetDirectoryName(path)
            ?? throw new ArgumentException($"expected the path of a file, got '{path}'", nameof(path));
        return Path.Combine(directory, $".{Path.GetFileName(path)}.tmp");
    }

    /// <summary>Opens and locks the temporary file. Who waited for the lock may hold a file that was renamed meanwhile: then
    /// again.</summary>
    private static SafeFileHandle OpenAlone(string temporary)
    {
        while (true)
        {
            SafeFileHandle file = Libc.OpenPrivate(temporary);
            try
            {
                Libc.Lock(file, wait: true, temporary);
                if (Libc.IsStillNamed(file, temporary))
                {
                    return file;
                }
            }
            catch
            {
                file.Dispose();
                throw;
            }
            file.Dispose();
        }
    }
}
