using System.Buffers.Binary;

namespace Twill.Linux.WireGuard;

/// <summary>
/// The function X25519 of RFC 7748 for the base point: the public key of a private one. The kernel says it of its devices, a user-space
/// implementation does not, and .NET has no function for it. In time and memory accesses it does not depend on the key.
/// </summary>
internal static class Curve25519
{
    private const ulong BasePoint = 9,
        A24 = 121665;

    /// <summary>Sets the bits that are the same in all private keys (RFC 7748, section 5, decodeScalar25519).</summary>
    internal static void Clamp(Span<byte> scalar)
    {
        scalar[0] &= 248;
        scalar[31] = (byte)(scalar[31] & 127 | 64);
    }

    /// <summary>The public key, 32 bytes.</summary>
    internal static byte[] PublicKey(ReadOnlySpan<byte> privateKey)
    {
        Span<byte> scalar = stackalloc byte[32];
        privateKey.CopyTo(scalar);
        Clamp(scalar);
        byte[] key = Multiply(scalar).ToBytes();
        scalar.Clear();
        return key;
    }

    // The Montgomery ladder of RFC 7748, section 5: (x2 : z2) and (x3 : z3) stay one base point apart.
    private static Field Multiply(ReadOnlySpan<byte> scalar)
    {
        Field x1 = new(BasePoint),
            x2 = new(1),
            z2 = default,
            x3 = x1,
            z3 = new(1);
        ulong swap = 0;
        for (int bit = 254; bit >= 0; bit--)
        {
            ulong now = (ulong)(scalar[bit >> 3] >> (bit & 7)) & 1;
            Field.SwapIf(swap ^ now, ref x2, ref x3);
            Field.SwapIf(swap ^ now, ref z2, ref z3);
            swap = now;
            Field a = x2 + z2,
                b = x2 - z2,
                c = x3 + z3,
                d = x3 - z3;
            Field aa = a * a,
                bb = b * b,
                e = aa - bb,
                da = d * a,
                cb = c * b;
            Field sum = da + cb,
                difference = da - cb;
            x3 = sum * sum;
            z3 = x1 * (difference * difference);
            x2 = aa * bb;
            z2 = e * (aa + new Field(A24) * e);
        }
        Field.SwapIf(swap, ref x2, ref x3);
        Field.SwapIf(swap, ref z2, ref z3);
        return x2 * z2.Inverse();
    }

