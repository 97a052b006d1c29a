using System.Net;
using Twill.Linux.GenericNetlink;
using Twill.Linux.Netlink;
using Twill.Linux.WireGuard;

namespace Twill.Linux.Tests.WireGuard;

public sealed class WireGuardRequestTests
{
    private const ushort Family = 0x15;

    [Fact]
    public void GetFamily_is_what_wg_sends() => Captured.Equal("wireguard/get-family", new GetFamily("wireguard"));

    [Fact]
    public void GetWireGuard_is_what_wg_show_sends() =>
        Captured.Equal("wireguard/get-device", new GetWireGuard("wg0"), NetlinkFlags.Ack | NetlinkFlags.Dump, Family);

    [Fact]
    public void SetWireGuard_is_what_wg_set_sends() =>
        Captured.Equal(
            "wireguard/set-device",
            new SetWireGuard("wg0")
            {
                PrivateKey = Keys.Self,
                ListenPort = 51820,
                Peers =
                [
                    new(Keys.One)
                    {
                        PresharedKey = Keys.Preshared,
                        Endpoint = IPEndPoint.Parse("192.168.60.3:51820"),
                        KeepaliveSeconds = 25,
                        AllowedIPs = [IPNetwork.Parse("10.244.3.0/24"), IPNetwork.Parse("fd00:1:3::/64")],
                    },
                    new(Keys.Two) { Endpoint = IPEndPoint.Parse("[fd00::4]:51821"), AllowedIPs = [IPNetwork.Parse("10.244.4.0/24")] },
                ],
            },
            NetlinkFlags.Ack,
            Family
        );

    [Fact]
    public void A_peer_is_removed_as_wg_set_peer_remove_does_it() =>
        Captured.Equal(
            "wireguard/remove-peer",
            new SetWireGuard("wg0") { Peers = [new(Keys.Two) { Remove = true, AllowedIPs = [IPNetwork.Parse("10.244.4.0/24")] }] },
            NetlinkFlags.Ack,
            Family
        );
}
