using System.Globalization;

namespace Twill.Host.Reconcile;

/// <summary>A nexthop object of ours: `ip nexthop add id ID via ADDRESS dev DEVICE onlink proto 116`. One route names it.</summary>
/// <param name="Id">Its number: <see cref="NexthopIds"/>.</param>
/// <param name="Hop">Where it leads.</param>
public readonly record struct PeerNexthop(uint Id, OverlayHop Hop)
{
    /// <summary>As the log shows it.</summary>
    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"nexthop {Id} via {Hop.Address} dev {Hop.Device}");
}
