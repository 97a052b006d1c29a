using Twill.Host;
using Twill.Host.Attachments;
using Twill.Linux;
using Twill.Linux.Links;
using Twill.Network;
using Twill.Network.Configuration;
using Twill.Network.State;
using Twill.System;

namespace Twill.Agent;

/// <summary>Keeps what containers on a LAN's interface need of the host: forwarding, and for each a route and the answer to ARP. The
/// addresses are on twill-ipam's records.</summary>
internal sealed class LanReconciler(TwillConf conf)
{
    /// <summary>Writes what is missing, and takes away what is of nobody.</summary>
    /// <param name="route">A socket in the host's namespace.</param>
    /// <param name="lan">The interface.</param>
    /// <returns>What had to be done, each a phrase for the log.</returns>
    internal List<string> Reconcile(RouteSocket route, Link lan)
    {
        if (conf.Lan is not { IsRouted: true })
        {
            return [];
        }

        List<string> changes = [];
        if (HostReconciler.EnsureForwarding())
        {
            changes.Add("IPv4 forwarding turned on");
        }

        if (Sysctl.Ensure($"net/ipv4/conf/{lan.Name}/forwarding", "1"))
        {
            changes.Add($"IPv4 forwarding of {lan.Name} turned on");
        }

        LanAttachment attachment = new();
        LanEntries entries = LanEntries.Read(route);
        foreach (AddressFile file in AddressFile.List(conf.Ipam.DataDir, conf.Name))
        {
            if (
                file.Record is not { } record
                || record.BootId != BootClock.BootId
                || !route.TryGetLink(DeviceNames.Veth(record.Owner.ContainerId, record.Owner.IfName), out Link? end)
                || !attachment.Owns(end)
                || !BridgePorts.IsHostEnd(end, conf.Name)
            )
            {
                continue;
            }

            if (entries.FindDifference(end, lan, file.Address) is { } difference)
            {
                LanAttachment.Ensure(route, lan, end, [file.Address]);
                changes.Add($"container {record.Owner.ContainerId}, {record.Owner.IfName}, is on the LAN again, because {difference}");
            }
        }

        attachment.DeleteStale(route);
        return changes;
    }
}
