using System.Net.Sockets;
using Twill.Cni;
using Twill.Linux;
using Twill.Linux.Addresses;
using Twill.Linux.Links;
using Twill.Network.Configuration;

namespace Twill.Ipam.Addresses;

/// <summary>Whether another machine of the LAN has an address that is about to be given (<see cref="LanConf.Probe"/>).</summary>
internal static class LanProbe
{
    /// <summary>Asks, where the configuration says so. IPv6 has duplicate address detection for that (<c>enabledad</c>).</summary>
    /// <param name="conf">the network</param>
    /// <param name="addresses">what is to be given</param>
    /// <returns>who has which, in words; null when nobody has any</returns>
    public static string? FindOwner(TwillConf conf, CniIp[] addresses)
    {
        if (conf.Lan is not { Probe: true } lan)
        {
            return null;
        }

        using RouteSocket host = RouteSocket.Open();
        Link link = host.GetLink(lan.Device);
        List<InterfaceAddress> own = host.ListAddresses();
        foreach (CniIp ip in addresses)
        {
            if (ip.Address.AddressFamily != AddressFamily.InterNetwork)
            {
                continue;
            }

            if (own.Exists(one => one.Address.Equals(ip.Address)))
            {
                return $"{ip.Address} is this host's own";
            }

            if (ArpProbe.FindOwner(link.Index, link.Mac ?? MacAddress.Zero, ip.Address) is { } owner)
            {
                return $"{ip.Address} is that of {owner}";
            }
        }

        return null;
    }
}
