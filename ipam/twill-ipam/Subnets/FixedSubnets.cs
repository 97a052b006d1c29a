using System.Net;
using System.Net.Sockets;
using Twill.Cni;

namespace Twill.Ipam.Subnets;

/// <summary>The one subnet of each family in the configuration: a host by itself, no etcd.</summary>
internal sealed class FixedSubnets(IReadOnlyList<IPNetwork> subnets) : ISubnetSource
{
    public IReadOnlyList<IPNetwork> Current() => subnets;

    public void Obtain(IReadOnlyList<IPNetwork>? full) =>
        throw new CniException(
            CniErrorCode.TryAgainLater,
            "no free address",
            $"$.ipam.{(full![0].BaseAddress.AddressFamily == AddressFamily.InterNetwork ? "subnet" : "ipv6Subnet")}: every address of "
                + $"{full[0]} is taken by a container "
                + "that still runs; a larger subnet or etcd has room for more"
        );

    public void ProbeObtain(IReadOnlyList<IPNetwork>? full) => Obtain(full);
}
