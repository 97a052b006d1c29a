using Twill.Linux;
using Twill.Linux.Links;
using Twill.Linux.Nftables;

namespace Twill.Host.Attachments;

/// <summary>A table of attachments. A new one is a class, and a line in <see cref="All"/>.</summary>
/// <param name="attachments">In the order in which they are tried; the first owns the host ends that no other does.</param>
public sealed class AttachmentTable(params IReadOnlyList<IAttachment> attachments)
{
    /// <summary>All attachments.</summary>
    public static AttachmentTable All { get; } = new(new BridgeAttachment(), new RoutedAttachment(), new LanAttachment());

    /// <summary>Makes the container's interface by the first attachment that has room for it.</summary>
    /// <param name="host">A socket in the host's namespace, which is the calling thread's.</param>
    /// <param name="pod">The container's namespace.</param>
    /// <param name="spec">What to make.</param>
    /// <param name="bridge">The network's bridge.</param>
    /// <param name="created">Called as soon as there is something that has to be deleted when the rest fails.</param>
    /// <exception cref="AlreadyAttachedException">The container has that interface in this network.</exception>
    /// <exception cref="HostException">Something else is in the way.</exception>
    public (IAttachment Attachment, Link End) Create(RouteSocket host, NetNs pod, PodLinkSpec spec, Link bridge, Action created)
    {
        foreach (IAttachment attachment in attachments)
        {
            if (attachment.Create(host, pod, spec, bridge, created) is { } end)
            {
                return (Of(end), end);
            }

            if (host.TryGetLink(spec.HostName, out _))
            {
                throw new AlreadyAttachedException(
                    $"container {spec.ContainerId} already has interface {spec.IfName} in network {spec.Network}: its host end "
                        + $"{spec.HostName} exists"
                );
            }
        }

        throw new HostException($"network {spec.Network} has no room on this host for another container");
    }

    /// <summary>The attachment of a host end.</summary>
    public IAttachment Of(Link end)
    {
        for (int i = attachments.Count - 1; i > 0; i--)
        {
            if (attachments[i].Owns(end))
            {
                return attachments[i];
            }
        }

        return attachments[0];
    }

    /// <summary>Deletes a container's interface. When this returns, its name and address can be given again.</summary>
    /// <param name="host">A socket in the host's namespace, which is the calling thread's.</param>
    /// <param name="hostName">The host end.</param>
    /// <returns>False when there was none.</returns>
    public bool Delete(RouteSocket host, string hostName)
    {
        if (host.TryGetLink(hostName, out Link? end))
        {
            return Of(end).Delete(host, end);
        }

        DeleteStale(host);
        return false;
    }

    /// <summary>The same of one network only: a host end that is in another one stays.</summary>
    /// <param name="host">A socket in the host's namespace, which is the calling thread's.</param>
    /// <param name="network">The network's name.</param>
    /// <param name="hostName">The host end.</param>
    /// <param name="others">Set when it is another network's.</param>
    /// <param name="held">As in <see cref="LinkRemoval.Run"/>.</param>
    public bool Delete(RouteSocket host, string network, string hostName, out bool others, NftSocket? held = null)
    {
        others = host.TryGetLink(hostName, out Link? end) && BridgePorts.IsOfAnother(end, network);
        if (others)
        {
            return false;
        }

        if (end is not null)
        {
            return Of(end).Delete(host, end, held);
        }

        DeleteStale(host);
        return false;
    }

    /// <summary>Deletes what outlives host ends that are gone already.</summary>
    /// <param name="host">A socket in the host's namespace.</param>
    public void DeleteStale(RouteSocket host)
    {
        foreach (IAttachment attachment in attachments)
        {
            attachment.DeleteStale(host);
        }
    }

    /// <summary>The host ends of a network's containers, of all attachments.</summary>
    /// <param name="links">All links of the host.</param>
    /// <param name="network">The network's name.</param>
    /// <param name="bridge">Interface index of its bridge; 0 when there is none.</param>
    public List<Link> List(IReadOnlyList<Link> links, string network, int bridge)
    {
        List<Link> all = [];
        HashSet<int> seen = [];
        foreach (IAttachment attachment in attachments)
        {
            all.AddRange(attachment.List(links, network, bridge).FindAll(end => seen.Add(end.Index)));
        }

        return all;
    }
}
