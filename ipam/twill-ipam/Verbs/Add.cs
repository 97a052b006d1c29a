using System.Net;
using System.Text;
using Twill.Cni;
using Twill.Ipam.Addresses;
using Twill.Ipam.Subnets;
using Twill.Network.Configuration;
using Twill.Network.State;
using Twill.System;

namespace Twill.Ipam.Verbs;

/// <summary>
/// ADD: the next free address of this host's subnets, or the one asked for, of each address family that the network has. As long as the
/// host has a subnet with room and a valid lease this is a handful of file operations under the store's lock; only without one, outside the
/// lock, etcd is asked.
/// </summary>
internal static class Add
{
    private const int Rounds = 8; // each gets a subnet that another process may fill before we look again

    public static CniResult Run(CniRequest request, IpamHost host) => Run(request, IpamConfiguration.Read(request), host);

    private static CniResult Run(CniRequest request, TwillConf conf, IpamHost host)
    {
        request.Args.RefuseUnknown("IP", "MAC", "NAME"); // the others are for the main plugin
        IPAddress[] wanted = AddressRequest.Read(request, conf.Ipam);
        IReadOnlyList<RangeRequest> ranges = RangeRequest.Read(request, conf.Ipam);
        CniDns dns = CniDns.OfRuntime(request.RuntimeConfig) ?? ResolverSettings.Of(conf.Ipam);
        AddressRecord record = NewRecord(request, host);
        Reservation reservation = Reservations.Read(request);
        ISubnetSource source = SubnetSources.For(conf, host);
        using AddressStore store = AddressStore.Open(conf.Ipam.DataDir, request.NetworkName);
        List<string> others = [];
        for (int round = 0; round < Rounds; round++)
        {
            IReadOnlyList<IPNetwork>? full;
            CniIp[]? taken;
            IPAddress[] asked;
            using (store.Lock())
            {
                host.ThrowIfCallerGone();
                if (reservation != Reservation.None && TakeReserved(source, store, record, conf.Ipam, reservation) is { } former)
                {
                    return ResultOf(former, conf.Ipam, dns);
                }

                RefuseSecondAdd(store, record.Owner, host);
                ReservedAddresses reserved = ReservedAddresses.Read(conf.Ipam.DataDir, request.NetworkName);
                asked = ReservedRequest.Complete(request, conf.Ipam, wanted, reserved);
                taken = TakeOf(source, store, record, asked, ranges, conf.Ipam, reserved, host, out full);
            }

            if (taken is null)
            {
                source.Obtain(full);
            }
            else if (LanProbe.FindOwner(conf, taken) is not { } owner) // without the lock: it takes its time
            {
                return ResultOf(taken, conf.Ipam, dns);
            }
            else
            {
                GiveBack(store, record, taken);
                others.Add(owner);
                if (asked.Length > 0)
                {
                    break;
                }
            }
        }

        if (others.Count > 0)
        {
            throw new CniException(
                CniErrorCode.TryAgainLater,
                "no free address: other machines of the LAN have them",
                $"{string.Join("; ", others)}: keep what they have out of the containers' range ($.ipam: rangeStart and rangeEnd, or "
                    + "subnetMin and subnetMax)"
            );
        }

        throw new CniException(
            CniErrorCode.TryAgainLater,
            "no free address",
            $"{store.Path}: this host got a subnet {Rounds} times and found it without a free address or without a valid lease each time"
        );
    }

    /// <summary>Frees what was just taken, if it still is this call's: the next round goes on behind it.</summary>
    private static void GiveBack(AddressStore store, AddressRecord record, CniIp[] taken)
    {
        using (store.Lock())
        {
            if (store.Read(taken[0].Address, out _)?.Owner == record.Owner)
            {
                store.Release(taken[0].Address, record.Of(Array.ConvertAll(taken, one => one.Address)));
            }
        }
    }

    private static CniResult ResultOf(CniIp[] ips, IpamConf conf, CniDns dns) =>
        new()
        {
            Ips = ips,
            Routes = RoutesFor(ips, conf),
            Dns = dns,
        };

