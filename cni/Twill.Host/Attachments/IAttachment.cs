using System.Net;
using Twill.Linux;
using Twill.Linux.Links;
using Twill.Linux.Nftables;

namespace Twill.Host.Attachments;

/// <summary>
/// How a container hangs on its host: by what interface, and how packets get from there to the others. An attachment is a class and a line
/// in <see cref="AttachmentTable"/>. It remembers nothing: whose an interface is, its name, alias and group say.
/// </summary>
public interface IAttachment
{
    /// <summary>What people call it: "bridge", "routed".</summary>
    string Name { get; }

    /// <summary>Makes the container's interface and its host end. The interface inside is down and has no addresses yet.</summary>
    /// <param name="host">A socket in the host's namespace, which is the calling thread's.</param>
    /// <param name="pod">The container's namespace.</param>
    /// <param name="spec">What to make.</param>
    /// <param name="bridge">The network's bridge.</param>
    /// <param name="created">Called as soon as there is something that has to be deleted when the rest fails.</param>
    /// <returns>The host end; null when there is no room for one more container, and nothing was made.</returns>
    /// <exception cref="HostException">Something is in the way.</exception>
    Link? Create(RouteSocket host, NetNs pod, PodLinkSpec spec, Link bridge, Action created);

    /// <summary>Whether a host end is of this kind.</summary>
    bool Owns(Link end);

    /// <summary>Brings the host end into the network with the container's addresses.</summary>
    /// <param name="site">The container.</param>
    /// <param name="addresses">Its addresses.</param>
    /// <exception cref="NoGatewayException">An address cannot be reached this way.</exception>
    void Connect(AttachmentSite site, IReadOnlyList<AttachedAddress> addresses);

    /// <summary>The addresses as the interface inside gets them, and the routes that it needs before those that are asked for.</summary>
    /// <param name="addresses">The container's addresses.</param>
    ContainerLink Inside(IReadOnlyList<AttachedAddress> addresses);

    /// <summary>The link of the host by which it exchanges packets with the container: it has the gateway's address.</summary>
    Link GatewayLink(AttachmentSite site);

    /// <summary>The first thing that is not as <see cref="Create"/> and <see cref="Connect"/> left it, in words; null when all
    /// is.</summary>
    /// <param name="site">The container.</param>
    /// <param name="addresses">Its addresses.</param>
    string? FindDifference(AttachmentSite site, IReadOnlyList<AttachedAddress> addresses);

    /// <summary>Deletes the host end and all that belongs to it.</summary>
    /// <param name="host">A socket in the host's namespace, which is the calling thread's.</param>
    /// <param name="end">The host end.</param>
    /// <param name="held">As in <see cref="LinkRemoval.Run"/>.</param>
    /// <returns>False when it was gone.</returns>
    bool Delete(RouteSocket host, Link end, NftSocket? held = null);

    /// <summary>Deletes what outlives host ends that are gone already: with their namespaces, say.</summary>
    /// <param name="host">A socket in the host's namespace.</param>
    void DeleteStale(RouteSocket host) { }

    /// <summary>The host ends of a network's containers.</summary>
    /// <param name="links">All links of the host.</param>
    /// <param name="network">The network's name.</param>
    /// <param name="bridge">Interface index of its bridge; 0 when there is none.</param>
    List<Link> List(IReadOnlyList<Link> links, string network, int bridge);
}

/// <summary>A container on its host.</summary>
/// <param name="Host">A socket in the host's namespace, which is the calling thread's.</param>
/// <param name="Spec">The pair of interfaces.</param>
/// <param name="End">The host end.</param>
/// <param name="Bridge">The network's bridge.</param>
public sealed record AttachmentSite(RouteSocket Host, PodLinkSpec Spec, Link End, Link Bridge);

/// <summary>An address that a container is to have.</summary>
/// <param name="Address">The address.</param>
/// <param name="PrefixLength">Bits of its subnet.</param>
/// <param name="Gateway">The host's address in the same subnet; null when the host has none.</param>
public sealed record AttachedAddress(IPAddress Address, int PrefixLength, IPAddress? Gateway);

/// <summary>What the interface inside gets.</summary>
/// <param name="Addresses">Its addresses.</param>
/// <param name="Routes">Routes that go before those that are asked for.</param>
public sealed record ContainerLink(IReadOnlyList<PodAddress> Addresses, IReadOnlyList<PodRoute> Routes);
