using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Twill.Cluster;

/// <summary>The name of a leased subnet as flannel spells it in etcd: <c>10.5.52.0-24</c>, dual-stack <c>10.5.52.0-24&amp;fc00:1:2::-64</c>
/// (flannel pkg/subnet/subnet.go). There is no IPv6-only form.</summary>
/// <param name="Subnet">The IPv4 subnet.</param>
/// <param name="SubnetV6">The IPv6 subnet of a dual-stack lease.</param>
public readonly record struct SubnetKey(IPNetwork Subnet, IPNetwork? SubnetV6 = null)
{
    /// <summary>As it stands in etcd.</summary>
    public override string ToString() => SubnetV6 is { } v6 ? $"{Spell(Subnet)}&{Spell(v6)}" : Spell(Subnet);

    /// <summary>Reads the last part of a key under <c>subnets/</c>. Bits below a prefix are cleared, as in flannel's comparisons.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out SubnetKey key)
    {
        key = default;
        int and = text.IndexOf('&');
        if (!TryRead(and < 0 ? text : text[..and], AddressFamily.InterNetwork, out IPNetwork v4)) return false;
        if (and < 0)
        {
            key = new SubnetKey(v4);
            return true;
        }
        if (!TryRead(text[(and + 1)..], AddressFamily.InterNetworkV6, out IPNetwork v6)) return false;
        key = new SubnetKey(v4, v6);
        return true;
    }

    private static string Spell(IPNetwork n) => string.Create(CultureInfo.InvariantCulture, $"{FlannelText.Of(n.BaseAddress)}-{n.PrefixLength}");

    private static bool TryRead(ReadOnlySpan<char> text, AddressFamily family, out IPNetwork network)
    {
        network = default;
        int dash = text.LastIndexOf('-');
        bool v4 = family == AddressFamily.InterNetwork;
        if (dash < 0 || !int.TryParse(text[(dash + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out int length)) return false;
        if (length > (v4 ? 32 : 128)) return false;
        if (!(v4 ? FlannelText.TryParseIPv4(text[..dash], out IPAddress address) : FlannelText.TryParseIPv6(text[..dash], out address))) return false;
        network = FlannelText.Network(address, length);
        return true;
    }
}
