using System.Net;
using System.Text.Json;
using Kernel.Tests.TrafficControl;
using Twill.Host;
using Twill.Host.Attachments;
using Twill.Linux;
using Twill.Linux.Links;
using Twill.Network;
using Twill.Testing;

namespace Kernel.Tests.Host;

public sealed class PodShapingTests : IDisposable
{
    private const ulong Mbit = 125_000; // bytes per second

    private static readonly PodLinkSpec s_spec = new("net1", "c1", "eth0", 1450, Hairpin: true);
    private static readonly RateLimit s_limit = new(20 * Mbit, 100_000);
    private static readonly PodLimits s_both = new(s_limit, new RateLimit(30 * Mbit, 100_000));

    private readonly TestNetns _host = TestNetns.Create();
    private readonly TestNetns _pod = TestNetns.Create();

    [RequiresRootFact]
    public void What_goes_to_the_container_is_limited_at_the_host_end_and_needs_no_ifb()
    {
        using RouteSocket host = Make(new PodLimits(s_limit, null));

        JsonElement options = _host.Tbf(s_spec.HostName).GetProperty("options");
        options.GetProperty("rate").GetInt32().Should().Be(2_500_000);
        options.GetProperty("burst").GetInt32().Should().BeInRange(99_900, 100_100);
        _host.HasLink(s_spec.IfbName).Should().BeFalse();
        Difference(host, new PodLimits(s_limit, null)).Should().BeNull();
    }

    [RequiresRootFact]
    public void What_comes_from_the_container_is_limited_at_an_ifb_that_says_whose_it_is()
    {
        using RouteSocket host = Make(new PodLimits(null, s_limit));

        _host.Tbf(s_spec.IfbName).GetProperty("options").GetProperty("rate").GetInt32().Should().Be(2_500_000);
        JsonElement link = _host.IpJson($"link show dev {s_spec.IfbName}")[0];
        link.GetProperty("ifalias").GetString().Should().Be("twill net1 c1 eth0");
        link.GetProperty("mtu").GetInt32().Should().Be(1450);
        _host.Qdiscs(s_spec.HostName).Select(q => q.GetProperty("kind").GetString()).Should().Contain("ingress").And.NotContain("tbf");
        Difference(host, new PodLimits(null, s_limit)).Should().BeNull();
        _pod.CanPing("10.90.0.1").Should().BeTrue();
    }

    [RequiresRootFact]
    public void Throughput_stays_at_the_limit_both_ways()
    {
        using RouteSocket host = Make(s_both);

        Throughput.ShouldBeLimitedTo(20, _host, _pod, "10.90.0.2");
        Throughput.ShouldBeLimitedTo(30, _pod, _host, "10.90.0.1");
    }

    [RequiresRootFact]
    public void Without_limits_nothing_is_made_and_nothing_is_missed()
    {
        using RouteSocket host = Make(PodLimits.None);

        Throughput.Measure(_host, _pod, "10.90.0.2").Should().BeGreaterThan(100, "Mbit/s");
        _host.Qdiscs(s_spec.HostName).Should().OnlyContain(q => q.GetProperty("kind").GetString() == "noqueue");
        Difference(host, PodLimits.None).Should().BeNull();
    }

    [RequiresRootFact]
    public void A_burst_of_a_single_frame_lets_whole_segments_through_piece_by_piece()
    {
        RateLimit tight = new(20 * Mbit, 1468);
        using RouteSocket host = Make(new PodLimits(tight, tight));

        _pod.Run("ping", "-n", "-c", "2", "-W", "2", "-M", "do", "-s", "1422", "10.90.0.1").OrThrow();
        Throughput.Measure(_host, _pod, "10.90.0.2").Should().BeInRange(1, 30, "Mbit/s: what is longer than the burst is cut, not dropped");
    }

