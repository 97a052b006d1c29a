using System.Net;
using Twill.Cni;
using Twill.Cni.Configuration;
using Twill.Ipam.Addresses;
using Twill.Ipam.Subnets;

namespace Twill.Ipam.Verbs;

/// <summary>
/// ADD: the next free address of this host's subnets, or the one asked for. As long as the host has a subnet with room and a valid
/// lease this is a handful of file operations under the store's lock; only without one, outside the lock, etcd is asked.
/// </summary>
internal static class Add
{
    private const int Rounds = 8;   // each gets a subnet that another process may fill before we look again

    public static CniResult Run(CniRequest request, IpamHost host) => Run(request, IpamConfiguration.Read(request), host);

    private static CniResult Run(CniRequest request, TwillConf conf, IpamHost host)
    {
        request.Args.RefuseUnknown("IP", "MAC");   // the second is for the main plugin
        IPAddress? wanted = AddressRequest.Read(request);
        IReadOnlyList<RangeRequest> ranges = RangeRequest.Read(request);
        CniDns dns = CniDns.OfRuntime(request.RuntimeConfig) ?? ResolverSettings.Of(conf.Ipam);
        AddressRecord record = NewRecord(request, host);
        ISubnetSource source = SubnetSources.For(conf, host);
        using AddressStore store = AddressStore.Open(conf.Ipam.DataDir, request.NetworkName);
        for (int round = 0; round < Rounds; round++)
        {
            IReadOnlyList<IPNetwork>? subnets;
            using (store.Lock())
            {
                host.GoOnOnlyIfAwaited();
                RefuseSecondAdd(store, record.Owner, host);
                subnets = source.Current();
                AddressPool pool = RangeRequest.Narrow(PoolOf(subnets ?? [], conf.Ipam), subnets is null ? [] : ranges);
                if (subnets is not null && TryClaim(store, pool, record, wanted, host, out IPAddress? address, out AddressRange range))
                {
                    if (MayStillBeGiven(address, source))
                    {
                        return new CniResult
                        {
                            Ips = [new CniIp(address, range.Subnet.PrefixLength, range.Gateway)],
                            Routes = conf.Ipam.Routes,
                            Dns = dns,
                        };
                    }
                    store.Release(address, record.Owner);
                    subnets = null;
                }
                else if (subnets is not null && ranges.Count > 0)
                {
                    throw new CniException(CniErrorCode.TryAgainLater, "no free address in the range asked for",
                        $"{ranges[0].Path}: all {pool.Capacity} addresses of {pool} are taken by containers that still run");
                }
            }
            source.Obtain(subnets);
        }
        throw new CniException(CniErrorCode.TryAgainLater, "no free address",
            $"{store.Path}: this host got a subnet {Rounds} times and found it without a free address or without a valid lease each time");
    }

    /// <summary>
    /// The fence, looked at once more: time goes on while a process stands still, and what it claims behind the deadline may be
    /// another host's.
    /// </summary>
    private static bool MayStillBeGiven(IPAddress address, ISubnetSource source)
    {
        if (source.Current() is not { } subnets) return false;
        foreach (IPNetwork subnet in subnets)
        {
            if (subnet.Contains(address)) return true;
        }
        return false;
    }

    /// <summary>What the configuration allows of these subnets.</summary>
    internal static AddressPool PoolOf(IReadOnlyList<IPNetwork> subnets, IpamConf conf)
    {
        var ranges = new AddressRange[subnets.Count];
        for (int i = 0; i < ranges.Length; i++)
        {
            IpamFamily? family = conf.Of(subnets[i].BaseAddress.AddressFamily);
            ranges[i] = AddressRange.Of(subnets[i], family?.Gateway, family?.RangeStart, family?.RangeEnd);
        }
        return new AddressPool(ranges);
    }

    private static AddressRecord NewRecord(CniRequest request, IpamHost host)
    {
        string netns = request.NetnsPath!;
        if (netns.Contains('\n'))
            throw new CniException(CniErrorCode.InvalidEnvironment, "invalid environment variables: CNI_NETNS",
                "CNI_NETNS: expected a path without line breaks");
        var record = new AddressRecord(request.Attachment, host.Clock.BootId, netns, NetnsId.OfPath(netns));
        int length = System.Text.Encoding.UTF8.GetByteCount(record.Format());
        if (length >= AddressStore.LargestRecord)
            throw new CniException(CniErrorCode.InvalidEnvironment, "invalid environment variables: CNI_CONTAINERID, CNI_NETNS",
                $"CNI_CONTAINERID, CNI_NETNS: expected less than {AddressStore.LargestRecord} bytes for a record of both, got {length}");
        return record;
    }

    /// <summary>One address per attachment. What an attachment left that is gone for certain (a reboot, say) does not count.</summary>
    private static void RefuseSecondAdd(AddressStore store, CniAttachment owner, IpamHost host)
    {
        if (store.Hint(owner) is not { } address) return;
        AddressRecord? record = store.Read(address, out _);
        if (record?.Owner != owner) return;   // a stale link; the claim replaces it
        if (!new Liveness(host.Clock.BootId).IsGone(record))
            throw new CniException(CniErrorCode.AlreadyAttached, "the attachment has an address already",
                $"{store.Path}/{address}: {owner.Describe()} got {address} by an earlier ADD; DEL comes first");
        store.Release(address, owner);
    }

    private static bool TryClaim(AddressStore store, AddressPool pool, AddressRecord record, IPAddress? wanted, IpamHost host,
        [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out IPAddress? address, out AddressRange range)
    {
        var allocator = new AddressAllocator(store, pool, () =>
            StoreSweep.FreeGone(store, new Liveness(host.Clock.BootId), host.Booted, host.Log));
        if (wanted is null) return allocator.TryTakeNext(record, out address, out range);

        address = wanted;
        if (!pool.TryFind(wanted, out range)) throw Unsatisfiable(CniErrorCode.InvalidNetworkConfig, wanted, $"this host hands out {pool}");
        if (allocator.TryTake(record, wanted)) return true;
        string owner = store.Read(wanted, out _)?.Owner.Describe() ?? "a file that is no address record";
        throw Unsatisfiable(CniErrorCode.TryAgainLater, wanted, $"{store.Path}/{wanted}: it is taken by {owner}");
    }

    private static CniException Unsatisfiable(CniErrorCode code, IPAddress wanted, string why) =>
        new(code, $"the address asked for, {wanted}, cannot be had", why);
}
