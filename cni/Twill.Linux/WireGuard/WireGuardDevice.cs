using System.Net;
using Twill.Linux.GenericNetlink;
using Twill.Linux.Netlink;
using Twill.System;

namespace Twill.Linux.WireGuard;

/// <summary>A WireGuard device as it is: what <c>wg show DEVICE</c> shows.</summary>
public sealed class WireGuardDevice
{
    /// <summary>The device's name.</summary>
    public string Name { get; internal set; } = "";

    /// <summary>Its private key; null when it has none, and then it neither sends nor receives.</summary>
    public WireGuardSecret? PrivateKey { get; internal set; }

    /// <summary>The UDP port it listens on; 0 while it is down and none was set.</summary>
    public ushort ListenPort { get; internal set; }

    /// <summary>The firewall mark of the packets it sends; 0 for none.</summary>
    public uint FirewallMark { get; internal set; }

    /// <summary>Its peers.</summary>
    public List<WireGuardPeer> Peers { get; } = [];

    /// <summary>Reads one message of the answer to <see cref="GetWireGuard"/>.</summary>
    /// <exception cref="NetlinkFormatException">The message is malformed.</exception>
    internal static WireGuardDevice Decode(in NetlinkMessage message)
    {
        NetlinkReader reader = message.Reader;
        reader.Header<GenlMsgHdr>();
        WireGuardDevice device = new();
        while (reader.TryRead(out NetlinkAttribute a))
        {
            switch ((WGDEVICE_A)a.Type)
            {
                case WGDEVICE_A.IFNAME:
                    device.Name = a.Text();
                    break;
                case WGDEVICE_A.PRIVATE_KEY:
                    device.PrivateKey = SecretOf(in a);
                    break;
                case WGDEVICE_A.LISTEN_PORT:
                    device.ListenPort = a.U16();
                    break;
                case WGDEVICE_A.FWMARK:
                    device.FirewallMark = a.U32();
                    break;
                case WGDEVICE_A.PEERS:
                    for (NetlinkReader peers = a.Nested; peers.TryRead(out NetlinkAttribute peer);)
                    {
                        device.Peers.Add(DecodePeer(peer.Nested));
                    }

                    break;
            }
        }
        return device;
    }

    /// <summary>
    /// A device with many peers comes in several messages, of which the first alone has what is not peers; a peer with many allowed
    /// addresses goes on in the next one.
    /// </summary>
    internal static WireGuardDevice Join(IReadOnlyList<WireGuardDevice> parts)
    {
        WireGuardDevice whole = parts[0];
        for (int i = 1; i < parts.Count; i++)
        {
            foreach (WireGuardPeer peer in parts[i].Peers)
            {
                if (whole.Peers.Count > 0 && whole.Peers[^1].PublicKey == peer.PublicKey)
                {
                    whole.Peers[^1].AllowedIPs.AddRange(peer.AllowedIPs);
                }
                else
                {
                    whole.Peers.Add(peer);
                }
            }
        }
        return whole;
    }

    private static WireGuardPeer DecodePeer(NetlinkReader reader)
    {
        WireGuardPeer peer = new();
        while (reader.TryRead(out NetlinkAttribute a))
        {
            switch ((WGPEER_A)a.Type)
            {
                case WGPEER_A.PUBLIC_KEY:
                    peer.PublicKey = new WireGuardKey(Key(in a));
                    break;
                case WGPEER_A.PRESHARED_KEY:
                    peer.PresharedKey = SecretOf(in a);
                    break;
                case WGPEER_A.ENDPOINT:
                    peer.Endpoint = SocketAddress.Read(in a);
                    break;
                case WGPEER_A.PERSISTENT_KEEPALIVE_INTERVAL:
                    peer.KeepaliveSeconds = a.U16();
                    break;
                case WGPEER_A.LAST_HANDSHAKE_TIME:
                    peer.LastHandshake = TimeOf(a.Struct<KernelTimespec>());
                    break;
                case WGPEER_A.RX_BYTES:
                    peer.Received = a.U64();
                    break;
                case WGPEER_A.TX_BYTES:
                    peer.Sent = a.U64();
                    break;
                case WGPEER_A.ALLOWEDIPS:
                    for (NetlinkReader list = a.Nested; list.TryRead(out NetlinkAttribute one);)
                    {
                        peer.AllowedIPs.Add(DecodeAllowed(one.Nested));
                    }

                    break;
            }
        }
        return peer;
    }

    private static IPNetwork DecodeAllowed(NetlinkReader reader)
    {
        IPAddress? address = null;
        byte length = 0;
        while (reader.TryRead(out NetlinkAttribute a))
        {
            switch ((WGALLOWEDIP_A)a.Type)
            {
                case WGALLOWEDIP_A.IPADDR:
                    address = a.Address();
                    break;
                case WGALLOWEDIP_A.CIDR_MASK:
                    length = a.U8();
                    break;
            }
        }
        if (address is null)
        {
            throw new NetlinkFormatException("An allowed address of a WireGuard peer has no address.");
        }

        Prefixes.Check(address, length);
        return IPPrefix.Of(address, length);
    }

    private static ReadOnlySpan<byte> Key(in NetlinkAttribute a) =>
        a.Value.Length == WireGuardKey.Length
            ? a.Value
            : throw new NetlinkFormatException($"Attribute {a.Type}: expected a key of {WireGuardKey.Length} bytes, got {a.Value.Length}.");

    private static WireGuardSecret? SecretOf(in NetlinkAttribute a)
    {
        WireGuardSecret secret = WireGuardSecret.Of(Key(in a));
        return secret.Equals(WireGuardSecret.None) ? null : secret;
    }

    private static DateTimeOffset? TimeOf(KernelTimespec time) =>
        time.Seconds <= 0 || time.Seconds > DateTimeOffset.MaxValue.ToUnixTimeSeconds()
            ? null
            : DateTimeOffset.FromUnixTimeSeconds(time.Seconds).AddTicks(time.Nanoseconds / TimeSpan.NanosecondsPerTick);

    private readonly record struct KernelTimespec(long Seconds, long Nanoseconds); // struct __kernel_timespec
}
