using System.Net;
using Twill.Linux.Netlink;

namespace Twill.Linux.Tests.Netlink;

public sealed class NetlinkReaderTests
{
    private delegate void Reading(NetlinkAttribute a);

    private static NetlinkFormatException Refused(string hex, Reading read)
    {
        byte[] bytes = Convert.FromHexString(hex.Replace(" ", ""));
        return Assert.Throws<NetlinkFormatException>(() =>
        {
            NetlinkReader reader = new(bytes);
            while (reader.TryRead(out NetlinkAttribute a))
            {
                read(a);
            }
        });
    }

    private static void Accept(string hex, Reading read)
    {
        NetlinkReader reader = new(Convert.FromHexString(hex.Replace(" ", "")));
        reader.TryRead(out NetlinkAttribute a).Should().BeTrue();
        read(a);
        reader.TryRead(out _).Should().BeFalse();
    }

    [Fact]
    public void Values_are_read_as_what_they_are()
    {
        Accept("05000100 ff000000", a => a.U8().Should().Be(255));
        Accept("06000100 3412", a => a.U16().Should().Be(0x1234));
        Accept("06000100 12b5", a => a.Be16().Should().Be(4789));
        Accept("08000100 78563412", a => a.U32().Should().Be(0x12345678));
        Accept("08000100 12345678", a => a.Be32().Should().Be(0x12345678));
        Accept("08000100 feffffff", a => a.S32().Should().Be(-2));
        Accept("0c000100 1234567890abcdef", a => a.Be64().Should().Be(0x1234567890abcdefUL));
        Accept("09000100 6574683000", a => a.Text().Should().Be("eth0"));
        Accept("08000100 65746830", a => a.Text().Should().Be("eth0", "the kernel leaves the NUL out of some texts"));
        Accept("08000100 0af40701", a => a.Address().Should().Be(IPAddress.Parse("10.244.7.1")));
        Accept("0a000100 02740af40702", a => a.Mac().ToString().Should().Be("02:74:0a:f4:07:02"));
    }

    [Fact]
    public void The_flag_bits_are_not_part_of_the_number() => Accept("0400 0180", a => a.Type.Should().Be(1));

    [Fact]
    public void A_value_of_another_width_is_refused_and_named()
    {
        Refused("05001200 01", a => a.U32()).Message.Should().Be("Attribute 18: expected 4 bytes, got 1.");
        Refused("08001200 01020304", a => a.U8()).Message.Should().Be("Attribute 18: expected 1 bytes, got 4.");
        Refused("08001200 01020304", a => a.Mac()).Message.Should().Contain("expected 6 bytes, got 4");
        Refused("09001200 0102030405", a => a.Address()).Message.Should().Contain("4 or 16 bytes, got 5");
    }

    [Theory]
    [InlineData("0300 0100", "Attribute 1 at offset 0 says it has 3 bytes, of which there are 4.")]
    [InlineData("0000 0100", "Attribute 1 at offset 0 says it has 0 bytes, of which there are 4.")]
    [InlineData("0900 0100 01020304", "Attribute 1 at offset 0 says it has 9 bytes, of which there are 8.")]
    [InlineData("05000100 01000000 ffff0200", "Attribute 2 at offset 8 says it has 65535 bytes, of which there are 4.")]
    [InlineData("04000100 0400", "2 bytes are left at offset 4, fewer than an attribute's header has.")]
    public void A_length_that_cannot_be_true_is_refused_and_named(string hex, string message) =>
        Refused(hex, _ => { }).Message.Should().Be(message);

    [Fact]
    public void A_header_that_is_cut_short_is_refused()
    {
        NetlinkFormatException e = Assert.Throws<NetlinkFormatException>(() => new NetlinkReader(new byte[7]).Header<ulong>());

        e.Message.Should().Be("A netlink message has 7 bytes where a header of 8 should be.");
    }

    [Theory]
    [InlineData("0f000000 10000000 00000000 00000000", "A netlink message at offset 0 says it has 15 bytes, of which there are 16.")]
    [InlineData("11000000 10000000 00000000 00000000", "A netlink message at offset 0 says it has 17 bytes, of which there are 16.")]
    [InlineData(
        "ffffffff 10000000 00000000 00000000",
        "A netlink message at offset 0 says it has 4294967295 bytes, of which there are 16."
    )]
    [InlineData("10000000 10000000 00000000", "A netlink datagram of 12 bytes ends inside the header at offset 0.")]
    [InlineData("10000000 10000000 00000000 00000000 01", "A netlink datagram of 17 bytes ends inside the header at offset 16.")]
    public void A_datagram_that_is_cut_short_is_refused(string hex, string message)
    {
        byte[] bytes = Convert.FromHexString(hex.Replace(" ", ""));

        NetlinkFormatException e = Assert.Throws<NetlinkFormatException>(() =>
        {
            NetlinkMessages messages = new(bytes);
            while (messages.TryRead(out _)) { }
        });

        e.Message.Should().Be(message);
    }
}
