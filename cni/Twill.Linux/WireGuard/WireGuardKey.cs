using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;

namespace Twill.Linux.WireGuard;

/// <summary>A public key: 32 bytes, written as 44 characters of base64, as <c>wg pubkey</c> does.</summary>
public readonly struct WireGuardKey : IEquatable<WireGuardKey>
{
    /// <summary>Bytes in a key.</summary>
    public const int Length = 32;

    private readonly ulong _first,
        _second,
        _third,
        _fourth;

    /// <summary>Takes over the bytes.</summary>
    /// <exception cref="ArgumentException">They are not 32.</exception>
    public WireGuardKey(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != Length)
        {
            throw new ArgumentException($"expected the {Length} bytes of a key, got {bytes.Length}", nameof(bytes));
        }

        ReadOnlySpan<ulong> words = MemoryMarshal.Cast<byte, ulong>(bytes);
        (_first, _second, _third, _fourth) = (words[0], words[1], words[2], words[3]);
    }

    /// <summary>Whether all bytes are zero, which is nobody's key.</summary>
    public bool IsZero => (_first | _second | _third | _fourth) == 0;

    /// <summary>Reads base64.</summary>
    /// <returns>False when it is no key.</returns>
    public static bool TryParse([NotNullWhen(true)] string? text, out WireGuardKey key)
    {
        Span<byte> bytes = stackalloc byte[Length];
        bool good = TryDecode(text, bytes);
        key = good ? new WireGuardKey(bytes) : default;
        return good;
    }

    /// <summary>Writes the 32 bytes.</summary>
    public void CopyTo(Span<byte> destination) => MemoryMarshal.Cast<ulong, byte>([_first, _second, _third, _fourth]).CopyTo(destination);

    /// <summary>The 32 bytes.</summary>
    public byte[] ToArray()
    {
        byte[] bytes = new byte[Length];
        CopyTo(bytes);
        return bytes;
    }

    /// <inheritdoc/>
    public bool Equals(WireGuardKey other) =>
        _first == other._first && _second == other._second && _third == other._third && _fourth == other._fourth;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is WireGuardKey other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(_first, _second);

    /// <summary>In base64.</summary>
    public override string ToString() => Convert.ToBase64String(ToArray());

    /// <summary>Whether two keys are the same.</summary>
    public static bool operator ==(WireGuardKey one, WireGuardKey other) => one.Equals(other);

    /// <summary>Whether two keys are different.</summary>
    public static bool operator !=(WireGuardKey one, WireGuardKey other) => !one.Equals(other);

    /// <summary>Of all ways to write 32 bytes in base64 only the one that <c>wg</c> takes: 44 characters, no white space.</summary>
    internal static bool TryDecode([NotNullWhen(true)] string? text, Span<byte> bytes) =>
        text is { Length: 44 }
        && !text.AsSpan().ContainsAny(" \t\r\n")
        && Convert.TryFromBase64String(text, bytes, out int length)
        && length == Length;
}
