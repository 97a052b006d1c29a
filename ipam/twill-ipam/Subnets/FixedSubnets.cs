using System.Net;
using Twill.Cni;

namespace Twill.Ipam.Subnets;

/// <summary>The one subnet of the configuration: a host by itself, no etcd.</summary>
internal sealed class FixedSubnets(IPNetwork subnet) : ISubnetSource
{
    public IReadOnlyList<IPNetwork> Current() => [subnet];

    public void Obtain(IReadOnlyList<IPNetwork>? full) => throw new CniException(
        CniErrorCode.TryAgainLater, "no free address",
        $"$.ipam.subnet: every address of {subnet} is taken by a container that still runs; a larger subnet or etcd has room for more");

    public void ProbeObtain(IReadOnlyList<IPNetwork>? full) => Obtain(full);
}
