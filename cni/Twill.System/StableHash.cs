using System.Text;

namespace Twill.System;

/// <summary>A hash that stays the same for ever: names in the kernel are found again by it, also by later versions.</summary>
public static class StableHash
{
    /// <summary>64 bits of the UTF-8 bytes of the parts, joined by NUL: FNV-1a, then mixed so that every bit counts (MurmurHash3's
    /// finaliser).</summary>
    public static ulong Of(string first, string second)
    {
        ulong hash = 0xcbf29ce484222325;
        Add(ref hash, first);
        hash *= 0x100000001b3; // the NUL between: x ^ 0 = x
        Add(ref hash, second);
        hash = (hash ^ (hash >> 33)) * 0xff51afd7ed558ccd;
        hash = (hash ^ (hash >> 33)) * 0xc4ceb9fe1a85ec53;
        return hash ^ (hash >> 33);
    }

    private static void Add(ref ulong hash, string text)
    {
        foreach (byte b in Encoding.UTF8.GetBytes(text))
        {
            hash = (hash ^ b) * 0x100000001b3;
        }
    }
}