    [RequiresRootTheory]
    [InlineData("tc qdisc del dev $VETH root", "has no token bucket filter")]
    [InlineData(
        "tc qdisc change dev $VETH root tbf rate 99mbit burst 100000 limit 131072",
        "limited to 99000000 bit/s by tw*, not 20000000"
    )]
    [InlineData(
        "tc qdisc change dev $VETH root tbf rate 20mbit burst 50000 limit 131072",
        "bursts to the container are limited to others than 800000 bit"
    )]
    [InlineData("tc qdisc change dev $VETH root tbf rate 20mbit burst 100000 limit 9999", "the queue of tw* takes 9999 bytes, not 131072")]
    [InlineData("tc qdisc del dev $IFB root", "from the container is not limited")]
    [InlineData("tc qdisc del dev $VETH ingress", "does not redirect it to tb")]
    [InlineData("tc filter del dev $VETH parent ffff:", "does not redirect it to tb")]
    [InlineData("ip link set $IFB down", "is down")]
    [InlineData("ip link delete $IFB", "is missing")]
    [InlineData("ip link delete $VETH", "is missing")]
    public void Every_difference_is_named(string damage, string text)
    {
        using RouteSocket host = Make(s_both);
        Difference(host, s_both).Should().BeNull();

        _host.Sh($"VETH={s_spec.HostName} IFB={s_spec.IfbName}; {damage}");

        Difference(host, s_both).Should().Match($"*{text}*");
    }

    [RequiresRootFact]
    public void An_ifb_that_a_killed_ADD_left_is_made_anew()
    {
        _host.Sh($"ip link add {s_spec.IfbName} type ifb; tc qdisc add dev {s_spec.IfbName} root tbf rate 1mbit burst 10000 limit 10000");
        using RouteSocket host = Make(s_both);

        Difference(host, s_both).Should().BeNull();
    }

    [RequiresRootFact]
    public void Collecting_takes_those_of_the_network_that_nobody_keeps_and_what_killed_ADDs_left()
    {
        using RouteSocket host = Make(s_both);
        string kept = Ifb("kept", "twill net1 kept eth0"),
            gone = Ifb("gone", "twill net1 gone eth0"),
            foreign = Ifb("other", "twill net2 other eth0"),
            killed = Ifb("killed", ""),
            starting = Ifb("starting", "");
        _host.Sh($"ip link add ifb7 type ifb; ip link add {DeviceNames.VethOfIfb(starting)} type veth peer name p0");

        PodShaping.Ifbs(host, "net1").Should().BeEquivalentTo(kept, gone, killed, s_spec.IfbName);
        PodShaping.Ifbs(host, "net2").Should().BeEquivalentTo(foreign, killed);

        string Ifb(string id, string alias)
        {
            string name = DeviceNames.Ifb(id, "eth0");
            _host.Sh($"ip link add {name} type ifb" + (alias.Length == 0 ? "" : $"; ip link set {name} alias '{alias}'"));
            return name;
        }
    }

    [RequiresRootFact]
    public void Deleting_twice_is_deleting_once()
    {
        using RouteSocket host = Make(s_both);

        PodShaping.Delete(host, s_spec.IfbName).Should().BeTrue();
        PodShaping.Delete(host, s_spec.IfbName).Should().BeFalse();

        _host.HasLink(s_spec.IfbName).Should().BeFalse();
    }

    public void Dispose()
    {
        _pod.Dispose();
        _host.Dispose();
    }

    private static string? Difference(RouteSocket host, PodLimits limits) => PodShaping.FindDifference(host, s_spec, limits);

    private RouteSocket Make(PodLimits limits)
    {
        RouteSocket host = Netns.OpenRouteSocket(_host);
        using RouteSocket inPod = Netns.OpenRouteSocket(_pod);
        Link bridge = HostBridge.Ensure(host, "twill0", 1450);
        using NetNs ns = NetNs.Open(_pod.Path);
        AttachmentTable.All.Create(host, ns, s_spec, bridge, created: () => { });
        RouteBatch batch = host.NewBatch();
        batch.Add(HostBridge.Gateway(bridge.Index, IPAddress.Parse("10.90.0.1"), 24));
        batch.Send();
        PodShaping.Apply(host, s_spec, limits);
        IPAddress address = IPAddress.Parse("10.90.0.2");
        PodLink.Configure(inPod, PodLink.IndexOf(inPod, "eth0"), HostMacs.ForContainer(address), [new PodAddress(address, 24)], []);
        PodLink.WaitUntilForwarding(host, s_spec.HostName);
        return host;
    }
}
