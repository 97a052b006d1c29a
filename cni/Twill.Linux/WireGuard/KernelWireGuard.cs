using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Runtime.InteropServices;
using Twill.Linux.GenericNetlink;
using Twill.Linux.Netlink;
using Twill.System;

namespace Twill.Linux.WireGuard;

/// <summary>Devices of the kernel's own, over generic netlink, in the network namespace in which it was opened.</summary>
public sealed class KernelWireGuard : IWireGuard
{
    private const string Family = "wireguard";

    /// <summary>What one message holds, counted in allowed addresses, of which a peer by itself weighs as many as this: far below 65,535
    /// bytes.</summary>
    private const int Room = 600,
        PeerWeight = 5;

    private readonly NetlinkSocket _netlink;

    private KernelWireGuard(NetlinkSocket netlink) => _netlink = netlink;

    /// <summary>Opens a socket in the calling thread's network namespace.</summary>
    /// <returns>False when the kernel has no WireGuard, or its module is not loaded.</returns>
    /// <exception cref="LibcException">Descriptors ran out.</exception>
    public static bool TryOpen([NotNullWhen(true)] out KernelWireGuard? wireGuard) =>
        TryOpen(KernelChannel.Open(NetlinkFamily.Generic), out wireGuard);

    internal static bool TryOpen(INetlinkChannel channel, [NotNullWhen(true)] out KernelWireGuard? wireGuard)
    {
        NetlinkSocket netlink = new(channel, Describe);
        if (netlink.TryGet(new GetFamily(Family), Errno.ENOENT, GetFamily.Decode, out GenericFamily? family))
        {
            netlink.Family = family.Number;
            wireGuard = new KernelWireGuard(netlink);
            return true;
        }
        netlink.Dispose();
        wireGuard = null;
        return false;
    }

    /// <inheritdoc/>
    /// <exception cref="NetlinkException">ENODEV: there is no such device; EOPNOTSUPP: it is of another kind.</exception>
    public WireGuardDevice Get(string name)
    {
        List<WireGuardDevice> parts = _netlink.Dump(new GetWireGuard(name), (in NetlinkMessage message) =>
            message.Type == _netlink.Family ? WireGuardDevice.Decode(in message) : null
        );
        return parts.Count > 0 ? WireGuardDevice.Join(parts) : throw new NetlinkException($"wireguard get {name}", Errno.ENODATA);
    }

    /// <inheritdoc/>
    /// <remarks>What does not fit into one message goes on in further ones.</remarks>
    public void Set(SetWireGuard change, IReadOnlyList<WireGuardPeerChange> peers)
    {
        List<WireGuardPeerChange> some = [];
        int weight = 0;
        foreach (WireGuardPeerChange piece in Pieces(peers))
        {
            int its = PeerWeight + (piece.AllowedIPs?.Count ?? 0);
            if (weight + its > Room)
            {
                Send();
            }

            some.Add(piece);
            weight += its;
        }
        if (some.Count > 0 || change != new SetWireGuard(change.Name))
        {
            Send();
        }

        void Send()
        {
            _netlink.Execute(change with { Peers = some });
            some.Clear();
            (weight, change) = (0, new SetWireGuard(change.Name));
        }
    }

    /// <summary>Of a peer with very many allowed addresses the first piece replaces those there are, the others add to them.</summary>
    private static IEnumerable<WireGuardPeerChange> Pieces(IReadOnlyList<WireGuardPeerChange> peers)
    {
        const int Most = Room - PeerWeight;
        foreach (WireGuardPeerChange peer in peers)
        {
            if (peer.AllowedIPs is not { Count: > Most } allowed)
            {
                yield return peer;
                continue;
            }
            yield return peer with
            {
                AllowedIPs = Part(allowed, from: 0, Most),
            };
            for (int done = Most; done < allowed.Count; done += Most)
            {
                yield return new WireGuardPeerChange(peer.PublicKey)
                {
                    UpdateOnly = true,
                    AddAllowedIPs = true,
                    AllowedIPs = Part(allowed, done, Most),
                };
            }
        }
    }

    private static List<IPNetwork> Part(IReadOnlyList<IPNetwork> all, int from, int most)
    {
        List<IPNetwork> part = [];
        for (int i = from; i < all.Count && part.Count < most; i++)
        {
            part.Add(all[i]);
        }

        return part;
    }

    /// <inheritdoc/>
    public void Dispose() => _netlink.Dispose();

    private static string Describe(ReadOnlySpan<byte> message)
    {
        const int Header = 16;
        if (MemoryMarshal.Read<ushort>(message[4..]) == GetFamily.Type)
        {
            return "find the wireguard family of generic netlink";
        }

        return (WG_CMD)message[Header] == WG_CMD.SET_DEVICE ? $"wireguard set {NameIn(message)}" : $"wireguard get {NameIn(message)}";
    }

    private static string NameIn(ReadOnlySpan<byte> message)
    {
        NetlinkReader reader = new(message[16..]);
        reader.Header<GenlMsgHdr>();
        return reader.TryRead(out NetlinkAttribute a) && (WGDEVICE_A)a.Type == WGDEVICE_A.IFNAME ? a.Text() : "?";
    }
}
