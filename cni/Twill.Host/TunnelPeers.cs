using System.Net;
using System.Net.Sockets;
using Twill.Linux;
using Twill.Linux.Neighbours;
using Twill.Linux.Links;
using Twill.Linux.Nftables;
using Twill.Network;
using Twill.System;

namespace Twill.Host;

/// <summary>The addresses of a family that a network's VXLAN devices send to.</summary>
/// <param name="outer">The family of the packets on the underlay.</param>
public delegate IReadOnlyCollection<IPAddress> PeersInUse(AddressFamily outer);

/// <summary>
/// Who may send frames into a network's overlay: the addresses that its peers publish, one element each in a set of the network's nftables
/// table, <c>set peers { type ipv4_addr; }</c> and <c>set peers6 { type ipv6_addr; }</c>. A host with several subnets is one element, for
/// which this counts. The sets stay as they are while no agent runs.
/// </summary>
/// <param name="network">The network's name.</param>
public sealed class TunnelPeers(string network)
{
    private const string Name = "peers";

    private readonly Dictionary<IPAddress, int> _uses = [];
    private bool _hasSets;

    /// <summary>Whether a set of that name, in a table of twill's, is one of these.</summary>
    public static bool IsSet(string name) => name is Name or $"{Name}6";

    internal static NftSet SetOf(TableId id, TableFamily outer) => new(id, $"{Name}{outer.Suffix}", outer.Address);

    /// <summary>Makes the sets hold these addresses and no others. A table without the sets is left as it is.</summary>
    /// <param name="nft">A socket in the host's namespace.</param>
    /// <param name="senders">The addresses, once for each subnet of their hosts.</param>
    /// <returns>Whether something had to be written.</returns>
    public bool Replace(NftSocket nft, IReadOnlyList<IPAddress> senders)
    {
        _uses.Clear();
        foreach (IPAddress sender in senders)
        {
            _uses[sender] = _uses.GetValueOrDefault(sender) + 1;
        }

        bool written = false;
        nft.Change(batch =>
        {
            _hasSets = false;
            foreach (TableFamily outer in TableFamily.Both)
            {
                NftSet set = SetOf(Table, outer);
                if (!nft.TryGetSet(set.Table, set.Name, out _))
                {
                    continue;
                }

                _hasSets = true;
                HashSet<NftData> gone = [.. nft.ListElements(set).ConvertAll(element => element.Key)];
                List<SetElement> missing = [];
                foreach (IPAddress sender in _uses.Keys)
                {
                    if (sender.AddressFamily == outer.Family && !gone.Remove(NftData.Of(sender)))
                    {
                        missing.Add(SetElement.Of(sender));
                    }
                }

                batch.AddElements(set, [.. missing]).DeleteElements(set, [.. gone.ConvertAll(key => new SetElement(key))]);
            }

            written = batch.Count > 0;
        });
        return written;
    }

    /// <summary>Follows hosts that changed, on what <see cref="Replace"/> has left, without a question to the kernel.</summary>
    /// <param name="nft">A socket in the host's namespace.</param>
    /// <param name="was">The addresses that they sent from, once for each subnet.</param>
    /// <param name="now">Those that they send from.</param>
    /// <returns>False when the kernel does not hold what was expected: all is to be written again.</returns>
    public bool TryFollow(NftSocket nft, IReadOnlyList<IPAddress> was, IReadOnlyList<IPAddress> now)
    {
        Dictionary<IPAddress, int> before = [];
        foreach ((IReadOnlyList<IPAddress> senders, int step) in ((IReadOnlyList<IPAddress>, int)[])[(was, -1), (now, 1)])
        {
            foreach (IPAddress sender in senders)
            {
                int count = _uses.GetValueOrDefault(sender);
                before.TryAdd(sender, count);
                _uses[sender] = count + step;
            }
        }

        NftBatch batch = nft.NewBatch();
        foreach ((IPAddress sender, int count) in before)
        {
            bool isUsed = _uses[sender] > 0;
            if (!isUsed)
            {
                _uses.Remove(sender);
            }

            NftSet set = SetOf(Table, TableFamily.Of(sender));
            if (isUsed && count <= 0)
            {
                batch.AddElements(set, SetElement.Of(sender));
            }
            else if (!isUsed && count > 0)
            {
                batch.DeleteElements(set, SetElement.Of(sender));
            }
        }

        return !_hasSets || batch.Count == 0 || batch.TrySend().Count == 0;
    }

    /// <summary>What the network's VXLAN devices send to, as their FDB says.</summary>
    /// <param name="route">A socket in the host's namespace.</param>
    /// <param name="network">The network's name.</param>
    public static PeersInUse InUse(RouteSocket route, string network)
    {
        HashSet<IPAddress>? found = null;
        return outer => [.. (found ??= Read(route, network)).FindAll(address => address.AddressFamily == outer)];
    }

    /// <summary>Addresses that the network's VXLAN devices send to, but that nothing is taken from.</summary>
    /// <param name="nft">A socket in the host's namespace.</param>
    /// <param name="route">Another one.</param>
    /// <param name="network">The network's name.</param>
    /// <returns>None where the table has no such sets.</returns>
    public static List<IPAddress> FindMissing(NftSocket nft, RouteSocket route, string network)
    {
        PeersInUse inUse = InUse(route, network);
        List<IPAddress> missing = [];
        foreach (TableFamily outer in TableFamily.Both)
        {
            NftSet set = SetOf(TableOf(network), outer);
            if (nft.TryGetSet(set.Table, set.Name, out _))
            {
                HashSet<NftData> there = [.. nft.ListElements(set).ConvertAll(element => element.Key)];
                missing.AddRange(inUse(outer.Family).FindAll(address => !there.Contains(NftData.Of(address))));
            }
        }

        return missing;
    }

    private TableId Table => TableOf(network);

    private static TableId TableOf(string network) => new(NftFamily.Inet, DeviceNames.NftTable(network));

    private static HashSet<IPAddress> Read(RouteSocket route, string network)
    {
        HashSet<IPAddress> found = [];
        foreach (Link device in route.ListLinks(kind: VxlanDevice.Kind))
        {
            if (device.Alias != OverlaySpec.AliasOf(network))
            {
                continue;
            }

            foreach (Neighbour entry in route.ListFdb(device.Index))
            {
                if (entry.Address is { } destination)
                {
                    found.Add(destination);
                }
            }
        }

        return found;
    }
}
