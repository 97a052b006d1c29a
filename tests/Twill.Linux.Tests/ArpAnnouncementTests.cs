using System.Net;
using Twill.Testing;

namespace Twill.Linux.Tests;

public sealed class ArpAnnouncementTests
{
    private static readonly MacAddress s_mac = MacAddress.Parse("02:00:00:00:00:01");

    [Fact]
    public void Is_a_request_in_which_the_address_asks_for_itself()
    {
        byte[] packet = new byte[28];
        packet.AsSpan().Fill(0xee);

        ArpAnnouncement.Write(packet, IPAddress.Parse("10.244.7.5"), s_mac);

        HexRows.Equal(
            [
                0,
                1,
                8,
                0,
                6,
                4,
                0,
                1, // Ethernet, IPv4, lengths, request
                2,
                0,
                0,
                0,
                0,
                1,
                10,
                244,
                7,
                5, // sender
                0,
                0,
                0,
                0,
                0,
                0,
                10,
                244,
                7,
                5, // target
            ],
            packet
        );
    }

    [Fact]
    public void Knows_IPv4_only()
    {
        Action write = () => ArpAnnouncement.Write(new byte[28], IPAddress.Parse("fd00::1"), s_mac);

        write.Should().Throw<ArgumentException>().WithMessage("fd00::1 is not an IPv4 address*");
    }
}
