using System.Text;
using Microsoft.Win32.SafeHandles;
using Twill.System;
using static Tmds.Linux.LibC;

namespace Twill.Linux;

/// <summary>
/// Kernel parameters under /proc/sys. Those under <c>net/</c> are of the calling thread's network namespace: inside another, use
/// them in <see cref="NetNs.Run{T}"/>.
/// </summary>
public static class Sysctl
{
    private const string Root = "/proc/sys/";

    /// <summary>Where parameters are written: <c>/proc/sys</c>, or where else the host's <c>/proc/sys</c> can be written. A container has
    /// its own read-only. Not to be set while anything is written.</summary>
    public static string WriteDirectory { get; set; } = "/proc/sys";

    /// <summary>Reads a parameter.</summary>
    /// <param name="name">Its path below /proc/sys, e.g. <c>net/ipv4/ip_forward</c>.</param>
    /// <returns>The value without the line's end.</returns>
    /// <exception cref="LibcException">ENOENT: this kernel, or this interface, has no such parameter.</exception>
    public static string Read(string name)
    {
        string path = PathOf(name);
        using SafeFileHandle fd = Libc.Open(path, O_RDONLY);
        Span<byte> buffer = stackalloc byte[4096];
        int length = 0;
        for (int read; length < buffer.Length && (read = Libc.Read(fd, buffer[length..], path)) > 0;)
        {
            length += read;
        }

        return Encoding.UTF8.GetString(buffer[..length]).TrimEnd('\n');
    }

    /// <summary>Reads a parameter; null when this kernel, or this interface, has none of that name.</summary>
    /// <param name="name">Its path below /proc/sys.</param>
    public static string? TryRead(string name)
    {
        try
        {
            return Read(name);
        }
        catch (LibcException e) when (e.Errno == Errno.ENOENT)
        {
            return null;
        }
    }

    /// <summary>Writes a parameter.</summary>
    /// <param name="name">Its path below /proc/sys, e.g. <c>net/ipv4/ip_forward</c>.</param>
    /// <param name="value">The value, without a line's end.</param>
    /// <exception cref="LibcException">ENOENT: there is no such parameter; EACCES or EROFS: it cannot be written; EINVAL: it does not take
    /// the value.</exception>
    public static void Write(string name, string value)
    {
        string path = PathOf(name, $"{WriteDirectory}/");
        using SafeFileHandle fd = Libc.Open(path, O_WRONLY);
        Libc.WriteAtOnce(fd, Encoding.UTF8.GetBytes(value), path, value);
    }

    /// <summary>Writes a parameter, if this kernel and this interface have it and it can be written.</summary>
    /// <param name="name">Its path below /proc/sys.</param>
    /// <param name="value">The value, without a line's end.</param>
    /// <returns>False when there is none of that name, or /proc/sys is mounted read-only.</returns>
    /// <exception cref="LibcException">As of <see cref="Write"/>, but for ENOENT and EROFS.</exception>
    public static bool TryWrite(string name, string value)
    {
        try
        {
            Write(name, value);
            return true;
        }
        catch (LibcException e) when (e.Errno is Errno.ENOENT or Errno.EROFS)
        {
            return false;
        }
    }

    /// <summary>Writes a parameter unless it has the value already.</summary>
    /// <returns>True when it was written.</returns>
    public static bool Ensure(string name, string value)
    {
        if (Read(name) == value)
        {
            return false;
        }

        Write(name, value);
        return true;
    }

    // An interface's name may hold dots but no slash: with slashes between the parts no name is ambiguous.
    private static string PathOf(string name, string root = Root)
    {
        foreach (string part in name.Split('/'))
        {
            if (part is "" or "." or "..")
            {
                throw new ArgumentException($"A kernel parameter is named like net/ipv4/ip_forward, not '{name}'.", nameof(name));
            }
        }
        return root + name;
    }
}
