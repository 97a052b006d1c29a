using System.Text;
using Xunit.Sdk;

namespace Twill.Testing;

/// <summary>Compares encoded messages the way people read them: rows of four bytes, as netlink aligns them.</summary>
public static class HexRows
{
    private const int RowBytes = 4;

    /// <summary>Fails with both sides as rows of hex bytes, differing rows marked, unless they are equal.</summary>
    public static void Equal(ReadOnlySpan<byte> expected, ReadOnlySpan<byte> actual)
    {
        if (!expected.SequenceEqual(actual))
        {
            throw new XunitException(Describe(expected, actual));
        }
    }

    /// <summary>Both sides, row by row; a row that differs starts with an arrow.</summary>
    public static string Describe(ReadOnlySpan<byte> expected, ReadOnlySpan<byte> actual)
    {
        StringBuilder text = new();
        text.AppendLine($"The bytes differ: expected {expected.Length} bytes, got {actual.Length}.");
        text.AppendLine("   offset  expected      actual");
        for (int at = 0; at < Math.Max(expected.Length, actual.Length); at += RowBytes)
        {
            ReadOnlySpan<byte> left = Row(expected, at),
                right = Row(actual, at);
            text.AppendLine($"{(left.SequenceEqual(right) ? "  " : "->")} {at,6}  {Hex(left),-12}  {Hex(right),-12}".TrimEnd());
        }

        return text.ToString();
    }

    private static ReadOnlySpan<byte> Row(ReadOnlySpan<byte> bytes, int at) =>
        at >= bytes.Length ? [] : bytes.Slice(at, Math.Min(RowBytes, bytes.Length - at));

    private static string Hex(ReadOnlySpan<byte> row)
    {
        StringBuilder text = new();
        foreach (byte b in row)
        {
            text.Append(text.Length == 0 ? "" : " ").Append(b.ToString("x2"));
        }

        return text.ToString();
    }
}
