using System.Net;
using Twill.Linux;
using Twill.Network;

namespace Twill.Host.AntiSpoof;

/// <summary>What a container may send as.</summary>
/// <param name="ContainerId">The container.</param>
/// <param name="IfName">And its interface.</param>
/// <param name="IsRouted">Whether its host end is past the bridge's ports (<see cref="RoutedVeth"/>).</param>
/// <param name="Mac">Its hardware address.</param>
/// <param name="Addresses">Its own addresses, each as a prefix of all its bits, and those that the configuration allows it beside.</param>
public sealed record ContainerSource(
    string ContainerId,
    string IfName,
    bool IsRouted,
    MacAddress Mac,
    IReadOnlyList<IPNetwork> Addresses
)
{
    /// <inheritdoc/>
    public override string ToString() => HostName;

    /// <summary>Name of the container's host end.</summary>
    public string HostName { get; } = DeviceNames.Veth(ContainerId, IfName);
}
