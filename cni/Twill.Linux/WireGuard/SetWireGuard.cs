using System.Net;
using Twill.Linux.GenericNetlink;
using Twill.Linux.Netlink;

namespace Twill.Linux.WireGuard;

/// <summary><c>wg set DEVICE [private-key KEY] [listen-port PORT] [peer ..]..</c>: what is left null stays.</summary>
/// <param name="Name">The device's name.</param>
public readonly record struct SetWireGuard(string Name) : INetlinkRequest
{
    internal const byte Version = 1; // WG_GENL_VERSION

    /// <inheritdoc/>
    public static ushort Type => NetlinkSocket.TypeOfFamily;

    /// <inheritdoc/>
    public NetlinkFlags Flags => NetlinkFlags.None;

    /// <summary>The private key; <see cref="WireGuardSecret.None"/> removes it.</summary>
    public WireGuardSecret? PrivateKey { get; init; }

    /// <summary>UDP port to listen on; 0 leaves the choice to the kernel.</summary>
    public ushort? ListenPort { get; init; }

    /// <summary>Firewall mark of the packets it sends; 0 for none.</summary>
    public uint? FirewallMark { get; init; }

    /// <summary>Changes to peers, in this order. All together must fit into one attribute of 65,535 bytes.</summary>
    public IReadOnlyList<WireGuardPeerChange>? Peers { get; init; }

    /// <inheritdoc/>
    public string ToCommand(CommandNames names)
    {
        CommandText command = new CommandText("wg set")
            .Add(CommandText.Quote(Name))
            .Add("private-key", FileOf(PrivateKey))
            .Add("listen-port", ListenPort)
            .Add("fwmark", FirewallMark);
        foreach (WireGuardPeerChange peer in Peers ?? [])
        {
            command.Add("peer", peer.PublicKey).AddIf(peer.Remove, "remove");
            if (!peer.Remove)
            {
                command
                    .Add("preshared-key", FileOf(peer.PresharedKey))
                    .Add("endpoint", peer.Endpoint)
                    .Add("persistent-keepalive", peer.KeepaliveSeconds)
                    .Add(
                        "allowed-ips",
                        peer.AllowedIPs is null ? null : (peer.AddAllowedIPs ? "+" : "") + string.Join(',', peer.AllowedIPs)
                    );
            }
        }

        return command.ToString();
    }

    // wg takes the path of a file with the key. The key itself is never shown.
    private static string? FileOf(WireGuardSecret? secret) =>
        secret is null ? null
        : secret.Equals(WireGuardSecret.None) ? "/dev/null"
        : secret.ToString();

    /// <inheritdoc/>
    public void Write(ref NetlinkWriter w)
    {
        w.Header(new GenlMsgHdr((byte)WG_CMD.SET_DEVICE, Version));
        w.Put(WGDEVICE_A.IFNAME, Name);
        if (PrivateKey is not null)
        {
            w.Put(WGDEVICE_A.PRIVATE_KEY, PrivateKey.Bytes);
        }

        if (ListenPort is { } port)
        {
            w.Put(WGDEVICE_A.LISTEN_PORT, port);
        }

        if (FirewallMark is { } mark)
        {
            w.Put(WGDEVICE_A.FWMARK, mark);
        }

        if (Peers is not { Count: > 0 })
        {
            return;
        }

        Nest peers = w.Begin(WGDEVICE_A.PEERS);
        foreach (WireGuardPeerChange peer in Peers)
        {
            Nest one = w.Begin(WG_LIST.ELEMENT);
            WritePeer(ref w, peer);
            w.End(one);
        }
        w.End(peers);
    }

    private static void WritePeer(ref NetlinkWriter w, WireGuardPeerChange peer)
    {
        w.Put(WGPEER_A.PUBLIC_KEY, peer.PublicKey.ToArray());
        if (peer.PresharedKey is not null && !peer.Remove)
        {
            w.Put(WGPEER_A.PRESHARED_KEY, peer.PresharedKey.Bytes);
        }

        if (peer.Endpoint is not null && !peer.Remove)
        {
            SocketAddress.Put(ref w, WGPEER_A.ENDPOINT, peer.Endpoint);
        }

        if (peer.KeepaliveSeconds is { } seconds && !peer.Remove)
        {
            w.Put(WGPEER_A.PERSISTENT_KEEPALIVE_INTERVAL, seconds);
        }

        if (FlagsOf(peer) is var flags and not 0)
        {
            w.Put(WGPEER_A.FLAGS, (uint)flags);
        }

        if (peer.AllowedIPs is not { Count: > 0 } || peer.Remove)
        {
            return;
        }

        Nest allowed = w.Begin(WGPEER_A.ALLOWEDIPS);
        foreach (IPNetwork prefix in peer.AllowedIPs)
        {
            Nest one = w.Begin(WG_LIST.ELEMENT);
            w.Put(WGALLOWEDIP_A.FAMILY, (ushort)AF.Of(prefix.BaseAddress));
            w.Put(WGALLOWEDIP_A.IPADDR, prefix.BaseAddress);
            w.Put(WGALLOWEDIP_A.CIDR_MASK, (byte)prefix.PrefixLength);
            w.End(one);
        }
        w.End(allowed);
    }

    private static WGPEER_F FlagsOf(WireGuardPeerChange peer) =>
        peer.Remove
            ? WGPEER_F.REMOVE_ME
            : (peer.AllowedIPs is not null && !peer.AddAllowedIPs ? WGPEER_F.REPLACE_ALLOWEDIPS : 0)
                | (peer.UpdateOnly ? WGPEER_F.UPDATE_ONLY : 0);
}
