using System.Globalization;
using Twill.Host;
using Twill.Linux;
using Twill.Linux.Links;
using Twill.Linux.Netlink;
using Twill.Network;
using Twill.Network.Configuration;
using Twill.Network.State;
using Twill.System;

namespace Twill.Agent;

/// <summary>
/// Lowers the MTU of running containers when their network's MTU falls: their full packets would no longer pass, and many networks drop the
/// ICMP message that says so. When it rises they stay as they are, which loses nothing. Interfaces that somebody gave another MTU than the
/// network's are left alone.
/// </summary>
internal sealed class ContainerMtu(TwillConf conf)
{
    private readonly HashSet<int> _former = [];

    /// <summary>Remembers an MTU that the network had.</summary>
    internal void AddFormer(int mtu) => _former.Add(mtu);

    /// <summary>
    /// Lowers the MTU of containers that have a former one. To be called before the bridge gets the new MTU: until then the bridge has the
    /// one that the network had, also when it changed while no agent ran.
    /// </summary>
    /// <param name="host">A socket in the host's namespace.</param>
    /// <param name="mtu">Bytes; the network's MTU now.</param>
    /// <param name="refusals">Containers that keep a larger one, each with the reason. The next call tries again.</param>
    /// <returns>What was done, each a phrase for the log.</returns>
    internal List<string> Lower(RouteSocket host, int mtu, out IReadOnlyList<string> refusals)
    {
        refusals = [];
        if (host.TryGetLink(conf.Bridge, out Link? bridge) && bridge.Mtu > mtu)
        {
            _former.Add((int)bridge.Mtu);
        }

        if (_former.Count == 0)
        {
            return [];
        }

        (List<string> changes, List<string> kept) = Lower(host, conf.Name, conf.Ipam.DataDir, _former, mtu);
        refusals = kept;
        if (kept.Count == 0)
        {
            _former.Clear();
        }

        return changes;
    }

    /// <summary>Lowers both ends of the pairs that have one of the former MTUs: inside first, so that at no time more is sent than
    /// passes.</summary>
    /// <param name="host">A socket in the host's namespace.</param>
    /// <param name="network">The network's name.</param>
    /// <param name="dataDir">Where twill-ipam keeps its records, which say where containers' namespaces are.</param>
    /// <param name="former">MTUs in bytes that the network had.</param>
    /// <param name="mtu">Bytes; the network's MTU now.</param>
    /// <returns>What was done and what could not be, each a phrase for the log.</returns>
    private static (List<string> Done, List<string> Kept) Lower(
        RouteSocket host,
        string network,
        string dataDir,
        IReadOnlySet<int> former,
        int mtu
    )
    {
        List<Link> ends = host.ListLinks(kind: "veth")
            .FindAll(link => BridgePorts.IsHostEnd(link, network) && link.Mtu > mtu && former.Contains((int)link.Mtu));
        if (ends.Count == 0)
        {
            return ([], []);
        }

        Dictionary<string, AddressRecord> owners = [];
        foreach (AddressFile file in AddressFile.List(dataDir, network))
        {
            if (file.Record is { } record && record.BootId == BootClock.BootId)
            {
                owners[DeviceNames.Veth(record.Owner.ContainerId, record.Owner.IfName)] = record;
            }
        }

        int lowered = 0;
        List<string> changes = [],
            kept = [];
        foreach (Link end in ends)
        {
            try
            {
                if (owners.TryGetValue(end.Name, out AddressRecord? owner) && LowerInside(owner, end, former, mtu))
                {
                    host.Execute(new SetLink(end.Index) { Mtu = (uint)mtu });
                    lowered++;
                    continue;
                }

                kept.Add(
                    $"container behind {end.Name} ({end.Alias}) keeps MTU {end.Mtu}: its interface is not found where its ADD was told; "
                        + "restart it"
                );
            }
            catch (LibcException e) when (e.Errno is Errno.EPERM or Errno.EACCES)
            {
                kept.Add(
                    $"container behind {end.Name} ({end.Alias}) keeps MTU {end.Mtu}: {e.Message}; let twilld enter its network namespace: "
                        + "CapabilityBoundingSet= of its unit lacks CAP_SYS_ADMIN"
                );
            }
            catch (Exception e) when (e is LibcException or NetlinkException)
            {
                kept.Add($"container behind {end.Name} ({end.Alias}) keeps MTU {end.Mtu}: {e.Message}; restart it");
            }
        }

        if (lowered > 0)
        {
            changes.Insert(
                0,
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"MTU of {lowered} running {(lowered == 1 ? "container" : "containers")} lowered to {mtu}"
                )
            );
        }

        return (changes, kept);
    }

    /// <summary>False when the namespace or the interface there is another than the ADD's.</summary>
    private static bool LowerInside(AddressRecord owner, Link end, IReadOnlySet<int> former, int mtu)
    {
        using NetNs netns = NetNs.Open(owner.Netns);
        if (owner.Identity?.IsSameAs(netns.Identity) != true)
        {
            return false;
        }

        using RouteSocket inside = netns.Run(() => RouteSocket.Open());
        if (!inside.TryGetLink(end.LinkIndex, out Link? link) || link.LinkIndex != end.Index)
        {
            return false;
        }

        if (link.Mtu > mtu && former.Contains((int)link.Mtu))
        {
            inside.Execute(new SetLink(link.Index) { Mtu = (uint)mtu });
        }

        return true;
    }
}
