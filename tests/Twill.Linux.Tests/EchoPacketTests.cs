using System.Globalization;

namespace Twill.Linux.Tests;

public sealed class EchoPacketTests
{
    [Fact]
    public void A_request_is_type_8_with_a_checksum_identifier_and_number_in_network_byte_order()
    {
        byte[] packet = [.. new byte[8], .. "twill"u8];

        EchoPacket.WriteRequest(packet, isIPv6: false, identifier: 0x1234, sequence: 0x0102);

        // What `ping -e 0x1234` sends for number 0x0102 with these data; the checksum by hand, RFC 1071.
        Convert.ToHexString(packet).Should().Be("0800" + Sum() + "12340102" + "7477696C6C");
        EchoPacket.Checksum(packet).Should().Be(0, "so a receiver checks it");
    }

    [Fact]
    public void An_ICMPv6_request_is_type_128_and_leaves_the_checksum_to_the_kernel()
    {
        byte[] packet = new byte[8];

        EchoPacket.WriteRequest(packet, isIPv6: true, identifier: 0xffff, sequence: 1);

        Convert.ToHexString(packet).Should().Be("80000000FFFF0001");
    }

    [Fact]
    public void The_checksum_of_the_example_of_RFC_1071_is_its_own() =>
        EchoPacket.Checksum([0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]).Should().Be(0x220d, "the complement of 0xddf2");

    [Fact]
    public void An_IPv4_reply_comes_with_its_IP_header_of_any_length()
    {
        byte[] header = new byte[24];
        header[0] = 0x46; // version 4, six words: one of options
        byte[] reply = [.. header, 0, 0, 0xab, 0xcd, 0x12, 0x34, 0, 7, 42];

        EchoPacket.TryRead(reply, isIPv6: false, out Echo echo).Should().BeTrue();

        (echo.IsReply, echo.Identifier, echo.Sequence).Should().Be((true, (ushort)0x1234, (ushort)7));
        echo.Data.ToArray().Should().Equal(42);
    }

    [Fact]
    public void Requests_of_others_are_read_too()
    {
        EchoPacket.TryRead([128, 0, 0, 0, 0, 1, 0, 2], isIPv6: true, out Echo echo).Should().BeTrue();

        (echo.IsReply, echo.Identifier, echo.Sequence).Should().Be((false, (ushort)1, (ushort)2));
    }

    [Theory]
    [InlineData(
        "45000038 00000000 40010000 0af40200 0af40101 0b00 0000 00000000" // from a router: time exceeded
            + "45000054 00000000 01010000 0af40101 0af402fe 0800 0000 0007 0009 2a2b",
        false
    )]
    [InlineData("0300 0000 00000000 60000000 0010 3a 01 fc000001 00000000 00000000 00000001 fc000002 00000000 00000000 000000fe"
        + "8000 0000 0007 0009 2a2b", true)]
    public void A_request_that_expired_on_its_way_is_read_out_of_what_the_router_answers(string hex, bool isIPv6)
    {
        byte[] packet = Convert.FromHexString(hex.Replace(" ", ""));

        EchoPacket.TryRead(packet, isIPv6, out Echo echo).Should().BeTrue();

        (echo.IsExpired, echo.IsReply, echo.Identifier, echo.Sequence).Should().Be((true, false, (ushort)7, (ushort)9));
        echo.Data.ToArray().Should().Equal(0x2a, 0x2b);
        for (int length = 0; length < packet.Length - 2; length++)
        {
            EchoPacket.TryRead(packet.AsSpan(0, length), isIPv6, out _).Should().BeFalse("its end is missing");
        }
    }

    [Theory]
    [InlineData("", false)]
    [InlineData("45", false)]
    [InlineData("4F00", false)]
    [InlineData("4000000000000000000000000000000000000000000000000000", false)] // a header of no length
    [InlineData("45000000000000000000000000000000000000000000000000", false)] // cut inside the ICMP header
    [InlineData("4500000000000000000000000000000000000000030000000000000000", false)] // unreachable
    [InlineData("4500000000000000000000000000000000000000000100000000000000", false)] // a code that no echo has
    [InlineData("", true)]
    [InlineData("81000000000000", true)]
    [InlineData("8800000000000000", true)] // neighbour advertisement
    public void What_is_no_whole_echo_is_refused(string hex, bool isIPv6) =>
        EchoPacket.TryRead(Convert.FromHexString(hex), isIPv6, out _).Should().BeFalse();

    [Fact]
    public void No_bytes_make_it_fail()
    {
        Random random = new(7);
        byte[] bytes = new byte[64];
        for (int i = 0; i < 20_000; i++)
        {
            random.NextBytes(bytes);
            EchoPacket.TryRead(bytes.AsSpan(0, random.Next(bytes.Length + 1)), i % 2 == 0, out _);
        }
    }

    /// <summary>The ones' complement sum, word by word, without folding in between.</summary>
    private static string Sum()
    {
        int sum = 0x0800 + 0x1234 + 0x0102 + 0x7477 + 0x696c + 0x6c00;
        sum = (sum & 0xffff) + (sum >> 16);
        return ((ushort)~sum).ToString("X4", CultureInfo.InvariantCulture);
    }
}
