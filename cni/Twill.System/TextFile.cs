using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Twill.System;

/// <summary>Files of UTF-8 text, most of them the kernel's. System.IO opens them as streams of any encoding: twice the system calls, and
/// 0.05 MB of a plugin.</summary>
public static class TextFile
{
    /// <summary>The whole content.</summary>
    /// <exception cref="IOException">it does not exist, cannot be read, or is larger than <see cref="SmallFile.MaxBytes"/></exception>
    public static string ReadAll(string path) => Encoding.UTF8.GetString(SmallFile.ReadAll(path));

    /// <summary>The lines, read as far as the caller goes.</summary>
    /// <exception cref="IOException">it does not exist or cannot be read</exception>
    public static IEnumerable<string> ReadLines(string path)
    {
        using SafeFileHandle file =
            Libc.TryOpenToRead(path, follow: true) ?? throw new FileNotFoundException($"{path} does not exist", path);
        byte[] buffer = new byte[4096];
        int start = 0,
            end = 0;
        while (true)
        {
            int length = buffer.AsSpan(start, end - start).IndexOf((byte)'\n');
            if (length >= 0)
            {
                yield return Encoding.UTF8.GetString(buffer, start, length);
                start += length + 1;
                continue;
            }

            buffer.AsSpan(start, end - start).CopyTo(buffer);
            (start, end) = (0, end - start);
            if (end == buffer.Length)
            {
                Array.Resize(ref buffer, buffer.Length * 2);
            }

            int count = Libc.Read(file, buffer.AsSpan(end), path);
            if (count <= 0)
            {
                break;
            }

            end += count;
        }

        if (end > 0)
        {
            yield return Encoding.UTF8.GetString(buffer, 0, end);
        }
    }
}
