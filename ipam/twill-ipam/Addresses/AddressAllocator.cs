using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Sockets;

namespace Twill.Ipam.Addresses;

/// <summary>Brings policy and files together: takes the next free address of a pool, or one that was asked for. Under the lock.</summary>
/// <param name="store">where the records are; its lock is held by the caller</param>
/// <param name="pool">what may be handed out</param>
/// <param name="freeGone">frees the addresses of containers that are gone, and says how many; called when none is left</param>
internal sealed class AddressAllocator(AddressStore store, AddressPool pool, Func<int> freeGone)
{
    /// <summary>Claims the next free address. False when every address is taken by a container that may still be there.</summary>
    public bool TryTakeNext(AddressRecord record, [NotNullWhen(true)] out IPAddress? address, out AddressRange range)
    {
        if (TryTakeFree(record, out address, out range)) return true;
        return pool.Capacity > 0 && freeGone() > 0 && TryTakeFree(record, out address, out range);
    }

    /// <summary>Claims this address. False when it is taken by a container that may still be there.</summary>
    public bool TryTake(AddressRecord record, IPAddress address) =>
        store.TryClaim(address, record) || (freeGone() > 0 && store.TryClaim(address, record));

    private bool TryTakeFree(AddressRecord record, [NotNullWhen(true)] out IPAddress? address, out AddressRange range)
    {
        IPAddress? last = store.Last;
        var taken = new StoreOccupancy(store, AddressFamily.InterNetwork);
        while (pool.TryNext(last, taken, out address, out range))
        {
            store.Last = address;   // first: once the record is there, nothing more can fail
            if (store.TryClaim(address, record)) return true;
            last = address;   // taken since we looked, by a program that does not know the lock
            taken.Add(address);
        }
        return false;
    }
}
