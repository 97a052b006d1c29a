using System.Net;
using Twill.Linux.Netlink;
using Twill.Testing;

namespace Twill.Linux.Tests.Netlink;

public sealed class NetlinkWriterTests
{
    private enum TEST : ushort
    {
        A = 1,
        B = 0x102,
    }

    private delegate void Writing(ref NetlinkWriter w);

    private static byte[] Write(Writing write, int room = 256)
    {
        byte[] buffer = new byte[room];
        buffer.AsSpan().Fill(0xcc); // nothing that was there before may show through the padding
        NetlinkWriter w = new(buffer);
        write(ref w);
        w.IsFull.Should().BeFalse();
        return w.Written.ToArray();
    }

    private static void Equal(string hex, byte[] actual) => HexRows.Equal(Convert.FromHexString(hex.Replace(" ", "")), actual);

    [Fact]
    public void Numbers_have_their_own_width_and_are_padded_with_zeros()
    {
        Equal("05000100 ff000000", Write((ref NetlinkWriter w) => w.Put(TEST.A, (byte)0xff)));
        Equal("05000100 01000000", Write((ref NetlinkWriter w) => w.Put(TEST.A, true)));
        Equal("06000201 34120000", Write((ref NetlinkWriter w) => w.Put(TEST.B, (ushort)0x1234)));
        Equal("08000100 78563412", Write((ref NetlinkWriter w) => w.Put(TEST.A, 0x12345678u)));
        Equal("08000100 feffffff", Write((ref NetlinkWriter w) => w.Put(TEST.A, -2)));
        Equal("0c000100 ef cd ab 90 78 56 34 12", Write((ref NetlinkWriter w) => w.Put(TEST.A, 0x1234567890abcdefUL)));
    }

    [Fact]
    public void A_literal_is_written_as_32_bits() => Equal("08000100 aa050000", Write((ref NetlinkWriter w) => w.Put(TEST.A, 1450)));

    [Fact]
    public void Big_endian_numbers_begin_with_the_highest_byte()
    {
        Equal("06000100 12b50000", Write((ref NetlinkWriter w) => w.PutBe16(TEST.A, 4789)));
        Equal("08000100 12345678", Write((ref NetlinkWriter w) => w.PutBe32(TEST.A, 0x12345678)));
        Equal("0c000100 12345678 90abcdef", Write((ref NetlinkWriter w) => w.PutBe64(TEST.A, 0x1234567890abcdefUL)));
    }

    [Fact]
    public void Texts_end_with_a_NUL()
    {
        Equal("08000100 65746800", Write((ref NetlinkWriter w) => w.Put(TEST.A, "eth")));
        Equal("09000100 65746830 00000000", Write((ref NetlinkWriter w) => w.Put(TEST.A, "eth0")));
        Equal("05000100 00000000", Write((ref NetlinkWriter w) => w.Put(TEST.A, "")));
        Equal("07000100 c3a90000", Write((ref NetlinkWriter w) => w.Put(TEST.A, "é")));
    }

    [Fact]
    public void A_text_with_a_NUL_inside_is_refused()
    {
        Action put = () => Write((ref NetlinkWriter w) => w.Put(TEST.A, "eth0\0x"));

        put.Should().Throw<ArgumentException>().WithMessage("*'eth0\\0x'*");
    }

    [Fact]
    public void Addresses_and_bytes_are_written_in_their_own_order()
    {
        Equal("08000100 0af40701", Write((ref NetlinkWriter w) => w.Put(TEST.A, IPAddress.Parse("10.244.7.1"))));
        Equal("14000100 fd000000 00000000 00000000 00000001", Write((ref NetlinkWriter w) => w.Put(TEST.A, IPAddress.Parse("fd00::1"))));
        Equal("0a000100 02740af4 07020000", Write((ref NetlinkWriter w) => w.Put(TEST.A, MacAddress.Parse("02:74:0a:f4:07:02"))));
        Equal("07000100 01020300", Write((ref NetlinkWriter w) => w.Put(TEST.A, [1, 2, 3])));
        Equal("04000100", Write((ref NetlinkWriter w) => w.Put(TEST.A)));
    }

