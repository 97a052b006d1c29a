using System.Globalization;
using Microsoft.Win32.SafeHandles;

namespace Twill.System;

/// <summary>
/// Which network namespace: device and inode of its file, as <c>stat -L</c> shows them, written <c>4:4026532621</c>. They hold as long as
/// the namespace lives; the kernel gives the inode of one that is gone to another, on a quiet host to the next one. The cookie tells these
/// two apart.
/// </summary>
/// <remarks>
/// A cookie is written into the upper half of the device's number, which is 0 otherwise: versions that know no cookie then find no path
/// that leads to this device, and go by the inode alone, as they always did.
/// </remarks>
/// <param name="Device">st_dev, below 2^32</param>
/// <param name="Inode">st_ino</param>
public readonly record struct NetnsIdentity(ulong Device, ulong Inode)
{
    private const int CookieBits = 32;

    /// <summary>The lower half of SO_NETNS_COOKIE; 0: not known, because it was not asked for, or the kernel (before 5.14) has
    /// none.</summary>
    public uint Cookie { get; init; }

    /// <summary>Whether both can be the same namespace: where one has no cookie, the inode decides.</summary>
    public bool IsSameAs(NetnsIdentity other) =>
        Inode == other.Inode && Device == other.Device && (Cookie == other.Cookie || Cookie == 0 || other.Cookie == 0);

    /// <inheritdoc/>
    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{Device | (ulong)Cookie << CookieBits}:{Inode}");

    /// <summary>Of an open file.</summary>
    /// <exception cref="LibcException">it is closed</exception>
    public static NetnsIdentity Of(SafeFileHandle file)
    {
        (ulong device, ulong inode) = Libc.Identity(file);
        return new(device, inode);
    }

    /// <summary>What the path leads to now, null when it leads nowhere.</summary>
    public static NetnsIdentity? OfPath(string path) => Libc.TryIdentity(path) is (ulong device, ulong inode) ? new(device, inode) : null;

    /// <summary>What the path leads to now, with its cookie if that can be had; null when it leads nowhere.</summary>
    public static NetnsIdentity? WithCookie(string path)
    {
        try
        {
            using SafeFileHandle? file = Libc.TryOpenToRead(path, follow: true);
            return file is null ? null : Of(file) with { Cookie = (uint)(Libc.TryNetnsCookie(file) ?? 0) };
        }
        catch (LibcException)
        {
            return OfPath(path); // not ours to open
        }
    }

    /// <summary>Reads what <see cref="ToString"/> writes.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out NetnsIdentity identity)
    {
        identity = default;
        int colon = text.IndexOf(':');
        if (
            colon < 0
            || !ulong.TryParse(text[..colon], NumberStyles.None, CultureInfo.InvariantCulture, out ulong device)
            || !ulong.TryParse(text[(colon + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out ulong inode)
        )
        {
            return false;
        }

        identity = new((uint)device, inode) { Cookie = (uint)(device >> CookieBits) };
        return true;
    }
}
