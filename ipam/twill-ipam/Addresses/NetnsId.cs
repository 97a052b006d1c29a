using System.Globalization;
using Twill.System;

namespace Twill.Ipam.Addresses;

/// <summary>Which network namespace a path led to: device and inode, as <c>stat</c> shows them. Written <c>4:4026532621</c>.</summary>
internal readonly record struct NetnsId(ulong Device, ulong Inode)
{
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Device}:{Inode}");

    /// <summary>What the path leads to now, null when it leads nowhere.</summary>
    public static NetnsId? OfPath(string path) => Libc.TryIdentity(path) is (ulong device, ulong inode) ? new(device, inode) : null;

    public static bool TryParse(ReadOnlySpan<char> text, out NetnsId id)
    {
        id = default;
        int colon = text.IndexOf(':');
        if (
            colon < 0
            || !ulong.TryParse(text[..colon], NumberStyles.None, CultureInfo.InvariantCulture, out ulong device)
            || !ulong.TryParse(text[(colon + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out ulong inode)
        )
        {
            return false;
        }

        id = new(device, inode);
        return true;
    }
}
