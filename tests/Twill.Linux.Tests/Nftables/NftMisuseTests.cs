using System.Net;
using Twill.Linux.Nftables;
using static Twill.Linux.Tests.Nftables.NftEncoding;

namespace Twill.Linux.Tests.Nftables;

/// <summary>What the kernel would take for something else than it was meant to be is refused before it is sent.</summary>
public sealed class NftMisuseTests
{
    private static readonly NftType s_endpoint = NftType.Concat(NftType.Ipv4Addr, NftType.InetService);
    private static readonly NftSet s_plain = new(Table, "plain", NftType.Ipv4Addr);
    private static readonly NftSet s_local = new(Table, "local", NftType.Ipv4Addr) { Interval = true };
    private static readonly NftSet s_map = new(Table, "map", NftType.InetService) { Data = s_endpoint };
    private static readonly NftSet s_verdicts = new(Table, "vm", NftType.InetService) { Data = NftType.Verdict };

    [Fact]
    public void Elements_are_as_long_as_the_keys_and_data_of_their_set()
    {
        Refused(s_plain, SetElement.Of(IPAddress.IPv6Loopback), "set plain: element 0x*01: expected keys of 4 bytes (ipv4_addr)");
        Refused(s_plain, SetElement.Of(IPAddress.Loopback).To(NftData.Of(1)), "*expected no data of 0 bytes");
        Refused(s_map, SetElement.Of(NftData.OfPort(80)), "*expected ipv4_addr . inet_service data of 8 bytes");
        Refused(
            s_map,
            SetElement.Of(NftData.OfPort(80)).To(NftData.Of(IPAddress.Loopback)),
            "*expected ipv4_addr . inet_service data of 8 bytes"
        );
        Refused(s_map, SetElement.Of(NftData.OfPort(80)).To(Verdict.Accept), "*expected ipv4_addr . inet_service data of 8 bytes");
        Refused(s_verdicts, SetElement.Of(NftData.OfPort(80)).To(NftData.OfPort(80)), "*expected verdict data*");
    }

    [Fact]
    public void Ranges_are_for_interval_sets_and_end_where_they_begin_or_later()
    {
        Refused(s_plain, SetElement.Of(IPNetwork.Parse("10.0.0.0/8")), "*a range in a set that is not of intervals");
        Refused(
            s_local,
            SetElement.Range(NftData.Of(IPAddress.Parse("10.0.0.9")), NftData.Of(IPAddress.Parse("10.0.0.1"))),
            "*ends before it begins"
        );
    }

    [Fact]
    public void No_elements_are_never_sent_as_the_kernel_would_take_all_for_meant()
    {
        FluentActions
            .Invoking(() => Encode(new DeleteSetElements(s_plain)))
            .Should()
            .Throw<ArgumentException>()
            .WithMessage("*no elements given*");
        FluentActions
            .Invoking(() => Encode(new DestroySetElements(s_plain)))
            .Should()
            .Throw<ArgumentException>()
            .WithMessage("*no elements given*");
    }

    [Fact]
    public void Keys_in_the_machines_byte_order_have_no_intervals() =>
        FluentActions
            .Invoking(() => Encode(new NewSet(new NftSet(Table, "marks", NftType.Mark) { Interval = true })))
            .Should()
            .Throw<ArgumentException>()
            .WithMessage("set marks: no intervals of 'mark'*");

    [Fact]
    public void Concatenations_have_two_to_five_plain_fields()
    {
        FluentActions.Invoking(() => NftType.Concat(NftType.Ipv4Addr)).Should().Throw<ArgumentException>();
        FluentActions.Invoking(() => NftType.Concat(s_endpoint, NftType.Mark)).Should().Throw<ArgumentException>();
        FluentActions.Invoking(() => NftType.Concat(NftType.Mark, NftType.Verdict)).Should().Throw<ArgumentException>();
        FluentActions.Invoking(() => NftType.Concat([.. Enumerable.Repeat(NftType.Mark, 6)])).Should().Throw<ArgumentException>();
    }

    [Fact]
    public void Comments_are_as_long_as_nft_shows_them()
    {
        Encode(new NewTable(Table, new string('x', 127))).Length.Should().BeGreaterThan(150);
        FluentActions
            .Invoking(() => Encode(new NewTable(Table, new string('x', 128))))
            .Should()
            .Throw<ArgumentException>()
            .WithMessage("*at most 127 bytes*");
        FluentActions
            .Invoking(() => Encode(new NewTable(Table, new string('ä', 64))))
            .Should()
            .Throw<ArgumentException>()
            .WithMessage("*got 128");
        FluentActions.Invoking(() => Encode(new NewTable(Table, "a\0b"))).Should().Throw<ArgumentException>();
    }

    [Fact]
    public void A_rule_that_could_never_match_is_refused()
    {
        Refused(r => r.Saddr(IPNetwork.Parse("10.0.0.0/8")).Daddr(IPNetwork.Parse("fd00::/8")), "*IPv4 and IPv6*");
        Refused(r => r.Dport(6, 80).Dport(17, 80), "*protocols 6 and 17*");
        Refused(r => r.Saddr(IPNetwork.Parse("0.0.0.0/0"), inverted: true), "*never matches");
        Rule.For(new TableId(NftFamily.Ip, "x")).Invoking(r => r.Saddr(IPNetwork.Parse("fd00::/8"))).Should().Throw<ArgumentException>();
    }

    [Fact]
    public void A_key_is_made_of_parts_that_are_as_long_as_the_sets_fields()
    {
        Refused(r => r.In(s_plain, KeyPart.Saddr, KeyPart.Dport), "*its key 'ipv4_addr' has 1 fields, not 2");
        Refused(r => r.In(s_plain, KeyPart.IifName), "*'IifName' cannot be its field of type 'ipv4_addr'");
        Refused(r => r.SaddrIn(s_map), "*'Saddr' cannot be*");
        Refused(r => r.DnatBy(s_verdicts, KeyPart.Dport), "*expected data of an address, or of an address and a port, got 'verdict'");
        Refused(r => r.DnatBy(s_plain, KeyPart.Saddr), "*got ''");
    }

    [Theory]
    [InlineData("")]
    [InlineData("sixteen-bytes-xx")]
    public void Interface_names_have_1_to_15_bytes(string name) =>
        Refused(r => r.OifName(name), $"interface name '{name}': expected 1 to 15 bytes");

    [Fact]
    public void An_address_beside_another_part_is_checked_for_its_protocol_before_the_key_is_loaded()
    {
        NftSet set = new(Table, "s", NftType.Concat(NftType.InetService, NftType.Ipv4Addr));

        Rule.For(Table)
            .In(set, KeyPart.Dport, KeyPart.Daddr)
            .Expressions.Select(e => e.Name)
            .Should()
            .Equal("meta", "cmp", "payload", "payload", "lookup");
    }

    private static void Refused(NftSet set, SetElement element, string why) =>
        FluentActions.Invoking(() => Encode(new NewSetElements(set, element))).Should().Throw<ArgumentException>().WithMessage(why);

    private static void Refused(Action<Rule> write, string why) =>
        FluentActions.Invoking(() => write(Rule.For(Table))).Should().Throw<ArgumentException>().WithMessage(why);
}
