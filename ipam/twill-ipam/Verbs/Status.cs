using System.Net;
using Twill.Cni;
using Twill.Ipam.Addresses;
using Twill.Ipam.Subnets;
using Twill.Network.Configuration;
using Twill.Network.State;
using Twill.System;

namespace Twill.Ipam.Verbs;

/// <summary>STATUS: could an ADD get an address now? Changes nothing, leases nothing.</summary>
internal static class Status
{
    /// <exception cref="CniException">code 50: no, and why</exception>
    public static CniResult? Run(CniRequest request, IpamHost host)
    {
        try
        {
            TwillConf conf = IpamConfiguration.Read(request);
            if (StorageProbe.WhyNotWritable($"{conf.Ipam.DataDir}/{request.NetworkName}") is { } full)
            {
                throw new CniException(CniErrorCode.IoFailure, "no address can be recorded", full);
            }

            ISubnetSource source = SubnetSources.For(conf, host);
            IReadOnlyList<IPNetwork>? subnets = source.Current();
            if (subnets is null)
            {
                source.ProbeObtain(null);
                return null;
            }
            foreach (AddressPool pool in Add.PoolsOf(subnets, conf.Ipam))
            {
                if (!HasRoom(pool, conf, request.NetworkName, host))
                {
                    source.ProbeObtain(subnets.FindAll(subnet => subnet.BaseAddress.AddressFamily == pool.Family));
                }
            }
            return null;
        }
        catch (IOException e)
        {
            throw new CniException(CniErrorCode.NotAvailable, "no address could be given out now: it cannot be recorded", e.Message, e);
        }
        catch (Exception e) when (ErrorMapping.Translate(e) is { } why)
        {
            throw new CniException(CniErrorCode.NotAvailable, $"no address could be given out now: {why.Message}", why.Details, e);
        }
    }

    private static bool HasRoom(AddressPool pool, TwillConf conf, string network, IpamHost host)
    {
        using AddressStore? store = AddressStore.OpenExisting(conf.Ipam.DataDir, network);
        if (store is null)
        {
            return pool.Capacity > 0;
        }

        ReservedAddresses reserved = ReservedAddresses.Read(conf.Ipam.DataDir, network);
        if (new AddressAllocator(store, [pool], [], reserved, () => 0).HasRoom())
        {
            return true;
        }

        NetnsLiveness namespaces = new();
        foreach (IPAddress address in store.List())
        {
            if (
                pool.TryFind(address, out _)
                && reserved.NameOf(address) is null
                && store.Read(address, out _) is { } record
                && record.WhyGone(host.Clock.BootId, namespaces) is not null
            )
            {
                return true;
            }
        }
        return false;
    }
}
