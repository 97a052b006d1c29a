using System.Globalization;
using Microsoft.Win32.SafeHandles;

namespace Twill.System;

/// <summary>
/// Which network namespace: device and inode of its file, as <c>stat -L</c> shows them. Written <c>4:4026532621</c>. It holds as long as
/// the namespace lives; the kernel gives the inode of one that is gone to another.
/// </summary>
/// <param name="Device">st_dev</param>
/// <param name="Inode">st_ino</param>
public readonly record struct NetnsIdentity(ulong Device, ulong Inode)
{
    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Device}:{Inode}");

    /// <summary>Of an open file.</summary>
    /// <exception cref="LibcException">it is closed</exception>
    public static NetnsIdentity Of(SafeFileHandle file)
    {
        (ulong device, ulong inode) = Libc.Identity(file);
        return new(device, inode);
    }

    /// <summary>What the path leads to now, null when it leads nowhere.</summary>
    public static NetnsIdentity? OfPath(string path) => Libc.TryIdentity(path) is (ulong device, ulong inode) ? new(device, inode) : null;

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

        identity = new(device, inode);
        return true;
    }
}
