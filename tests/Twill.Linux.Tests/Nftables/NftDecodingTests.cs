using System.Net;
using System.Runtime.InteropServices;
using Twill.Linux.Netlink;
using Twill.Linux.Nftables;
using Twill.Linux.Nftables.Expressions;
using static Twill.Linux.Tests.Nftables.NftEncoding;

namespace Twill.Linux.Tests.Nftables;

/// <summary>
/// Requests and answers have the same attributes: what we write is decoded again, and, cut short or with bits turned, is an error of its
/// own kind or another object, never a crash, a hang, or memory that was not received.
/// </summary>
public sealed class NftDecodingTests
{
    private static readonly NftSet s_ranges = new(Table, "ranges", NftType.Concat(NftType.Ipv4Addr, NftType.InetService))
    {
        Data = NftType.Verdict,
        Interval = true,
        Comment = "by port",
    };

    private static readonly NftSet s_local = new(Table, "local", NftType.Ipv4Addr) { Interval = true };

    private static readonly Rule s_rule = Rule.For(Table)
        .SaddrIn(s_local)
        .DaddrNotIn(s_local)
        .Dport(6, 80)
        .CtState(CtState.New)
        .Mark(1, mask: 3)
        .DaddrIsLocal()
        .Counter()
        .Add(new Ct(CtKey.DstIp, CtDirection.Reply))
        .Add(new RangeMatch(NftData.OfPort(1), NftData.OfPort(9)))
        .Add(new MetaSet(MetaKey.Mark))
        .Add(new CtSet(CtKey.Mark))
        .Dnat(IPAddress.Loopback, 80)
        .Masquerade(NatFlags.Random)
        .Add(new UnknownExpression("limit", "0c00010000000000000000050800040000000000"))
        .Jump("helper")
        .WithComment("all of them");

    private static readonly SetElement[] s_elements =
    [
        SetElement.Range(Endpoint("10.1.0.0", 80), Endpoint("10.1.255.255", 90)).To(Verdict.Jump("helper")) with
        {
            Comment = "first",
        },
        SetElement.Of(Endpoint("10.2.0.0", 80)).To(Verdict.Accept),
    ];

    private static readonly Dictionary<string, (byte[] Message, Func<byte[], object?> Decode)> s_messages = new()
    {
        ["table"] = (Encode(new NewTable(Table, "a comment")), m => NftTable.Decode(One(m))),
        ["chain"] = (Encode(new NewChain(Table, "c", new BaseChain(ChainType.Nat, NftHook.Output, -100), "a comment")), m =>
            NftChain.Decode(One(m))
        ),
        ["rule"] = (Encode(new NewRule(Table, "c", s_rule)), m => NftRule.Decode(One(m))),
        ["set"] = (Encode(new NewSet(s_ranges)), m => SetDecoder.DecodeSet(One(m))),
        ["elements"] = (Encode(new NewSetElements(s_ranges, s_elements)), m =>
            SetDecoder.DecodeElements(One(m)) is { } raw ? SetDecoder.Ranges(s_ranges, raw) : null
        ),
        ["ranges"] = (
            Encode(
                new NewSetElements(s_local, SetElement.Of(IPNetwork.Parse("10.0.0.0/8")), SetElement.Of(IPNetwork.Parse("224.0.0.0/3")))
            ),
            m => SetDecoder.DecodeElements(One(m)) is { } raw ? SetDecoder.Ranges(s_local, raw) : null
        ),
        ["generation"] = (FakeKernel.Message(NFT_MSG.NEWGEN, 1, [0, 0, 0, 7, 8, 0, 1, 0, 0, 0, 0, 7]), m => NftGeneration.Decode(One(m))),
    };

    public static TheoryData<string> Kinds => [.. s_messages.Keys];

    [Fact]
    public void A_rule_with_every_expression_comes_back_equal()
    {
        NftRule rule = NftRule.Decode(One(Encode(new NewRule(Table, "c", s_rule))))!;

        rule.Rule.Expressions.Should().Equal(s_rule.Expressions);
        rule.Rule.SameAs(s_rule).Should().BeTrue();
        rule.Rule.SameAs(Rule.For(Table)).Should().BeFalse();
        rule.Chain.Should().Be("c");
        rule.Table.Should().Be(Table);
    }

