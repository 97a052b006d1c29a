using System.Net;
using Twill.Cni;
using Twill.Cni.State;
using Twill.Ipam.Addresses;

namespace Twill.Ipam.Verbs;

/// <summary>
/// GC: frees every address of this network whose attachment the runtime does not list and no ADD of twill is making. Under another main
/// plugin, whose ADDs leave no mark, the list alone decides.
/// </summary>
internal static class Gc
{
    public static CniResult? Run(CniRequest request, IpamHost host)
    {
        using AddressStore? store = AddressStore.OpenExisting(IpamConfiguration.ReadDataDir(request, host), request.NetworkName);
        if (store is null) return null;
        var valid = new HashSet<CniAttachment>(request.ValidAttachments);
        using (store.Lock())
        {
            host.GoOnOnlyIfAwaited();
            valid.UnionWith(Collection.Running(host.State.Existing(request.NetworkName)));   // no address is claimed while we look
            store.RemoveLeftover();
            var kept = new HashSet<IPAddress>();   // a file that cannot be read still counts for the attachment whose link leads to it
            foreach (CniAttachment attachment in valid)
            {
                if (store.Hint(attachment) is { } address) kept.Add(address);
            }
            StoreSweep.Run(store, record => !valid.Contains(record.Owner), address => !kept.Contains(address), host.Log);
        }
        return null;
    }
}
