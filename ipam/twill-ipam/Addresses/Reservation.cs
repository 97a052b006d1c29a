using System.Net;
using Twill.Cni;
using Twill.Network.Configuration;
using Twill.Network.State;

namespace Twill.Ipam.Addresses;

/// <summary>
/// <c>args.cni.reservation</c>, for runtimes that ask for an address before there is a container (Docker): an ADD of twill-ipam alone
/// reserves it, and the ADD of the main plugin for the same attachment takes it, instead of being refused as a second one.
/// <code>
/// "take"     the ADD is answered with the addresses that the attachment has
/// "settle"   the same, and from now on they belong to the network namespace of this call
/// </code>
/// Where the attachment has none, the ADD is one like any other.
/// </summary>
internal enum Reservation
{
    None,
    Take,
    Settle,
}

/// <summary>Reads and carries out what <see cref="Reservation"/> says.</summary>
internal static class Reservations
{
    /// <exception cref="CniException">code 7: it is neither</exception>
    public static Reservation Read(CniRequest request)
    {
        ConfigReader at = request.Reader["args"]["cni"]["reservation"];
        return at.OptionalString() switch
        {
            null => Reservation.None,
            "take" => Reservation.Take,
            "settle" => Reservation.Settle,
            _ => at.Complain("take or settle", Reservation.None),
        };
    }

    /// <summary>The addresses that the attachment has already; null when it has none, or one that is not given out here any more. Under the
    /// store's lock.</summary>
    /// <param name="store">the records</param>
    /// <param name="pools">what may be handed out</param>
    /// <param name="record">the record of this call</param>
    /// <param name="reservation">what is asked</param>
    public static TakenAddress[]? TryTake(AddressStore store, AddressPool[] pools, AddressRecord record, Reservation reservation)
    {
        if (store.Hint(record.Owner) is not { } first || store.Read(first, out _) is not { } found || found.Owner != record.Owner)
        {
            return null;
        }

        IPAddress[] addresses = found.All(first);
        TakenAddress[] taken = new TakenAddress[addresses.Length];
        for (int i = 0; i < taken.Length; i++)
        {
            if (RangeOf(pools, addresses[i]) is not { } range)
            {
                return null;
            }

            taken[i] = new TakenAddress(addresses[i], range);
        }

        if (reservation == Reservation.Settle)
        {
            store.Replace(addresses, record);
        }

        return taken;
    }

    private static AddressRange? RangeOf(AddressPool[] pools, IPAddress address)
    {
        foreach (AddressPool pool in pools)
        {
            if (pool.Family == address.AddressFamily && pool.TryFind(address, out AddressRange range))
            {
                return range;
            }
        }

        return null;
    }
}
