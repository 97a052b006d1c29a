using System.Net;
using Twill.Cni;
using Twill.Ipam.Addresses;
using Twill.Network.State;

namespace Twill.Ipam.Verbs;

/// <summary>
/// DEL: frees what the attachment has, if anything. Needs nothing but the network's name and the data directory: the rest of the
/// configuration may be broken, the namespace gone, etcd away.
/// </summary>
internal static class Del
{
    public static CniResult? Run(CniRequest request, IpamHost host)
    {
        using AddressStore? store = AddressStore.OpenExisting(IpamConfiguration.ReadDataDir(request, host), request.NetworkName);
        if (store is null)
        {
            return null;
        }

        using (store.Lock())
        {
            host.ThrowIfCallerGone();
            store.RemoveLeftover();
            if (store.Hint(request.Attachment) is not { } address)
            {
                return null;
            }

            AddressRecord? record = store.Read(address, out bool found);
            if (record?.Owner == request.Attachment)
            {
                store.Release(address, record);
            }
            else
            {
                if (record is null && found)
                {
                    store.Release(address, null); // the link says so, and the record does not say otherwise
                }

                ReleaseBySearch(store, request.Attachment);
            }
            store.RemoveHint(request.Attachment);
        }
        return null;
    }

    /// <summary>The link leads astray: an ADD that was killed, or somebody's hand. Is there a record elsewhere?</summary>
    private static void ReleaseBySearch(AddressStore store, CniAttachment attachment)
    {
        foreach (IPAddress address in store.List())
        {
            if (store.Read(address, out _) is { } record && record.Owner == attachment)
            {
                store.Release(address, record);
            }
        }
    }
}