    [Fact]
    public void Nests_know_their_length_and_say_that_they_are_nests() =>
        Equal(
            "10000180 0c000281 05000100 09000000",
            Write(
                (ref NetlinkWriter w) =>
                {
                    Nest outer = w.Begin(TEST.A);
                    Nest inner = w.Begin(TEST.B);
                    w.Put(TEST.A, (byte)9);
                    w.End(inner);
                    w.End(outer);
                }
            )
        );

    [Fact]
    public void Messages_follow_each_other_with_header_and_length() =>
        Equal(
            "14000000 10000500 07000000 00000000 01000000" + "10000000 11000100 08000000 00000000",
            Write(
                (ref NetlinkWriter w) =>
                {
                    w.BeginMessage(16, NetlinkFlags.Request | NetlinkFlags.Ack, 7);
                    w.Header(1);
                    w.EndMessage().Should().Be(20);
                    w.BeginMessage(17, NetlinkFlags.Request, 8);
                    w.EndMessage().Should().Be(16);
                }
            )
        );

    [Fact]
    public void What_does_not_fit_is_never_written_and_the_writer_says_so()
    {
        byte[] whole = Write(Everything);
        for (int room = 0; room < whole.Length; room++)
        {
            byte[] buffer = new byte[whole.Length + 16];
            buffer.AsSpan(room).Fill(0xcc);
            NetlinkWriter w = new(buffer.AsSpan(0, room));

            Everything(ref w);

            w.IsFull.Should().BeTrue($"there was room for {room} of {whole.Length} bytes");
            buffer.AsSpan(room).ContainsAnyExcept((byte)0xcc).Should().BeFalse("nothing may be written behind the span");
        }

        static void Everything(ref NetlinkWriter w)
        {
            w.BeginMessage(16, NetlinkFlags.Request, 1);
            w.Header(1UL);
            Nest nest = w.Begin(TEST.A);
            w.Put(TEST.B, (byte)1);
            w.Put(TEST.B, 2u);
            w.Put(TEST.B, "text");
            w.Put(TEST.B, IPAddress.IPv6Loopback);
            w.Put(TEST.B, MacAddress.Broadcast);
            w.Put(TEST.B);
            w.End(nest);
            w.EndMessage();
        }
    }

    [Fact]
    public void A_nest_left_open_or_ended_out_of_order_is_a_mistake()
    {
        Action open = () =>
            Write(
                (ref NetlinkWriter w) =>
                {
                    w.BeginMessage(16, NetlinkFlags.Request, 1);
                    w.Begin(TEST.A);
                    w.EndMessage();
                }
            );
        Action crossed = () =>
            Write(
                (ref NetlinkWriter w) =>
                {
                    Nest outer = w.Begin(TEST.A);
                    w.Begin(TEST.B);
                    w.End(outer);
                }
            );

        open.Should().Throw<InvalidOperationException>().WithMessage("1 nested attributes were not ended*");
        crossed.Should().Throw<InvalidOperationException>().WithMessage("*another order*");
    }

    [Fact]
    public void An_attribute_longer_than_its_length_can_say_is_refused()
    {
        Action value = () => Write((ref NetlinkWriter w) => w.Put(TEST.A, new byte[65532]), 70_000);
        Action nest = () =>
            Write(
                (ref NetlinkWriter w) =>
                {
                    Nest outer = w.Begin(TEST.A);
                    w.Put(TEST.B, new byte[65531]);
                    w.End(outer);
                },
                70_000
            );

        value.Should().Throw<ArgumentException>().WithMessage("Attribute 1 of 65532 bytes*");
        nest.Should().Throw<InvalidOperationException>().WithMessage("A nested attribute of 65540 bytes*");
    }
}
