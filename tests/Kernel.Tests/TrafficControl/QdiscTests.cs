using System.Text.Json;
using Twill.Linux;
using Twill.Linux.Links;
using Twill.Linux.Netlink;
using Twill.Linux.TrafficControl;
using Twill.System;
using Twill.Testing;

namespace Kernel.Tests.TrafficControl;

public sealed class QdiscTests : IDisposable
{
    private readonly TestNetns _ns = TestNetns.Create();

    public QdiscTests() => _ns.Ip("link add tw0 index 12 up type veth peer name tw1 index 13");

    [RequiresRootFact]
    public void An_ifb_is_made_up_and_with_its_mtu()
    {
        using RouteSocket route = Netns.OpenRouteSocket(_ns);
        route.Execute(new NewIfb("tb0") { Mtu = 1450, Up = true });

        JsonElement link = _ns.IpJson("link show dev tb0")[0];
        link.GetProperty("linkinfo").GetProperty("info_kind").GetString().Should().Be("ifb");
        link.GetProperty("mtu").GetInt32().Should().Be(1450);
        link.GetProperty("flags").EnumerateArray().Select(f => f.GetString()).Should().Contain("UP");
    }

    [RequiresRootTheory]
    [InlineData(2_500_000UL, 250_000u, 131_072u)]
    [InlineData(1UL, 1_600u, 131_072u)]
    [InlineData(5_000_000_000UL, 125_000_000u, 125_000_000u)]
    [InlineData(125_000_000_000_000UL, 2_147_483_647u, 2_147_483_647u)]
    public void A_token_bucket_filter_is_what_tc_shows(ulong rate, uint burst, uint limit)
    {
        using RouteSocket route = Netns.OpenRouteSocket(_ns);
        route.Execute(new NewTbf(12, rate, burst, limit));

        JsonElement tbf = _ns.Tbf("tw0");
        tbf.GetProperty("root").GetBoolean().Should().BeTrue();
        tbf.GetProperty("handle").GetString().Should().Be("1:");
        tbf.GetProperty("options").GetProperty("rate").GetUInt64().Should().Be(rate);
        route.TryGetQdisc(12, TcHandle.Root, out Qdisc? qdisc).Should().BeTrue();
        qdisc!.Tbf!.Rate.Should().Be(rate);
        qdisc.Tbf.Limit.Should().Be(limit);
        qdisc.Tbf.HasBurst(burst).Should().BeTrue($"{burst} bytes are {qdisc.Tbf.BurstTicks} ticks");
        qdisc.Tbf.HasBurst(burst / 2).Should().BeFalse();
    }

    [RequiresRootFact]
    public void The_burst_is_what_tc_shows_in_bytes()
    {
        using RouteSocket route = Netns.OpenRouteSocket(_ns);
        route.Execute(new NewTbf(12, 2_500_000, 250_000, 131_072));

        _ns.Tbf("tw0").GetProperty("options").GetProperty("burst").GetInt32().Should().BeInRange(249_900, 250_100);
    }

    [RequiresRootFact]
    public void A_second_one_is_refused_and_leaves_the_first()
    {
        using RouteSocket route = Netns.OpenRouteSocket(_ns);
        route.Execute(new NewTbf(12, 1000, 2000, 131_072));

        Action again = () => route.Execute(new NewTbf(12, 5000, 2000, 131_072));

        again.Should().Throw<NetlinkException>().WithMessage("new qdisc tbf root dev #12*").Which.Errno.Should().Be(Errno.EEXIST);
        _ns.Tbf("tw0").GetProperty("options").GetProperty("rate").GetInt32().Should().Be(1000);
    }

    [RequiresRootFact]
    public void A_link_of_its_own_has_no_ingress_hook_and_no_filter_at_its_root()
    {
        using RouteSocket route = Netns.OpenRouteSocket(_ns);

        route.TryGetQdisc(12, TcHandle.Ingress, out _).Should().BeFalse();
        (route.TryGetQdisc(12, TcHandle.Root, out Qdisc? root) ? root!.Tbf : null).Should().BeNull();
    }

    [RequiresRootFact]
    public void What_arrives_is_redirected_to_an_ifb_and_goes_on_from_where_it_was_taken()
    {
        using RouteSocket route = Netns.OpenRouteSocket(_ns);
        route.Execute(new NewIfb("tb0") { Index = 14, Up = true });
        route.Execute(new NewTbf(14, 2_500_000, 250_000, 131_072));
        route.Execute(new NewIngress(12));
        route.Execute(new NewRedirect(12, 14));

        _ns.Qdiscs("tw0").Should().Contain(q => q.GetProperty("kind").GetString() == "ingress");
        JsonElement action = _ns.IngressFilters("tw0")
            .Single(f => f.TryGetProperty("options", out JsonElement o) && o.TryGetProperty("actions", out _))
            .GetProperty("options")
            .GetProperty("actions")[0];
        action.GetProperty("kind").GetString().Should().Be("mirred");
        action.GetProperty("mirred_action").GetString().Should().Be("redirect");
        action.GetProperty("direction").GetString().Should().Be("egress");
        action.GetProperty("to_dev").GetString().Should().Be("tb0");
        route.TryGetQdisc(12, TcHandle.Ingress, out Qdisc? hook).Should().BeTrue();
        hook!.Kind.Should().Be("ingress");
        route.ListIngressFilters(12).Should().ContainSingle(f => f.RedirectIndex == 14);

        using TestNetns pod = TestNetns.Create();
        _ns.Ip($"link set tw1 netns {pod.Name}");
        pod.Sh("ip address add 10.3.0.2/24 dev tw1; ip link set tw1 up");
        _ns.Ip("address add 10.3.0.1/24 dev tw0");
        pod.CanPing("10.3.0.1").Should().BeTrue();
        _ns.Tbf("tb0").GetProperty("packets").GetInt32().Should().BeGreaterThan(0, "the way in leads through the ifb");
    }

    [RequiresRootFact]
    public void Deleting_takes_off_what_was_put_on_and_says_when_there_was_nothing()
    {
        using RouteSocket route = Netns.OpenRouteSocket(_ns);
        route.Execute(new NewTbf(12, 1000, 2000, 131_072));
        route.Execute(new NewIngress(12));

        route.Execute(new DeleteQdisc(12, TcHandle.Root));
        route.Execute(new DeleteQdisc(12, TcHandle.Ingress));

        _ns.Qdiscs("tw0").Select(q => q.GetProperty("kind").GetString()).Should().NotContain("tbf").And.NotContain("ingress");
        route.TryGetQdisc(12, TcHandle.Ingress, out _).Should().BeFalse("the kernel is silent about the dummy that is left there");
        route.TryExecute(new DeleteQdisc(12, TcHandle.Root), Errno.ENOENT).Should().BeFalse();
        route.TryExecute(new DeleteQdisc(12, TcHandle.Ingress), Errno.ENOENT, Errno.EINVAL).Should().BeFalse();
    }

    public void Dispose() => _ns.Dispose();
}
