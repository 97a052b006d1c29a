using System.Net;

namespace Twill.Ipam.Subnets;

/// <summary>Where the subnets come from whose addresses this host may hand out.</summary>
internal interface ISubnetSource
{
    /// <summary>The subnets new containers may get addresses of at this moment, from files alone; null when there is none.</summary>
    IReadOnlyList<IPNetwork>? Current();

    /// <summary>
    /// Does what it takes that <see cref="Current"/> has a subnet with room: leases the first one, renews, or leases one more.
    /// Slow, and never called with the address store locked.
    /// </summary>
    /// <param name="full">the subnets of one address family that have no address left; null when there were none at all</param>
    /// <exception cref="Twill.Cni.CniException">code 11: nothing can be had now; 7, 101: it cannot be had this way</exception>
    void Obtain(IReadOnlyList<IPNetwork>? full);

    /// <summary>Throws when <see cref="Obtain"/> would not succeed now, without changing anything.</summary>
    /// <param name="full">as for <see cref="Obtain"/></param>
    void ProbeObtain(IReadOnlyList<IPNetwork>? full);
}
