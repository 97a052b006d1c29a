using System.Globalization;
using System.Net;

namespace Twill.Agent.Names;

/// <summary>Names below <c>in-addr.arpa</c> and <c>ip6.arpa</c>, which stand for addresses.</summary>
internal static class ReverseName
{
    private const string IPv4 = ".in-addr.arpa",
        IPv6 = ".ip6.arpa";

    /// <summary>Reads the name of a whole address; false for any other, also of a part of one.</summary>
    /// <param name="name">In lower case, without a dot at its end.</param>
    /// <param name="address">The address.</param>
    internal static bool TryParse(string name, out IPAddress address)
    {
        address = IPAddress.None;
        if (name.EndsWith(IPv4, StringComparison.Ordinal))
        {
            string[] labels = name[..^IPv4.Length].Split('.');
            byte[] bytes = new byte[4];
            if (labels.Length != bytes.Length)
            {
                return false;
            }

            for (int i = 0; i < bytes.Length; i++)
            {
                if (!byte.TryParse(labels[^(i + 1)], NumberStyles.None, CultureInfo.InvariantCulture, out bytes[i]))
                {
                    return false;
                }
            }

            address = new IPAddress(bytes);
            return true;
        }

        const int Digits = 32;
        if (!name.EndsWith(IPv6, StringComparison.Ordinal) || name.Length != 2 * Digits - 1 + IPv6.Length)
        {
            return false;
        }

        Span<byte> octets = stackalloc byte[16];
        octets.Clear();
        for (int i = 0; i < Digits; i++)
        {
            char digit = name[2 * i];
            if (!char.IsAsciiHexDigitLower(digit) || (i < Digits - 1 && name[2 * i + 1] != '.'))
            {
                return false;
            }

            int at = Digits - 1 - i;
            octets[at / 2] |= (byte)(Convert.ToInt32(digit.ToString(), 16) << (at % 2 == 0 ? 4 : 0));
        }

        address = new IPAddress(octets);
        return true;
    }
}
