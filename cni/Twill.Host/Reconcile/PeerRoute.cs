using System.Net;

namespace Twill.Host.Reconcile;

/// <summary>A route of ours in the main table: `ip route add SUBNET via VIA dev DEVICE [onlink] [metric METRIC] proto 116`.</summary>
/// <param name="Subnet">A remote host's subnet.</param>
/// <param name="Via">Next hop; null for a route without one, which twill never makes but may find.</param>
/// <param name="Device">Name of the interface it leads to.</param>
/// <param name="OnLink">Whether the kernel takes the next hop for a neighbour without asking its own addresses.</param>
/// <param name="Metric">Priority; twill makes 0.</param>
public readonly record struct PeerRoute(IPNetwork Subnet, IPAddress? Via, string Device, bool OnLink, uint Metric = 0)
{
    /// <summary>As the log shows it.</summary>
    public override string ToString() => $"route {Subnet} via {Via} dev {Device}";
}
