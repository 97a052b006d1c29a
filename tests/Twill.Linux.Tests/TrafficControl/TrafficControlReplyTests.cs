using Twill.Linux.TrafficControl;

namespace Twill.Linux.Tests.TrafficControl;

public sealed class TrafficControlReplyTests
{
    private static readonly List<Qdisc> s_qdiscs = Decoded.All(Captured.Reply("qdiscs"), Qdisc.Decode);

    [Fact]
    public void A_token_bucket_filter_tells_its_rate_limit_and_burst()
    {
        Qdisc qdisc = s_qdiscs.Single(q => q.Index == 12 && q.Parent == TcHandle.Root);

        qdisc.Kind.Should().Be("tbf");
        qdisc.Handle.Should().Be(TcHandle.First);
        qdisc.Tbf!.Rate.Should().Be(2_500_000);
        qdisc.Tbf.Limit.Should().Be(131_072);
        qdisc.Tbf.BurstTicks.Should().Be(1_562_500, "250,000 bytes take 100 ms");
    }

    [Fact]
    public void A_rate_beyond_32_bits_is_read_whole() => s_qdiscs.Single(q => q.Index == 14).Tbf!.Rate.Should().Be(5_000_000_000);

    [Fact]
    public void An_ingress_hook_has_no_parameters()
    {
        Qdisc qdisc = s_qdiscs.Single(q => q.Parent == TcHandle.Ingress);

        qdisc.Kind.Should().Be("ingress");
        qdisc.Handle.Should().Be(TcHandle.IngressQdisc);
        qdisc.Tbf.Should().BeNull();
    }

    [Theory]
    [InlineData(250_000u, true, "it is that")]
    [InlineData(250_100u, true, "the kernel tells it less exactly than this")]
    [InlineData(251_000u, false, "that is another")]
    [InlineData(125_000u, false, "that is half of it")]
    public void A_burst_is_compared_as_exactly_as_the_kernel_tells_it(uint bytes, bool same, string because) =>
        s_qdiscs.Single(q => q.Index == 12 && q.Parent == TcHandle.Root).Tbf!.HasBurst(bytes).Should().Be(same, because);

    [Fact]
    public void A_redirect_tells_its_target_and_the_parts_of_the_filter_around_it_tell_none()
    {
        List<TcFilter> filters = Decoded.All(Captured.Reply("filters"), TcFilter.Decode);

        filters
            .Should()
            .HaveCount(3)
            .And.OnlyContain(f =>
                f.Index == 12 && f.Kind == "u32" && f.Priority == 1 && f.Protocol == 3 && f.Parent == TcHandle.IngressQdisc
            );
        filters.Select(f => f.RedirectIndex).Should().Equal(0, 0, 14);
    }
}
