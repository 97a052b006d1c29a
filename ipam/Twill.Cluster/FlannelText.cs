using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Twill.Cluster;

/// <summary>Addresses as flannel (Go's net.IP) writes them. .NET writes some IPv6 addresses with a dotted tail
/// where Go writes groups only, and keys in etcd are compared byte by byte.</summary>
internal static class FlannelText
{
    /// <summary>Lower-case, the longest run of two or more zero groups as <c>::</c>, never a dotted tail (but for ::ffff:0:0/96, as Go
    /// does).</summary>
    public static string Of(IPAddress address)
    {
        if (address.AddressFamily == AddressFamily.InterNetwork)
        {
            return address.ToString();
        }

        if (address.IsIPv4MappedToIPv6)
        {
            return address.MapToIPv4().ToString();
        }

        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out _);
        (int zeros, int count) = LongestZeros(bytes);
        var text = new StringBuilder(40);
        for (int i = 0; i < 8; i++)
        {
            if (i == zeros)
            {
                text.Append("::");
                i += count - 1;
                continue;
            }
            if (text.Length > 0 && text[^1] != ':')
            {
                text.Append(':');
            }

            text.Append(CultureInfo.InvariantCulture, $"{BinaryPrimitives.ReadUInt16BigEndian(bytes[(2 * i)..]):x}");
        }
        return text.ToString();
    }

    /// <summary>A prefix, <c>10.244.0.0/16</c>.</summary>
    public static string Of(IPNetwork network) =>
        string.Create(CultureInfo.InvariantCulture, $"{Of(network.BaseAddress)}/{network.PrefixLength}");

    private static (int Start, int Count) LongestZeros(ReadOnlySpan<byte> bytes)
    {
        (int start, int count) = (-1, 1);
        for (int i = 0; i < 8; i++)
        {
            int run = 0;
            while (i + run < 8 && bytes[2 * (i + run)] == 0 && bytes[2 * (i + run) + 1] == 0)
            {
                run++;
            }

            if (run > count)
            {
                (start, count) = (i, run);
            }

            i += run;
        }
        return (start, count);
    }
}
