using System.Net;
using System.Net.Sockets;
using Twill.Network.State;
using Twill.System;

namespace Twill.Ipam.Addresses;

/// <summary>
/// The taken addresses of a store, as the pool asks for them. The first few are looked up one by one, since the one after the
/// last is nearly always free; after that the directory is listed once, so that a nearly full pool costs no more than that.
/// What is reserved for containers of a name counts as taken.
/// </summary>
internal sealed class StoreOccupancy(AddressStore store, AddressFamily family, ReservedAddresses reserved) : IOccupancy
{
    private const int SingleLookups = 16;
    private int _lookups;
    private HashSet<UInt128>? _listed;

    public bool Contains(UInt128 address) => IsReserved(address) || HasFile(address);

    /// <summary>Whether a container has the address, for whomever it is reserved.</summary>
    public bool HasFile(UInt128 address)
    {
        if (_listed is null && _lookups++ < SingleLookups)
        {
            return store.Exists(IPPrefix.AddressOf(address, family));
        }

        return (_listed ??= ListAll()).Contains(address);
    }

    /// <summary>Counts an address as taken from now on.</summary>
    public void Add(IPAddress address) => (_listed ??= ListAll()).Add(IPPrefix.NumberOf(address));

    private bool IsReserved(UInt128 address) =>
        reserved.All.Count > 0 && reserved.NameOf(IPPrefix.AddressOf(address, family)) is not null;

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
