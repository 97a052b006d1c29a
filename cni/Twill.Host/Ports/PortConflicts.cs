using System.Net;
using Twill.Linux;
using Twill.Linux.Netlink;
using Twill.Linux.Nftables;
using Twill.Network;
using Twill.System;

namespace Twill.Host.Ports;

/// <summary>
/// Which container has a port already, in any network of twill on this host. As with sockets, a port at all addresses and the same port
/// at one of them exclude each other. A container in two networks has its ports in both: runtimes ask each of them for all ports, and
/// the connection follows the first that translates it. A container without a host end is gone, and so is what it had. Costs a few
/// questions for each port and network, however many containers there are.
/// </summary>
internal static class PortConflicts
{
    /// <summary>Nothing, when all of the ports are free, the container's own, or of containers that are gone.</summary>
    /// <param name="nft">A socket in the host's namespace.</param>
    /// <param name="route">Another one.</param>
    /// <param name="network">The network's name.</param>
    /// <param name="containerId">Who wants them.</param>
    /// <param name="ifName">And for which interface.</param>
    /// <param name="ports">The ports.</param>
    /// <returns>The networks and host ends' names of those that are gone and had one.</returns>
    /// <exception cref="PortInUseException">One is another's.</exception>
    internal static IReadOnlyCollection<(string Network, string HostName)> FindGone(
        NftSocket nft,
        RouteSocket route,
        string network,
        string containerId,
        string ifName,
        IReadOnlyList<PublishedPort> ports
    )
    {
        HashSet<(string, string)> gone = [];
        string prefix = DeviceNames.NftTable(""),
            ours = DeviceNames.NftTable(network),
            hostName = DeviceNames.Veth(containerId, ifName);
        foreach (NftTable candidate in nft.ListTables(NftFamily.Inet))
        {
            if (!candidate.Id.Name.StartsWith(prefix, StringComparison.Ordinal))
            {
                continue;
            }

            foreach (PublishedPort port in ports)
            {
                PortTable table = new(candidate.Id, port.Family);
                if (Holder(nft, table, port) is not { } holder || PortTable.IsOf(holder, hostName))
                {
                    continue;
                }

                if (PortTable.HostNameOfOwner(holder) is { } holdersEnd && !route.TryGetLink(holdersEnd, out _))
                {
                    gone.Add((candidate.Id.Name[prefix.Length..], holdersEnd));
                }
                else if (candidate.Id.Name == ours || !PortTable.IsOfContainer(holder, containerId))
                {
                    throw new PortInUseException(
                        $"host port {port.HostSide} is in use by {Name(holder)}{In(candidate.Id.Name[prefix.Length..], network)}"
                    );
                }
            }
        }
        return gone;
    }

    private static SetElement? Holder(NftSocket nft, PortTable table, PublishedPort port)
    {
        if (nft.TryGetElement(table.Ports, PortTable.AtAny(port), out SetElement? holder))
        {
            return holder;
        }

        if (!port.IsAny)
        {
            return nft.TryGetElement(table.PortsAt, PortTable.At(port.HostAddress, port), out holder) ? holder : null;
        }

        foreach (SetElement host in HostAddresses(nft, table))
        {
            if (nft.TryGetElement(table.PortsAt, PortTable.At(new IPAddress(host.Key.Span), port), out holder))
            {
                return holder;
            }
        }
        return null;
    }

    private static List<SetElement> HostAddresses(NftSocket nft, PortTable table)
    {
        try
        {
            return nft.ListElements(table.HostAddresses);
        }
        catch (NetlinkException e) when (e.Errno == Errno.ENOENT)
        {
            return []; // a table without published ports: of an older version, or not twill's at all
        }
    }

    /// <summary>The comment without the host end's name.</summary>
    private static string Name(SetElement holder)
    {
        string comment = holder.Comment ?? "";
        int colon = comment.IndexOf(": ", StringComparison.Ordinal);
        return colon < 0 ? "an unknown container" : $"interface {comment[(colon + 2)..].Replace(" of ", " of container ")}";
    }

    private static string In(string theirs, string ours) => theirs == ours ? "" : $", network {theirs}";
}
