using System.Net;
using Twill.Cni;
using Twill.Network.State;
using Twill.System;

namespace Twill.Ipam.Addresses;

/// <summary>
/// Goes through every record of a store, which costs one open file each: done when addresses run short and by GC, never for
/// an ordinary ADD or DEL. A file that is no record is named in the log and decides nothing else.
/// </summary>
internal static class StoreSweep
{
    /// <summary>Frees what the two questions say is free; to be called under the lock.</summary>
    /// <param name="store">the store</param>
    /// <param name="isFree">whether a record's address is to be freed</param>
    /// <param name="isFreeUnreadable">whether an address is to be freed whose file is no record of ours</param>
    /// <param name="log">takes a line for each unreadable file and each address freed</param>
    /// <returns>how many addresses were freed</returns>
    public static int Run(AddressStore store, Func<AddressRecord, bool> isFree, Func<IPAddress, bool> isFreeUnreadable, Action<string> log)
    {
        int freed = 0;
        foreach (IPAddress address in store.List())
        {
            AddressRecord? record = store.Read(address, out bool found);
            if (!found)
            {
                continue;
            }

            bool free = record is null ? isFreeUnreadable(address) : isFree(record);
            if (record is null)
            {
                log($"{store.Path}/{address}: not an address record (cut short, or another program's file): {Fate(free)}");
            }

            if (!free || !TryRelease(store, address, record, log))
            {
                continue;
            }

            if (record is not null)
            {
                log($"{store.Path}/{address}: freed, it was of {record.Owner.Describe()}");
            }

            freed++;
        }
        store.SweepHints();
        return freed;
    }

    /// <summary>
    /// Frees the addresses whose containers are certainly gone. A file that is no record goes as well when it is older than the
    /// boot: a power cut tore it, and no container outlived that.
    /// </summary>
    /// <param name="store">the store, locked</param>
    /// <param name="bootId">the boot we are in</param>
    /// <param name="booted">when the machine was booted</param>
    /// <param name="log">takes a line for each file worth a word</param>
    public static int FreeGone(AddressStore store, string bootId, DateTime booted, Action<string> log)
    {
        NetnsLiveness namespaces = new();
        return Run(
            store,
            record => record.WhyGone(bootId, namespaces) is not null,
            address => File.GetLastWriteTimeUtc($"{store.Path}/{address}") < booted,
            log
        );
    }

    private static string Fate(bool free) => free ? "removed" : "left alone, its address is not handed out";

    private static bool TryRelease(AddressStore store, IPAddress address, AddressRecord? record, Action<string> log)
    {
        try
        {
            store.Release(address, record);
            return true;
        }
        catch (IOException e) // a directory of that name, say
        {
            log($"{store.Path}/{address}: cannot be removed: {e.Message}");
            return false;
        }
    }
}
