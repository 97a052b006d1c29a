using System.Net;
using Twill.Linux.Addresses;

namespace Twill.Agent;

/// <summary>
/// What the kernel announces of addresses. With each container comes a link-local address at its host end, and with each router's
/// announcement
/// every address that it prolongs, which is no news.
/// </summary>
internal sealed class HeardAddresses
{
    /// <summary>More than any host has; then it is begun anew, and one more round costs little.</summary>
    private const int Most = 1 << 12;

    private const AddressFlags Telling =
        AddressFlags.Secondary | AddressFlags.Deprecated | AddressFlags.Tentative | AddressFlags.DadFailed | AddressFlags.Permanent;

    private readonly Dictionary<(int Index, IPAddress Address, int PrefixLength), AddressFlags> _known = [];

    /// <summary>Hears of an address; only the watching thread calls this.</summary>
    /// <returns>Whether it came, went, or is another than it was.</returns>
    internal bool IsNews(InterfaceAddress address, bool isRemoval)
    {
        if (address.Address.IsIPv6LinkLocal)
        {
            return false;
        }

        (int, IPAddress, int) key = (address.Index, address.Address, address.PrefixLength);
        if (isRemoval)
        {
            _known.Remove(key);
            return true;
        }

        if (_known.Count > Most)
        {
            _known.Clear();
        }

        AddressFlags flags = address.Flags & Telling;
        bool same = _known.TryGetValue(key, out AddressFlags before) && before == flags;
        _known[key] = flags;
        return !same;
    }
}
