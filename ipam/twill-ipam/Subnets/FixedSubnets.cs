using System.Net;
using System.Net.Sockets;
using Twill.Cni;
using Twill.Ipam.Addresses;
using Twill.Network.Configuration;

namespace Twill.Ipam.Subnets;

/// <summary>The subnets in the configuration: a host by itself, no etcd.</summary>
internal sealed class FixedSubnets(IpamConf conf) : ISubnetSource
{
    public IReadOnlyList<IPNetwork> Current() => conf.Ranges;

    public void Obtain(IReadOnlyList<IPNetwork>? full)
    {
        AddressPool pool = Verbs.Add.PoolsOf(full!, conf)[0];
        throw new CniException(
            CniErrorCode.TryAgainLater,
            "no free address",
            $"$.ipam.{(pool.Family == AddressFamily.InterNetwork ? "subnet" : "ipv6Subnet")}: {pool.AllTaken()}; "
                + "a larger subnet or range, or etcd, has room for more"
        );
    }

    public void ProbeObtain(IReadOnlyList<IPNetwork>? full) => Obtain(full);
}