    private static CniIp[]? TakeReserved(
        ISubnetSource source,
        AddressStore store,
        AddressRecord record,
        IpamConf conf,
        Reservation reservation
    ) =>
        source.Current() is { } subnets && Reservations.TryTake(store, PoolsOf(subnets, conf), record, reservation) is { } taken
            ? AsIps(taken)
            : null;

    /// <summary>The routes that are configured; those of a family that no address is given of nothing could take.</summary>
    private static IReadOnlyList<CniRoute> RoutesFor(CniIp[] ips, IpamConf conf)
    {
        if (conf.Routes.Count == 0)
        {
            return conf.Routes;
        }

        var routes = new List<CniRoute>(conf.Routes.Count);
        foreach (CniRoute route in conf.Routes)
        {
            foreach (CniIp ip in ips)
            {
                if (ip.Address.AddressFamily == route.Dst.BaseAddress.AddressFamily)
                {
                    routes.Add(route);
                    break;
                }
            }
        }
        return routes;
    }

    /// <summary>Claims an address of each family; null when this host has no subnet, or when a family's (<paramref name="full"/>) have no
    /// free address.</summary>
    private static CniIp[]? TakeOf(
        ISubnetSource source,
        AddressStore store,
        AddressRecord record,
        IPAddress[] wanted,
        IReadOnlyList<RangeRequest> ranges,
        IpamConf conf,
        ReservedAddresses reserved,
        IpamHost host,
        out IReadOnlyList<IPNetwork>? full
    )
    {
        full = null;
        if (source.Current() is not { } subnets)
        {
            return null;
        }

        AddressPool[] pools = PoolsOf(subnets, conf);
        for (int i = 0; i < pools.Length; i++)
        {
            pools[i] = RangeRequest.Narrow(pools[i], ranges);
        }

        var allocator = new AddressAllocator(store, pools, wanted, reserved, () =>
            StoreSweep.FreeGone(store, host.Clock.BootId, host.Booted, host.Log)
        );
        RefuseUnsatisfiable(pools, allocator, reserved);
        if (allocator.TryTake(record) is not { } taken)
        {
            RefuseForWant(allocator, store, ranges, reserved);
            full = subnets.FindAll(subnet => subnet.BaseAddress.AddressFamily == allocator.Lacking!.Family);
            return null;
        }
        if (!MayStillBeGiven(taken, source))
        {
            store.Release(taken[0].Address, record.Of(Array.ConvertAll(taken, one => one.Address)));
            return null;
        }
        return AsIps(taken);
    }

    private static CniIp[] AsIps(TakenAddress[] taken) =>
        Array.ConvertAll(taken, one => new CniIp(one.Address, one.Range.Subnet.PrefixLength, one.Range.Gateway));

    /// <summary>
    /// The fence, looked at once more: time goes on while a process stands still, and what it claims behind the deadline may be
    /// another host's.
    /// </summary>
    private static bool MayStillBeGiven(TakenAddress[] taken, ISubnetSource source)
    {
        if (source.Current() is not { } subnets)
        {
            return false;
        }

        foreach (TakenAddress one in taken)
        {
            bool isOurs = false;
            foreach (IPNetwork subnet in subnets)
            {
                isOurs |= subnet.Contains(one.Address);
            }

            if (!isOurs)
            {
                return false;
            }
        }
        return true;
    }

    /// <summary>What the configuration allows of these subnets: a pool for each family that there are any of.</summary>
    internal static AddressPool[] PoolsOf(IReadOnlyList<IPNetwork> subnets, IpamConf conf)
    {
        var pools = new AddressPool[conf.Families.Count];
        int used = 0;
        for (int i = 0; i < pools.Length; i++)
        {
            IpamFamily family = conf.Families[i];
            var ranges = new List<AddressRange>(subnets.Count);
            foreach (IPNetwork subnet in subnets)
            {
                if (subnet.BaseAddress.AddressFamily != family.Family)
                {
                    continue;
                }

                foreach (FixedRange range in family.RangesOf(subnet))
                {
                    ranges.Add(AddressRange.Of(range));
                }
            }
            if (ranges.Count > 0)
            {
                pools[used++] = new AddressPool(family.Family, ranges);
            }
        }
        Array.Resize(ref pools, used);
        return pools;
    }

