using System.Net;
using Twill.Linux.Netlink;
using Twill.Linux.Nftables;
using Twill.System;

namespace Twill.Host.Ports;

/// <summary>
/// Leads who asks for names at port 53 of a gateway address to the port that the agent answers at: two elements of the map <c>ports_at</c>
/// of the network's table, as a port published at one address has one. They stay when the table is written anew, and go before ports that
/// are published at all addresses.
/// </summary>
public static class NameRedirect
{
    private const ushort Asked = 53;
    private const string Comment = "names, answered by twilld";

    private static readonly byte[] s_protocols = [IPProtocol.Udp, IPProtocol.Tcp];

    /// <summary>Makes it so.</summary>
    /// <param name="nft">A socket in the host's namespace.</param>
    /// <param name="network">The network's name.</param>
    /// <param name="gateway">The gateway address.</param>
    /// <param name="port">The agent's port.</param>
    /// <returns>False when the network's table is not there.</returns>
    /// <exception cref="NetlinkException">The kernel refused: somebody published that port.</exception>
    public static bool Ensure(NftSocket nft, string network, IPAddress gateway, ushort port)
    {
        NftSet map = PortTable.Of(network, TableFamily.Of(gateway)).PortsAt;
        if (!nft.TryGetSet(map.Table, map.Name, out _))
        {
            return false;
        }

        foreach (byte protocol in s_protocols)
        {
            PublishedPort wanted = new(protocol, gateway, Asked, gateway, port);
            SetElement mapping = PortTable.Mapping(wanted) with { Comment = Comment };
            bool isOurs = nft.TryGetElement(map, PortTable.At(gateway, wanted), out SetElement? there) && there.Comment == Comment;
            if (isOurs && there!.Data == mapping.Data)
            {
                continue;
            }

            NftBatch batch = nft.NewBatch();
            if (isOurs)
            {
                batch.DeleteElements(map, PortTable.At(gateway, wanted));
            }

            batch.AddElements(map, mapping).Send();
        }

        return true;
    }

    /// <summary>Takes it away, at all addresses.</summary>
    /// <param name="nft">A socket in the host's namespace.</param>
    /// <param name="network">The network's name.</param>
    public static void Remove(NftSocket nft, string network)
    {
        foreach (TableFamily family in TableFamily.Both)
        {
            NftSet map = PortTable.Of(network, family).PortsAt;
            if (nft.TryGetSet(map.Table, map.Name, out _))
            {
                List<SetElement> ours = nft.ListElements(map).FindAll(element => element.Comment == Comment);
                nft.DestroyElements(map, [.. ours]);
            }
        }
    }
}
