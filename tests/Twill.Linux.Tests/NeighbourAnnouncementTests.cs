using System.Net;

namespace Twill.Linux.Tests;

public sealed class NeighbourAnnouncementTests
{
    private static readonly MacAddress s_mac = MacAddress.Parse("02:00:00:00:00:01");

    [Fact]
    public void It_is_the_advertisement_of_rfc_4861_from_the_address_itself_to_all_nodes()
    {
        byte[] packet = new byte[NeighbourAnnouncement.Length];

        NeighbourAnnouncement.Write(packet, IPAddress.Parse("fd00::5"), s_mac);

        Convert
            .ToHexStringLower(packet)
            .Should()
            .Be(
                "60000000"
                    + "00203aff"
                    + "fd000000000000000000000000000005"
                    + "ff020000000000000000000000000001"
                    + "8800"
                    + "5a93"
                    + "20000000"
                    + "fd000000000000000000000000000005"
                    + "0201"
                    + "020000000001"
            );
        Sum(packet).Should().Be(0xffff, "the checksum makes it whole");
    }

    [Fact]
    public void Only_an_IPv6_address_can_be_announced()
    {
        Action write = () => NeighbourAnnouncement.Write(new byte[NeighbourAnnouncement.Length], IPAddress.Parse("10.0.0.1"), s_mac);
        write.Should().Throw<ArgumentException>();
    }

    /// <summary>Of the pseudo-header and the message, RFC 8200 section 8.1.</summary>
    private static int Sum(byte[] packet)
    {
        int sum = 32 + 58;
        for (int i = 8; i < packet.Length; i += 2)
        {
            sum += (packet[i] << 8) | packet[i + 1];
        }

        return (sum & 0xffff) + (sum >> 16);
    }
}
