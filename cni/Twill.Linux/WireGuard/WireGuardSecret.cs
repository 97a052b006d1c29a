using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using Org.BouncyCastle.Math.EC.Rfc7748;

namespace Twill.Linux.WireGuard;

/// <summary>A private or preshared key. It never shows itself in texts; who needs the bytes asks for them.</summary>
public sealed class WireGuardSecret : IEquatable<WireGuardSecret>
{
    private readonly byte[] _bytes;
    private WireGuardKey? _public;

    private WireGuardSecret(ReadOnlySpan<byte> bytes) => _bytes = bytes.ToArray();

    /// <summary>All zero: where a secret may be, there is none.</summary>
    public static WireGuardSecret None { get; } = new(new byte[WireGuardKey.Length]);

    /// <summary>The public key that belongs to it as a private key: <c>wg pubkey</c>.</summary>
    public WireGuardKey PublicKey => _public ??= DerivePublicKey();

    /// <summary>Reads base64, as <c>wg genkey</c> writes it.</summary>
    /// <returns>False when it is no key.</returns>
    public static bool TryParse([NotNullWhen(true)] string? text, [NotNullWhen(true)] out WireGuardSecret? secret)
    {
        Span<byte> bytes = stackalloc byte[WireGuardKey.Length];
        secret = WireGuardKey.TryDecode(text, bytes) ? new WireGuardSecret(bytes) : null;
        return secret is not null;
    }

    /// <summary>Takes over the bytes.</summary>
    /// <exception cref="ArgumentException">They are not 32.</exception>
    public static WireGuardSecret Of(ReadOnlySpan<byte> bytes) =>
        bytes.Length == WireGuardKey.Length
            ? new(bytes)
            : throw new ArgumentException($"expected the {WireGuardKey.Length} bytes of a key, got {bytes.Length}", nameof(bytes));

    /// <summary>
    /// As a device that was given this private key says it back: five bits of it are the same in all private keys (RFC 7748, section 5).
    /// </summary>
    public WireGuardSecret Clamped()
    {
        WireGuardSecret clamped = new(_bytes);
        X25519.ClampPrivateKey(clamped._bytes);
        return clamped;
    }

    /// <summary>The bytes, for the kernel.</summary>
    internal ReadOnlySpan<byte> Bytes => _bytes;

    /// <inheritdoc/>
    public bool Equals(WireGuardSecret? other) => other is not null && CryptographicOperations.FixedTimeEquals(_bytes, other._bytes);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as WireGuardSecret);

    /// <inheritdoc/>
    public override int GetHashCode() => PublicKey.GetHashCode();

    /// <summary>No part of it.</summary>
    public override string ToString() => "(secret)";

    // X25519 of the base point 9. Not X25519.GeneratePublicKey: it fills a table for the multiples of the base point first, which one key
    // does not need.
    private WireGuardKey DerivePublicKey()
    {
        Span<byte> basePoint = stackalloc byte[X25519.PointSize];
        basePoint.Clear();
        basePoint[0] = 9;
        byte[] key = new byte[X25519.PointSize];
        X25519.ScalarMult(_bytes, basePoint, key);
        return new WireGuardKey(key);
    }
}
