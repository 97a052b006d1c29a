using System.Net;
using System.Net.Sockets;
using Twill.System;

namespace Twill.Ipam.Addresses;

/// <summary>
/// The taken addresses of a store, as the pool asks for them. The first few are looked up one by one, since the one after the
/// last is nearly always free; after that the directory is listed once, so that a nearly full pool costs no more than that.
/// </summary>
internal sealed class StoreOccupancy(AddressStore store, AddressFamily family) : IOccupancy
{
    private const int SingleLookups = 16;
    private int _lookups;
    private HashSet<UInt128>? _listed;

    public bool Contains(UInt128 address)
    {
        if (_listed is null && _lookups++ < SingleLookups)
        {
            return store.Exists(IPPrefix.AddressOf(address, family));
        }

        return (_listed ??= ListAll()).Contains(address);
    }

    /// <summary>Counts an address as taken from now on.</summary>
    public void Add(IPAddress address) => (_listed ??= ListAll()).Add(IPPrefix.NumberOf(address));

    private HashSet<UInt128> ListAll()
    {
        var taken = new HashSet<UInt128>();
        foreach (IPAddress address in store.List())
        {
            if (address.AddressFamily == family)
            {
                taken.Add(IPPrefix.NumberOf(address));
            }
        }
        return taken;
    }
}
