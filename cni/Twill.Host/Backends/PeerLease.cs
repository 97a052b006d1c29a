using System.Net;

namespace Twill.Host.Backends;

/// <summary>What another host published about itself: one subnet, and how to reach the containers in it.</summary>
/// <param name="Subnet">The subnet that the host leased, of either family.</param>
/// <param name="Addresses">The host's own addresses on the underlay.</param>
/// <param name="BackendType">The backend that the host runs: "vxlan", "host-gw", ...; empty when it runs none.</param>
public sealed record PeerLease(IPNetwork Subnet, PerFamily<PeerAddress> Addresses, string BackendType)
{
    /// <summary>Its name for people: the key that it was published by; empty when it has none.</summary>
    public string Key { get; init; } = "";

    /// <summary>Orders leases by when they came to be: of two that contradict each other the one with the lower number stays.</summary>
    public long Created { get; init; }

    /// <summary>As the log shows it, e.g. "10.244.7.0/24 via 192.168.64.3".</summary>
    public override string ToString()
    {
        foreach (PeerAddress address in Addresses.From(Subnet.BaseAddress.AddressFamily))
        {
            return $"{Subnet} via {address.PublicIP}";
        }

        return $"{Subnet}";
    }
}
