using System.Net;
using System.Net.Sockets;
using Twill.Cni;
using Twill.Ipam.Addresses;
using Twill.Network.State;

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
        if (store is null)
        {
            return null;
        }

        var valid = new HashSet<CniAttachment>(request.ValidAttachments);
        using (store.Lock())
        {
            host.ThrowIfCallerGone();
            NetworkStateDir state = host.State.Existing(request.NetworkName);
            valid.UnionWith(GcSession.AddsInFlight(state)); // no address is claimed while we look
            valid.UnionWith(DockerEndpoint.Attachments(state));
            valid.UnionWith(AttachedContainer.Attachments(state));
            store.RemoveLeftover();
            var kept = new HashSet<IPAddress>(); // a file that cannot be read still counts for the attachment whose link leads to it
            bool mayHaveMore = false; // and as long as one cannot, who knows what other addresses it would name
            foreach (CniAttachment attachment in valid)
            {
                if (store.Hint(attachment) is not { } address)
                {
                    continue;
                }

                kept.Add(address);
                mayHaveMore |= store.Read(address, out bool found) is null && found;
            }
            StoreSweep.Run(
                store,
                record => !valid.Contains(record.Owner),
                address => !kept.Contains(address) && !(mayHaveMore && address.AddressFamily == AddressFamily.InterNetworkV6),
                host.Log
            );
        }
        return null;
    }
}
