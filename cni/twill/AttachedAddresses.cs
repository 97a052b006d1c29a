using Twill.Cni;
using Twill.Host.Attachments;

namespace Twill.Plugin;

/// <summary>The addresses of a result, as attachments take them.</summary>
internal static class AttachedAddresses
{
    public static List<AttachedAddress> Of(CniResult addresses)
    {
        List<AttachedAddress> all = new(addresses.Ips.Count);
        foreach (CniIp ip in addresses.Ips)
        {
            all.Add(new AttachedAddress(ip.Address, ip.PrefixLength, ip.Gateway));
        }

        return all;
    }
}
