using System.Net;
using Twill.Linux.Nexthops;
using Twill.System;
using static Twill.Linux.Tests.ScriptedChannel;

namespace Twill.Linux.Tests.Nexthops;

public sealed class NexthopTests
{
    private static readonly List<NexthopObject> s_all = Decoded.All(Captured.Reply("nexthops"), NexthopObject.Decode);

    [Fact]
    public void NewNexthop_onlink_is_what_ip_nexthop_add_sends() =>
        Captured.Equal(
            "nexthops/new-nexthop",
            new NewNexthop(0x7400_0005, IPAddress.Parse("10.244.9.0"), 10) { Onlink = true, Protocol = 116 }
        );

    [Fact]
    public void NewNexthop_of_IPv6_is_what_ip_nexthop_add_sends() =>
        Captured.Equal("nexthops/new-nexthop-ipv6", new NewNexthop(7, IPAddress.Parse("fe80::9"), 10));

    [Fact]
    public void DeleteNexthop_names_it_by_number() => Captured.Equal("nexthops/delete-nexthop", new DeleteNexthop(7));

    [Fact]
    public void ListNexthops_asks_the_kernel_to_filter() => Captured.Equal("nexthops/list-nexthops", new ListNexthops { Index = 10 });

    [Fact]
    public void An_object_tells_number_gateway_link_and_maker()
    {
        NexthopObject ours = s_all.Should().ContainSingle(n => n.Id == 0x7400_0005).Subject;

        ours.Gateway.Should().Be(IPAddress.Parse("10.244.9.0"));
        ours.Index.Should().Be(11);
        ours.Protocol.Should().Be(116);
        ours.Onlink.Should().BeTrue();
        ours.ToString().Should().Be("1946157061 via 10.244.9.0 dev #11");
    }

    [Fact]
    public void An_object_of_nobody_is_not_onlink_and_a_group_or_blackhole_has_neither_gateway_nor_link()
    {
        s_all.Select(n => n.Id).Should().Equal(7, 8, 9, 0x7400_0005);
        s_all[0].Gateway.Should().Be(IPAddress.Parse("fe80::9"));
        s_all[0].Protocol.Should().Be(0);
        s_all[0].Onlink.Should().BeFalse();
        s_all[1..3].Should().OnlyContain(n => n.Gateway == null && n.Index == 0);
    }

    [Theory]
    [InlineData(Errno.EOPNOTSUPP)] // before Linux 5.3
    [InlineData(Errno.EINVAL)]
    public void A_kernel_that_knows_of_none_says_so(Errno errno)
    {
        ScriptedChannel channel = new((channel, request) => channel.Answer(Ack(SequenceOf(request), errno)));
        using RouteSocket socket = new(channel);

        socket.TryListNexthops(out _).Should().BeFalse();
    }

    [Fact]
    public void Any_other_refusal_is_an_error()
    {
        ScriptedChannel channel = new((channel, request) => channel.Answer(Ack(SequenceOf(request), Errno.EPERM)));
        using RouteSocket socket = new(channel);

        socket.Invoking(s => s.TryListNexthops(out _)).Should().Throw<IOException>();
    }
}