    [Fact]
    public void Chains_sets_and_elements_come_back_equal()
    {
        Decode("chain")
            .Should()
            .BeEquivalentTo(
                new
                {
                    Table,
                    Name = "c",
                    Base = new BaseChain(ChainType.Nat, NftHook.Output, -100, ChainPolicy.Accept),
                    Comment = "a comment",
                }
            );
        Decode("set").Should().Be(s_ranges);
        ((List<SetElement>)Decode("elements")!).Should().Equal(s_elements);
        ((List<SetElement>)Decode("ranges")!)
            .Should()
            .Equal(SetElement.Of(IPNetwork.Parse("10.0.0.0/8")), SetElement.Of(IPNetwork.Parse("224.0.0.0/3")));
    }

    [Theory, MemberData(nameof(Kinds))]
    public void A_message_of_another_type_is_left_out(string kind)
    {
        (byte[] message, Func<byte[], object?> decode) = s_messages[kind];
        byte[] other = [.. message];
        other[4] = 0x33;

        decode(other).Should().BeNull();
    }

    [Theory, MemberData(nameof(Kinds))]
    public void A_message_cut_short_anywhere_is_a_format_error_or_a_shorter_message(string kind)
    {
        (byte[] message, Func<byte[], object?> decode) = s_messages[kind];
        int refused = 0;
        for (int length = 16; length < message.Length; length++)
        {
            byte[] cut = message[..length];
            MemoryMarshal.Write(cut, length);
            refused += Survives(cut, decode) ? 0 : 1;
        }

        refused.Should().BeGreaterThan(message.Length / 4, "most cuts end inside an attribute");
    }

    [Theory, MemberData(nameof(Kinds))]
    public void A_message_with_any_byte_changed_is_a_format_error_or_another_message(string kind)
    {
        (byte[] message, Func<byte[], object?> decode) = s_messages[kind];
        int refused = 0;
        for (int at = 16; at < message.Length; at++)
        {
            foreach (byte value in (byte[])[0x00, 0x01, 0x03, 0x7f, 0x80, 0xff])
            {
                byte[] changed = [.. message];
                changed[at] = value;
                refused += Survives(changed, decode) ? 0 : 1;
            }
        }

        refused.Should().BePositive("lengths are among the bytes");
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Noise_behind_a_valid_header_is_a_format_error_or_an_empty_object(string kind)
    {
        (byte[] message, Func<byte[], object?> decode) = s_messages[kind];
        Random random = new(1);
        for (int i = 0; i < 2000; i++)
        {
            byte[] noise = [.. message[..20], .. new byte[random.Next(200)]];
            random.NextBytes(noise.AsSpan(20));
            MemoryMarshal.Write(noise, noise.Length);
            _ = Survives(noise, decode);
        }
    }

    [Fact]
    public void Sizes_that_no_register_can_hold_are_refused()
    {
        byte[] huge = Encode(new NewSet(s_local));
        int keyLength = huge.AsSpan().IndexOf((byte[])[8, 0, 5, 0]) + 4;
        huge[keyLength] = 0x7f;

        FluentActions.Invoking(() => s_messages["set"].Decode(huge)).Should().Throw<NetlinkFormatException>().WithMessage("*2130706436*");
    }

    [Fact]
    public void Comments_of_others_that_make_no_sense_are_no_comment()
    {
        Userdata.Comment([0, 5, 1, 2], UserdataType.Comment).Should().BeNull();
        Userdata.Comment([0], UserdataType.Comment).Should().BeNull();
        Userdata.Comment([9, 1, 1, 0, 3, (byte)'h', (byte)'i', 0], UserdataType.Comment).Should().Be("hi");
        Userdata.Comment([0, 2, (byte)'h', (byte)'i'], UserdataType.Comment).Should().Be("hi", "without its NUL");
    }

    // False when the decoder said that the bytes are no such message.
    private static bool Survives(byte[] message, Func<byte[], object?> decode)
    {
        try
        {
            decode(message);
            return true;
        }
        catch (NetlinkFormatException)
        {
            return false;
        }
    }

    private static object? Decode(string kind) => s_messages[kind].Decode(s_messages[kind].Message);

    private static NetlinkMessage One(byte[] datagram)
    {
        NetlinkMessages messages = new(datagram);
        messages.TryRead(out NetlinkMessage message).Should().BeTrue();
        return message;
    }

    private static NftData Endpoint(string address, ushort port) =>
        NftData.Concat(NftData.Of(IPAddress.Parse(address)), NftData.OfPort(port));
}
