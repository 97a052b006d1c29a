using Twill.Linux;
using Twill.Linux.Links;
using Twill.Linux.Nftables;
using Twill.System;

namespace Twill.Host.Attachments;

/// <summary>A veth pair whose host end is on no bridge, because that has no port for it: the host routes to it
/// (<see cref="RoutedVeth"/>).</summary>
public sealed class RoutedAttachment : IAttachment
{
    /// <inheritdoc/>
    public string Name => "routed";

    /// <inheritdoc/>
    /// <remarks>Host end and alias are made in one system call: who is killed leaves no end that does not say whose it is.</remarks>
    /// <exception cref="InterfaceExistsException">The container has another interface of that name.</exception>
    public Link? Create(RouteSocket host, NetNs pod, PodLinkSpec spec, Link bridge, Action created)
    {
        RouteBatch batch = host.NewBatch();
        int made = batch.Add(PodLink.Veth(pod, spec) with { Group = RoutedVeth.Group }, tolerate: Errno.EEXIST);
        batch.Add(new SetLink(spec.HostName) { Alias = spec.Alias }, tolerate: Errno.ENODEV);
        batch.Send();
        if (batch.ErrnoOf(made) == Errno.EEXIST)
        {
            throw new InterfaceExistsException(
                $"the container's namespace already has an interface {spec.IfName}, which is not of this network"
            );
        }

        created();
        return host.GetLink(spec.HostName);
    }

    /// <inheritdoc/>
    public bool Owns(Link end) => RoutedVeth.Is(end);

    /// <inheritdoc/>
    public void Connect(AttachmentSite site, IReadOnlyList<AttachedAddress> addresses) =>
        RoutedVeth.Connect(site.Host, site.Spec, site.End, site.Bridge, Routed(site.Bridge.Name, addresses));

    /// <inheritdoc/>
    public ContainerLink Inside(IReadOnlyList<AttachedAddress> addresses)
    {
        List<RoutedAddress> routed = Routed("", addresses);
        return new ContainerLink(routed.ConvertAll(RoutedVeth.Inside), RoutedVeth.RoutesInside(routed));
    }

    /// <inheritdoc/>
    public Link GatewayLink(AttachmentSite site) => site.End;

    /// <inheritdoc/>
    public string? FindDifference(AttachmentSite site, IReadOnlyList<AttachedAddress> addresses) =>
        RoutedVeth.FindDifference(site.Host, site.End, site.Bridge.Name, Routed(site.Bridge.Name, addresses));

    /// <inheritdoc/>
    public bool Delete(RouteSocket host, Link end, NftSocket? held = null)
    {
        RoutedVeth.Disconnect(host, end);
        return LinkRemoval.Run(host, end, held);
    }

    /// <inheritdoc/>
    public void DeleteStale(RouteSocket host) => RoutedVeth.DeleteStaleProxyNeighbours(host);

    /// <inheritdoc/>
    public List<Link> List(IReadOnlyList<Link> links, string network, int bridge)
    {
        List<Link> ends = [];
        foreach (Link link in links)
        {
            if (link.Kind == "veth" && Owns(link) && BridgePorts.IsHostEnd(link, network))
            {
                ends.Add(link);
            }
        }

        return ends;
    }

    private static List<RoutedAddress> Routed(string bridge, IReadOnlyList<AttachedAddress> addresses)
    {
        List<RoutedAddress> routed = new(addresses.Count);
        foreach (AttachedAddress address in addresses)
        {
            routed.Add(
                address.Gateway is { } gateway
                    ? new RoutedAddress(address.Address, gateway, address.PrefixLength)
                    : throw new NoGatewayException(
                        $"bridge {bridge} has no port left, and {address.Address}/{address.PrefixLength} cannot be reached past it"
                    )
            );
        }

        return routed;
    }
}