    private static AddressRecord NewRecord(CniRequest request, IpamHost host)
    {
        string netns = request.NetnsPath!;
        if (netns.Contains('\n'))
        {
            throw new CniException(
                CniErrorCode.InvalidEnvironment,
                "invalid environment variables: CNI_NETNS",
                "CNI_NETNS: expected a path without line breaks"
            );
        }

        var record = new AddressRecord(request.Attachment, host.Clock.BootId, netns, NetnsIdentity.WithCookie(netns));
        int length = Encoding.UTF8.GetByteCount(record.Format());
        if (length >= AddressRecord.TooLarge)
        {
            throw new CniException(
                CniErrorCode.InvalidEnvironment,
                "invalid environment variables: CNI_CONTAINERID, CNI_NETNS",
                $"CNI_CONTAINERID, CNI_NETNS: expected less than {AddressRecord.TooLarge} bytes for a record of both, got {length}"
            );
        }

        return record;
    }

    /// <summary>One address per attachment. What an attachment left that is gone for certain (a reboot, say) does not count.</summary>
    private static void RefuseSecondAdd(AddressStore store, CniAttachment owner, IpamHost host)
    {
        if (store.Hint(owner) is not { } address)
        {
            return;
        }

        AddressRecord? record = store.Read(address, out _);
        if (record?.Owner != owner)
        {
            return; // a stale link; the claim replaces it
        }

        if (record.WhyGone(host.Clock.BootId, new NetnsLiveness()) is null)
        {
            throw new CniException(
                CniErrorCode.AlreadyAttached,
                "the attachment has an address already",
                $"{store.Path}/{address}: {owner.Describe()} got {address} by an earlier ADD; DEL comes first"
            );
        }

        store.Release(address, record);
    }

    /// <summary>An address that was asked for is of this host's, or nothing will help.</summary>
    private static void RefuseUnsatisfiable(AddressPool[] pools, AddressAllocator allocator, ReservedAddresses reserved)
    {
        foreach (AddressPool pool in pools)
        {
            if (allocator.WantedOf(pool) is { } wanted && !pool.TryFind(wanted, out _))
            {
                throw Unsatisfiable(CniErrorCode.InvalidNetworkConfig, wanted, $"this host hands out {pool}{Whose(reserved, wanted)}");
            }
        }
    }

    /// <summary>Of an address or a range that was asked for, another subnet would have no more.</summary>
    private static void RefuseForWant(
        AddressAllocator allocator,
        AddressStore store,
        IReadOnlyList<RangeRequest> ranges,
        ReservedAddresses reserved
    )
    {
        AddressPool pool = allocator.Lacking!;
        if (allocator.WantedOf(pool) is { } wanted)
        {
            string owner = store.Read(wanted, out _)?.Owner.Describe() ?? "a file that is no address record";
            string why = $"{store.Path}/{wanted}: it is taken by {owner}{Whose(reserved, wanted)}";
            throw Unsatisfiable(CniErrorCode.TryAgainLater, wanted, why);
        }
        foreach (RangeRequest range in ranges)
        {
            if (range.Family == pool.Family)
            {
                throw new CniException(
                    CniErrorCode.TryAgainLater,
                    "no free address in the range asked for",
                    $"{range.Path}: {pool.AllTaken()}"
                );
            }
        }
    }

    private static string Whose(ReservedAddresses reserved, IPAddress address) =>
        reserved.NameOf(address) is { } name ? $"; {reserved} reserves it for '{name}' (twill address release)" : "";

    internal static CniException Unsatisfiable(CniErrorCode code, IPAddress wanted, string why) =>
        new(code, $"the address asked for, {wanted}, cannot be had", why);
}
