using System.Net;
using Twill.Linux;
using Twill.Linux.Addresses;
using Twill.Linux.Links;
using Twill.Network.Configuration;
using Twill.System;

namespace Twill.Host;

/// <summary>A host's address in a subnet of its containers.</summary>
/// <param name="Address">The address.</param>
/// <param name="PrefixLength">The subnet's length.</param>
public sealed record BridgeGateway(IPAddress Address, int PrefixLength)
{
    /// <summary>The subnet.</summary>
    public IPNetwork Subnet => IPPrefix.Of(Address, PrefixLength);
}

/// <summary>
/// The host's addresses on its bridge, one in each subnet: what containers have for a gateway. One that is missing is put there only when
/// the host needs nothing of that subnet itself; whether it does is asked then, and not while all are there.
/// </summary>
public static class BridgeGateways
{
    /// <summary>Adds to a batch what is missing on the bridge.</summary>
    /// <param name="route">A socket in the host's namespace.</param>
    /// <param name="batch">The batch.</param>
    /// <param name="conf">The network.</param>
    /// <param name="bridge">Its bridge.</param>
    /// <param name="wanted">The addresses.</param>
    /// <exception cref="OverlapException">The host, or another network, needs it.</exception>
    public static void Ensure(RouteSocket route, RouteBatch batch, TwillConf conf, Link bridge, IReadOnlyList<BridgeGateway> wanted)
    {
        if (!conf.IsGateway || wanted.Count == 0)
        {
            return;
        }

        List<InterfaceAddress> present = route.ListAddresses(bridge.Index);
        if (conf.ForceAddress)
        {
            RemoveOthers(route, conf, bridge, present, wanted);
        }

        List<BridgeGateway> missing = Missing(present, wanted);
        if (missing.Count == 0)
        {
            return;
        }

        ThrowIfNeeded(route, conf, missing);
        BridgeOwner.ThrowIfAnothers(route, conf, bridge);
        foreach (BridgeGateway gateway in missing)
        {
            batch.Add(HostBridge.Gateway(bridge.Index, gateway.Address, gateway.PrefixLength), tolerate: Errno.EEXIST);
        }
    }

    /// <summary>Nothing, when no subnet takes from this host what it needs.</summary>
    /// <param name="route">A socket in the host's namespace.</param>
    /// <param name="conf">The network.</param>
    /// <param name="gateways">The host's addresses in the subnets.</param>
    /// <exception cref="OverlapException">One does.</exception>
    public static void ThrowIfNeeded(RouteSocket route, TwillConf conf, IReadOnlyList<BridgeGateway> gateways)
    {
        List<IPNetwork> subnets = [];
        foreach (BridgeGateway gateway in gateways)
        {
            subnets.Add(gateway.Subnet);
        }

        HostPrefixes needs = HostPrefixes.Read(route, conf, within: conf.Ipam.Ranges.Count > 0 ? null : subnets);
        foreach (BridgeGateway gateway in gateways)
        {
            if (conf.IsGateway && needs.IsNextHop(gateway.Address))
            {
                throw new OverlapException(
                    $"{gateway.Address} is this host's own gateway, another machine: bridge {conf.Bridge} cannot have its address",
                    "isGateway"
                );
            }

            if (needs.FindOverlap(gateway.Subnet) is { } needed)
            {
                throw new OverlapException($"the containers' subnet {gateway.Subnet} overlaps {needed.Reason}", "subnet");
            }
        }
    }

    /// <summary>
    /// <c>forceAddress</c>: takes addresses in the containers' subnets off the bridge that are no gateway's. Addresses elsewhere stay, and
    /// so do all of a bridge that somebody else has made: they may be what the host is reached at.
    /// </summary>
    private static void RemoveOthers(
        RouteSocket route,
        TwillConf conf,
        Link bridge,
        List<InterfaceAddress> present,
        IReadOnlyList<BridgeGateway> wanted
    )
    {
        foreach (InterfaceAddress address in present)
        {
            if (
                !wanted.Exists(gateway => gateway.Subnet.Overlaps(address.Network))
                || wanted.Exists(gateway => gateway.Address.Equals(address.Address) && gateway.PrefixLength == address.PrefixLength)
            )
            {
                continue;
            }

            if (bridge.Mac != HostMacs.ForBridge(conf.Bridge))
            {
                throw new OverlapException(
                    $"bridge {conf.Bridge}, which twill did not make, has the address {address} in the containers' subnet: it is not taken "
                        + "off for forceAddress",
                    "forceAddress"
                );
            }

            route.TryExecute(new DeleteAddress(address.Index, address.Address, address.PrefixLength), Errno.EADDRNOTAVAIL);
        }
    }

    /// <summary>Those that are not there.</summary>
    internal static List<BridgeGateway> Missing(List<InterfaceAddress> present, IReadOnlyList<BridgeGateway> wanted)
    {
        List<BridgeGateway> missing = [];
        foreach (BridgeGateway gateway in wanted)
        {
            if (!present.Exists(a => a.PrefixLength == gateway.PrefixLength && a.Address.Equals(gateway.Address)))
            {
                missing.Add(gateway);
            }
        }

        return missing;
    }
}

/// <summary>A subnet of containers takes addresses that the host itself, or another network of it, needs.</summary>
/// <param name="message">What takes what.</param>
/// <param name="key">The key of the configuration that it hangs on: <c>subnet</c>, <c>isGateway</c>.</param>
public sealed class OverlapException(string message, string key) : HostException(message)
{
    /// <summary>The key of the configuration that it hangs on.</summary>
    public string Key { get; } = key;
}
