using System.Net;
using Twill.Linux;

namespace Twill.Host;

/// <summary>An overlay device as it should be, of whatever kind: what <see cref="OverlayDevice.Ensure"/> makes and mends.</summary>
/// <param name="Name">Interface name.</param>
/// <param name="Mtu">MTU in bytes.</param>
/// <param name="Addresses">The device's own addresses, each with the full prefix length: it reaches nobody but itself. None while there is
/// no lease.</param>
/// <param name="NetworkName">The network it belongs to, kept in the device's alias.</param>
public abstract record OverlaySpec(string Name, int Mtu, PerFamily<IPNetwork> Addresses, string NetworkName)
{
    /// <inheritdoc/>
    public sealed override string ToString() => Name;

    /// <summary>The alias by which a device is known as this network's, also after its name changed with the configuration.</summary>
    public string Alias => AliasOf(NetworkName);

    /// <summary>The kind of device, as `ip link` calls it.</summary>
    public abstract string Kind { get; }

    /// <summary>Makes the device, or corrects it.</summary>
    /// <param name="route">A socket in the host's namespace.</param>
    public abstract OverlayDevice.Result Ensure(RouteSocket route);

    /// <summary>Whether a link of that kind may be the device.</summary>
    internal virtual bool IsKind(string? kind) => kind == Kind;

    /// <summary>The alias of the overlay devices of a network.</summary>
    public static string AliasOf(string networkName) => $"twill overlay of {networkName}";

    /// <summary>The first address of a subnet, alone, as overlay devices have it.</summary>
    public static IPNetwork BaseOf(IPNetwork subnet) => new(subnet.BaseAddress, subnet.BaseAddress.GetAddressBytes().Length * 8);
}
