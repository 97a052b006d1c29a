using Microsoft.Win32.SafeHandles;

namespace Twill.System;

/// <summary>
/// Files that are read whole, whatever stands in their place: a FIFO that nobody writes, a device without end or a file of gigabytes
/// neither stops the program nor fills the memory.
/// </summary>
public static class SmallFile
{
    /// <summary>The most that is read: as much as a runtime may send.</summary>
    public const int MaxBytes = 16 * 1024 * 1024;

    /// <summary>The content of a file that an administrator named; symbolic links are followed.</summary>
    /// <exception cref="IOException">it does not exist, cannot be read, or is larger than <see cref="MaxBytes"/></exception>
    public static byte[] ReadAll(string path) =>
        TryReadAll(path, follow: true) ?? throw new FileNotFoundException($"{path} does not exist", path);

    internal static byte[]? TryReadAll(string path, bool follow)
    {
        using SafeFileHandle? file = Libc.TryOpenToRead(path, follow);
        if (file is null)
        {
            return null;
        }

        byte[] buffer = new byte[1024];
        int length = 0,
            count;
        while ((count = Libc.Read(file, buffer.AsSpan(length), path)) > 0)
        {
            length += count;
            if (length > MaxBytes)
            {
                throw new IOException($"{path} is larger than {MaxBytes} bytes");
            }

            if (length == buffer.Length)
            {
                Array.Resize(ref buffer, buffer.Length * 2);
            }
        }
        return buffer[..length];
    }
}