    /// <summary>A number modulo 2^255 - 19, in five limbs of 51 bits; between operations a limb may be a few bits longer.</summary>
    private readonly struct Field(ulong l0, ulong l1 = 0, ulong l2 = 0, ulong l3 = 0, ulong l4 = 0)
    {
        private const ulong Mask = (1UL << 51) - 1;
        private readonly ulong _l0 = l0,
            _l1 = l1,
            _l2 = l2,
            _l3 = l3,
            _l4 = l4;

        public static Field operator +(in Field a, in Field b) =>
            new(a._l0 + b._l0, a._l1 + b._l1, a._l2 + b._l2, a._l3 + b._l3, a._l4 + b._l4);

        // Eight times the modulus is added, so that no limb becomes negative.
        public static Field operator -(in Field a, in Field b) =>
            new Field(
                a._l0 + 8 * (Mask - 18) - b._l0,
                a._l1 + 8 * Mask - b._l1,
                a._l2 + 8 * Mask - b._l2,
                a._l3 + 8 * Mask - b._l3,
                a._l4 + 8 * Mask - b._l4
            ).Carried();

        // What exceeds 255 bits comes in again at the bottom, times 19.
        public static Field operator *(in Field a, in Field b) =>
            Reduced(
                Product(a._l0, b._l0)
                    + 19 * (Product(a._l1, b._l4) + Product(a._l2, b._l3) + Product(a._l3, b._l2) + Product(a._l4, b._l1)),
                Product(a._l0, b._l1)
                    + Product(a._l1, b._l0)
                    + 19 * (Product(a._l2, b._l4) + Product(a._l3, b._l3) + Product(a._l4, b._l2)),
                Product(a._l0, b._l2)
                    + Product(a._l1, b._l1)
                    + Product(a._l2, b._l0)
                    + 19 * (Product(a._l3, b._l4) + Product(a._l4, b._l3)),
                Product(a._l0, b._l3) + Product(a._l1, b._l2) + Product(a._l2, b._l1) + Product(a._l3, b._l0) + 19 * Product(a._l4, b._l4),
                Product(a._l0, b._l4) + Product(a._l1, b._l3) + Product(a._l2, b._l2) + Product(a._l3, b._l1) + Product(a._l4, b._l0)
            );

        /// <summary>Exchanges the two when the condition is 1, by the same steps as when it is 0.</summary>
        public static void SwapIf(ulong condition, ref Field a, ref Field b)
        {
            ulong mask = 0 - condition;
            ulong d0 = mask & (a._l0 ^ b._l0),
                d1 = mask & (a._l1 ^ b._l1),
                d2 = mask & (a._l2 ^ b._l2),
                d3 = mask & (a._l3 ^ b._l3),
                d4 = mask & (a._l4 ^ b._l4);
            (a, b) = (
                new Field(a._l0 ^ d0, a._l1 ^ d1, a._l2 ^ d2, a._l3 ^ d3, a._l4 ^ d4),
                new Field(b._l0 ^ d0, b._l1 ^ d1, b._l2 ^ d2, b._l3 ^ d3, b._l4 ^ d4)
            );
        }

        /// <summary>To the power of 2^255 - 21 (Fermat), whose bits are all 1 but for the bits 2 and 4.</summary>
        public Field Inverse()
        {
            Field power = this;
            for (int bit = 253; bit >= 0; bit--)
            {
                power *= power;
                if (bit is not (2 or 4))
                {
                    power *= this;
                }
            }
            return power;
        }

        /// <summary>The one number below the modulus, little endian.</summary>
        public byte[] ToBytes()
        {
            Field f = Carried().Carried();
            ulong over = (f._l0 + 19) >> 51; // 1 when it is not below the modulus
            over = (f._l1 + over) >> 51;
            over = (f._l2 + over) >> 51;
            over = (f._l3 + over) >> 51;
            over = (f._l4 + over) >> 51;
            f = new Field(f._l0 + 19 * over, f._l1, f._l2, f._l3, f._l4);
            ulong l0 = f._l0,
                l1 = f._l1 + (l0 >> 51),
                l2 = f._l2 + (l1 >> 51),
                l3 = f._l3 + (l2 >> 51),
                l4 = f._l4 + (l3 >> 51);
            (l0, l1, l2, l3, l4) = (l0 & Mask, l1 & Mask, l2 & Mask, l3 & Mask, l4 & Mask);
            byte[] bytes = new byte[32];
            BinaryPrimitives.WriteUInt64LittleEndian(bytes, l0 | l1 << 51);
            BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(8), l1 >> 13 | l2 << 38);
            BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(16), l2 >> 26 | l3 << 25);
            BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(24), l3 >> 39 | l4 << 12);
            return bytes;
        }

        private static UInt128 Product(ulong a, ulong b)
        {
            ulong high = Math.BigMul(a, b, out ulong low);
            return new UInt128(high, low);
        }

        private static Field Reduced(UInt128 r0, UInt128 r1, UInt128 r2, UInt128 r3, UInt128 r4)
        {
            r1 += r0 >> 51;
            r2 += r1 >> 51;
            r3 += r2 >> 51;
            r4 += r3 >> 51;
            UInt128 low = ((ulong)r0 & Mask) + 19 * (r4 >> 51);
            return new Field(
                (ulong)low & Mask,
                ((ulong)r1 & Mask) + (ulong)(low >> 51),
                (ulong)r2 & Mask,
                (ulong)r3 & Mask,
                (ulong)r4 & Mask
            );
        }

        private Field Carried()
        {
            ulong l0 = _l0,
                l1 = _l1 + (l0 >> 51),
                l2 = _l2 + (l1 >> 51),
                l3 = _l3 + (l2 >> 51),
                l4 = _l4 + (l3 >> 51);
            return new Field((l0 & Mask) + 19 * (l4 >> 51), l1 & Mask, l2 & Mask, l3 & Mask, l4 & Mask);
        }
    }
}
