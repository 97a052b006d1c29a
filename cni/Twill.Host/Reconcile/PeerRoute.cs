using System.Net;
using System.Net.Sockets;
using Twill.Linux;
using Twill.Linux.Routes;

namespace Twill.Host.Reconcile;

/// <summary>A route of ours in the main table: `ip route add SUBNET via VIA dev DEVICE [onlink] [metric METRIC] proto 116`.</summary>
/// <param name="Subnet">A remote host's subnet.</param>
/// <param name="Via">Next hop; null for a route without one: into a tunnel that knows by the destination where to.</param>
/// <param name="Device">Name of the interface it leads to.</param>
/// <param name="OnLink">Whether the kernel takes the next hop for a neighbour without asking its own addresses.</param>
/// <param name="Metric">Priority; twill makes the one that comes before all others, <see cref="FirstMetric"/>.</param>
public readonly record struct PeerRoute(IPNetwork Subnet, IPAddress? Via, string Device, bool OnLink, uint Metric = 0)
{
    /// <summary>What it does with a packet.</summary>
    public RouteType Type { get; init; } = RouteType.Unicast;

    /// <summary>The nexthop object that says next hop and device in its place (`nhid`); 0: it says them itself.</summary>
    public uint NexthopId { get; init; }

    /// <summary>
    /// What a nexthop object has to say for this route, where the kernel has such objects; null when it is better off without. The kernel
    /// keeps all IPv4 routes of one maker on one device in one bucket of a hash table, unless they name objects: each one more costs as
    /// much as there are. IPv6 has no such table. On the underlay a route does without: with a nexthop object it would be gone for good
    /// when the link loses its carrier for a moment, and the agent is the only one to bring it back. An overlay device has no carrier to
    /// lose.
    /// </summary>
    public OverlayHop? NexthopKey => OnLink && Via is { } via ? new OverlayHop(Device, via) : null;

    /// <summary>The metric of a route that comes before all others: IPv4's is 0, which IPv6 takes for "none given", and makes 1024 of
    /// it.</summary>
    public static uint FirstMetric(IPNetwork subnet) => subnet.BaseAddress.AddressFamily == AddressFamily.InterNetworkV6 ? 1u : 0;

    /// <summary>A route by way of the host itself, on the underlay.</summary>
    public static PeerRoute Direct(IPNetwork subnet, IPAddress publicIP, string device) =>
        new(subnet, publicIP, device, OnLink: false, FirstMetric(subnet));

    /// <summary>
    /// A route through an overlay device. IPv4: by way of the subnet's first address. IPv6: by way of the link-local address of the remote
    /// device, which the kernel never compares with other routes.
    /// </summary>
    public static PeerRoute Overlay(IPNetwork subnet, MacAddress mac, string device) =>
        subnet.BaseAddress.AddressFamily == AddressFamily.InterNetworkV6
            ? new PeerRoute(subnet, mac.ToLinkLocal(), device, OnLink: false, FirstMetric(subnet))
            : new PeerRoute(subnet, subnet.BaseAddress, device, OnLink: true, FirstMetric(subnet));

    /// <summary>A route into a tunnel.</summary>
    public static PeerRoute Tunnel(IPNetwork subnet, string device) => new(subnet, Via: null, device, OnLink: false, FirstMetric(subnet));

    /// <summary>
    /// `ip route add unreachable NETWORK metric 4294967295 proto 116`: what no more exact route leads to goes nowhere, least of all to
    /// where the default route leads.
    /// </summary>
    public static PeerRoute NoOtherWay(IPNetwork network) =>
        new(network, Via: null, "", OnLink: false, uint.MaxValue) { Type = RouteType.Unreachable };

    /// <summary>As the log shows it.</summary>
    public override string ToString() =>
        Type != RouteType.Unicast ? $"route {Type.ToString().ToLowerInvariant()} {Subnet}"
        : Via is null ? $"route {Subnet} dev {Device}"
        : $"route {Subnet} via {Via} dev {Device}";
}
