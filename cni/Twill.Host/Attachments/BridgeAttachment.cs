using Twill.Linux;
using Twill.Linux.Links;
using Twill.Linux.Nftables;
using Twill.Network;
using Twill.System;

namespace Twill.Host.Attachments;

/// <summary>A veth pair whose host end is a port of the network's bridge.</summary>
public sealed class BridgeAttachment : IAttachment
{
    /// <summary>
    /// The highest number of a bridge's port that a container is left on; the kernel numbers ports from 1 and gives the lowest that is
    /// free. There are 1,023, but a broadcast is copied to all of them at once, onto a queue of one processor that by default holds 1,000
    /// frames (<c>net.core.netdev_max_backlog</c>): the last ports would lose ARP requests, and half of all would when two containers ask
    /// at once. Half of the queue leaves room for a second one.
    /// </summary>
    public const int LastPort = 512;

    /// <inheritdoc/>
    public string Name => "bridge";

    /// <inheritdoc/>
    /// <remarks>
    /// <c>ip link add HOST address MAC mtu MTU master BRIDGE up type veth peer name IFNAME mtu MTU netns NETNS</c>, then alias, hairpin and
    /// learning. Where there is no port the kernel unmakes the pair, which takes it 30 ms: it is not tried on a bridge that had too many
    /// before. An end past <see cref="LastPort"/> is taken off the bridge: it is of a <see cref="RoutedAttachment"/> then.
    /// </remarks>
    public Link? Create(RouteSocket host, NetNs pod, PodLinkSpec spec, Link bridge, Action created)
    {
        if (
            spec.IsRoutedOnLan
            || (bridge.ProxyArp && !spec.IsOnLan)
            || !host.TryExecute(PodLink.Veth(pod, spec) with { Master = bridge.Index }, Errno.EEXIST, Errno.EXFULL)
        )
        {
            return null;
        }

        created();
        Link end = host.GetLink(spec.HostName);
        RouterAnnouncements.RefuseAt(end);
        if (end.BridgePort is { Number: > LastPort })
        {
            RoutedVeth.TakeOffBridge(host, spec, end);
            return host.GetLink(spec.HostName);
        }

        RouteBatch batch = host.NewBatch();
        batch.Add(new SetLink(end.Index) { Alias = spec.Alias });
        batch.Add(
            new SetBridgePort(end.Index)
            {
                Hairpin = spec.Hairpin,
                Learning = spec.AntiSpoof ? false : null,
                Isolated = spec.Isolated ? true : null,
            }
        );
        batch.Send();
        return end;
    }

    /// <inheritdoc/>
    public bool Owns(Link end) => !RoutedVeth.Is(end);

    /// <inheritdoc/>
    public void Connect(AttachmentSite site, IReadOnlyList<AttachedAddress> addresses) { }

    /// <inheritdoc/>
    public ContainerLink Inside(IReadOnlyList<AttachedAddress> addresses)
    {
        PodAddress[] inside = new PodAddress[addresses.Count];
        for (int i = 0; i < inside.Length; i++)
        {
            inside[i] = new PodAddress(addresses[i].Address, addresses[i].PrefixLength);
        }

        return new ContainerLink(inside, []);
    }

    /// <inheritdoc/>
    public Link GatewayLink(AttachmentSite site) => site.Bridge;

    /// <inheritdoc/>
    public string? FindDifference(AttachmentSite site, IReadOnlyList<AttachedAddress> addresses)
    {
        if (site.End.MasterIndex != site.Bridge.Index)
        {
            return $"host end {site.End.Name} is not a port of bridge {site.Bridge.Name}";
        }

        if (site.End.BridgePort?.Hairpin != site.Spec.Hairpin)
        {
            return $"hairpin of host end {site.End.Name} is {(site.Spec.Hairpin ? "off, not on" : "on, not off")}";
        }

        return site.Spec.Isolated && site.End.BridgePort is { Isolated: false }
            ? $"host end {site.End.Name} is not isolated from other containers (bridge link set dev {site.End.Name} isolated on)"
            : null;
    }

    /// <inheritdoc/>
    public bool Delete(RouteSocket host, Link end, NftSocket? held = null) => LinkRemoval.Run(host, end, held);

    /// <inheritdoc/>
    /// <remarks>Whose an end is, its alias says. One without (an ADD was killed before it gave it) counts by the bridge it hangs
    /// on.</remarks>
    public List<Link> List(IReadOnlyList<Link> links, string network, int bridge)
    {
        List<Link> ends = [];
        foreach (Link link in links)
        {
            bool unnamed = string.IsNullOrEmpty(link.Alias);
            if (
                link.Kind == "veth"
                && Owns(link)
                && (
                    unnamed
                        ? DeviceNames.IsVeth(link.Name) && bridge != 0 && link.MasterIndex == bridge
                        : BridgePorts.IsHostEnd(link, network)
                )
            )
            {
                ends.Add(link);
            }
        }

        return ends;
    }
}
