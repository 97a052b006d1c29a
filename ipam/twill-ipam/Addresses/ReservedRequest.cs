using System.Net;
using Twill.Cni;
using Twill.Ipam.Verbs;
using Twill.Network.Configuration;
using Twill.Network.State;

namespace Twill.Ipam.Addresses;

/// <summary>What <see cref="ReservedAddresses"/> means for an ADD: a container of a name asks for the address that is reserved for it, and
/// nobody else gets that, not by asking for it either.</summary>
internal static class ReservedRequest
{
    /// <summary>The addresses that were asked for, and those reserved for the container's names of families of which none was.</summary>
    /// <param name="request">the call</param>
    /// <param name="conf">which families there are</param>
    /// <param name="wanted">what was asked for</param>
    /// <param name="reserved">what is reserved</param>
    /// <exception cref="CniException">code 7: an address that was asked for is reserved for another name</exception>
    public static IPAddress[] Complete(CniRequest request, IpamConf conf, IPAddress[] wanted, ReservedAddresses reserved)
    {
        if (reserved.All.Count == 0)
        {
            return wanted; // names are nobody's business then
        }

        List<string> names = RequestedNames.Read(request);
        foreach (IPAddress address in wanted)
        {
            if (reserved.NameOf(address) is { } name && !names.Contains(name))
            {
                throw Add.Unsatisfiable(
                    CniErrorCode.InvalidNetworkConfig,
                    address,
                    $"{reserved} reserves it for containers called '{name}': ask for another one, or: twill address release "
                        + $"{request.NetworkName} {name}"
                );
            }
        }

        List<IPAddress> all = [.. wanted];
        foreach (IpamFamily family in conf.Families)
        {
            if (!all.Exists(address => address.AddressFamily == family.Family) && reserved.Of(names, family.Family) is { } its)
            {
                all.Add(its);
            }
        }

        return all.ToArray();
    }
}
