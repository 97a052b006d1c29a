using System.Net;
using Twill.Linux.Addresses;

namespace Twill.Agent;

/// <summary>
/// Filters the kernel's address events. Each container brings a link-local address at its host end, and each router advertisement repeats
/// the addresses that it prolongs: neither is a change.
/// </summary>
internal sealed class AddressEvents
{
    /// <summary>More addresses than any host has. Past that the record starts anew, which costs one more pass.</summary>
    private const int Capacity = 1 << 12;

    /// <summary>The flags that make an address usable or not.</summary>
    private const AddressFlags RelevantFlags =
        AddressFlags.Secondary | AddressFlags.Deprecated | AddressFlags.Tentative | AddressFlags.DadFailed | AddressFlags.Permanent;

    private readonly Dictionary<(int Index, IPAddress Address, int PrefixLength), AddressFlags> _known = [];

    /// <summary>Records an event. Only the monitoring thread calls this.</summary>
    /// <returns>Whether the address was added, removed or changed.</returns>
    internal bool Record(InterfaceAddress address, bool isRemoval)
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

        if (_known.Count > Capacity)
        {
            _known.Clear();
        }

        AddressFlags flags = address.Flags & RelevantFlags;
        bool same = _known.TryGetValue(key, out AddressFlags before) && before == flags;
        _known[key] = flags;
        return !same;
    }
}
