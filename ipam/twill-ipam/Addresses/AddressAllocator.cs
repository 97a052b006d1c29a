using System.Net;
using Twill.Network.Configuration;
using Twill.Network.State;
using Twill.System;

namespace Twill.Ipam.Addresses;

/// <summary>An address that was taken, and the range it is of.</summary>
internal readonly record struct TakenAddress(IPAddress Address, AddressRange Range);

/// <summary>Brings policy and files together: takes an address of each pool, the next free one or one that was asked for: all or none.
/// Under the lock.</summary>
/// <param name="store">where the records are; its lock is held by the caller</param>
/// <param name="pools">what may be handed out: a pool for each address family</param>
/// <param name="wanted">addresses that were asked for, at most one of a family and each of its pool</param>
/// <param name="reserved">what is for containers of a name only; those that were asked for may be among it</param>
/// <param name="freeGone">frees the addresses of containers that are gone, and says how many; called when none is left</param>
internal sealed class AddressAllocator(
    AddressStore store,
    AddressPool[] pools,
    IPAddress[] wanted,
    ReservedAddresses reserved,
    Func<int> freeGone
)
{
    /// <summary>The pool in which nothing was left, or of which the address asked for is taken; null when nothing lacked.</summary>
    public AddressPool? Lacking { get; private set; }

    /// <summary>Claims an address of each pool, in the pools' order. Null when one of them has none that is not taken by a container that
    /// may still be there: <see cref="Lacking"/>.</summary>
    public TakenAddress[]? TryTake(AddressRecord record)
    {
        if (TryTakeFree(record) is { } taken)
        {
            return taken;
        }

        return Lacking!.Capacity > 0 && freeGone() > 0 ? TryTakeFree(record) : null;
    }

    /// <summary>Whether an address of each pool is free now: changes nothing.</summary>
    public bool HasRoom() => Choose(store.Last, Occupancies()) is not null;

    /// <summary>The address asked for of a pool; null: the next one will do.</summary>
    public IPAddress? WantedOf(AddressPool pool) => Of(pool, wanted);

    private TakenAddress[]? TryTakeFree(AddressRecord record)
    {
        IPAddress[] last = store.Last;
        StoreOccupancy[] taken = Occupancies();
        while (Choose(last, taken) is { } chosen)
        {
            var addresses = new IPAddress[chosen.Length];
            for (int i = 0; i < chosen.Length; i++)
            {
                addresses[i] = chosen[i].Address;
            }

            last = WithNext(last, addresses);
            if (wanted.Length < pools.Length)
            {
                store.Last = last; // first: once the record is there, nothing more can fail
            }

            if (store.TryClaim(addresses, record) is not { } inTheWay)
            {
                return chosen;
            }

            taken[Array.IndexOf(addresses, inTheWay)].Add(inTheWay); // taken since we looked, by a program that does not know the lock
        }
        return null;
    }

    private TakenAddress[]? Choose(IPAddress[] last, StoreOccupancy[] taken)
    {
        var chosen = new TakenAddress[pools.Length];
        for (int i = 0; i < chosen.Length; i++)
        {
            AddressPool pool = Lacking = pools[i];
            AddressRange range;
            if (WantedOf(pool) is not { } address)
            {
                if (!pool.TryNext(Of(pool, last), taken[i], out address, out range))
                {
                    return null;
                }
            }
            else if (!pool.TryFind(address, out range) || taken[i].HasFile(IPPrefix.NumberOf(address)))
            {
                return null;
            }
            chosen[i] = new TakenAddress(address, range);
        }
        Lacking = null;
        return chosen;
    }

    private StoreOccupancy[] Occupancies()
    {
        var taken = new StoreOccupancy[pools.Length];
        for (int i = 0; i < taken.Length; i++)
        {
            taken[i] = new StoreOccupancy(store, pools[i].Family, reserved);
        }

        return taken;
    }

    private static IPAddress? Of(AddressPool pool, IPAddress[] addresses)
    {
        foreach (IPAddress address in addresses)
        {
            if (address.AddressFamily == pool.Family)
            {
                return address;
            }
        }
        return null;
    }

    /// <summary>Where each family's ring stands now: an address that was asked for moves it no further.</summary>
    private IPAddress[] WithNext(IPAddress[] last, IPAddress[] given)
    {
        if (wanted.Length == 0)
        {
            return given;
        }

        var next = new List<IPAddress>(given.Length);
        for (int i = 0; i < given.Length; i++)
        {
            if (WantedOf(pools[i]) is null)
            {
                next.Add(given[i]);
            }
            else if (Of(pools[i], last) is { } before)
            {
                next.Add(before);
            }
        }
        return next.ToArray();
    }
}
