using System.Net;
using System.Text.Json;
using Twill.Host;
using Twill.Host.Attachments;
using Twill.Linux;
using Twill.Linux.Links;
using Twill.Testing;

namespace Kernel.Tests.Host;

public sealed class RoutedVethTests : IDisposable
{
    private const int Ports = 1023;

    private static readonly PodLinkSpec s_spec = new("net1", "c1", "eth0", 1450, Hairpin: true);
    private static readonly RoutedAddress s_address = new(IPAddress.Parse("10.90.0.2"), IPAddress.Parse("10.90.0.1"), 24);

    private readonly TestNetns _host = TestNetns.Create();
    private readonly TestNetns _pod = TestNetns.Create();

    [RequiresRootTheory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_bridge_without_a_port_left_leaves_the_pair_whole_up_and_named(bool wasFullBefore)
    {
        using RouteSocket host = Netns.OpenRouteSocket(_host);
        Link bridge = Bridge(host, Ports, wasFullBefore);

        Create(host, bridge);

        AttachmentTable.All.Of(host.GetLink(s_spec.HostName)).Should().BeOfType<RoutedAttachment>();
        JsonElement end = _host.IpJson($"link show dev {s_spec.HostName}")[0];
        end.TryGetProperty("master", out _).Should().BeFalse();
        end.GetProperty("flags").EnumerateArray().Select(f => f.GetString()).Should().Contain("UP");
        end.GetProperty("ifalias").GetString().Should().Be("twill net1 c1 eth0");
        end.GetProperty("mtu").GetInt32().Should().Be(1450);
        _pod.HasLink("eth0").Should().BeTrue();
    }

    [RequiresRootTheory]
    [InlineData(BridgeAttachment.LastPort - 1, false, true)]
    [InlineData(BridgeAttachment.LastPort, false, false)]
    [InlineData(0, true, false)]
    public void It_stays_on_the_bridge_up_to_the_last_port_unless_there_were_more_before(int taken, bool wasFullBefore, bool stays)
    {
        using RouteSocket host = Netns.OpenRouteSocket(_host);
        Link bridge = Bridge(host, taken, wasFullBefore);

        Create(host, bridge);
        (AttachmentTable.All.Of(host.GetLink(s_spec.HostName)) is BridgeAttachment).Should().Be(stays);

        JsonElement end = _host.IpJson($"link show dev {s_spec.HostName}")[0];
        end.TryGetProperty("master", out _).Should().Be(stays);
        if (!stays)
        {
            end.GetProperty("ifalias").GetString().Should().Be("twill net1 c1 eth0");
        }
    }

    [RequiresRootTheory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_second_one_or_one_that_is_in_the_way_inside_is_refused_and_harms_nothing(bool wasFullBefore)
    {
        using RouteSocket host = Netns.OpenRouteSocket(_host);
        Link bridge = Bridge(host, Ports, wasFullBefore);
        Create(host, bridge);
        string before = _host.Ip($"-j link show dev {s_spec.HostName}");

        FluentActions.Invoking(() => Create(host, bridge)).Should().Throw<AlreadyAttachedException>();
        PodLinkSpec other = new("net1", "c2", "eth0", 1450, Hairpin: true);
        FluentActions
            .Invoking(() => Create(host, bridge, other))
            .Should()
            .Throw<HostException>()
            .WithMessage("*already has an interface eth0*");

        _host.Ip($"-j link show dev {s_spec.HostName}").Should().Be(before);
        _host.HasLink(other.HostName).Should().BeFalse();
    }

    [RequiresRootFact]
    public void Connected_it_has_one_address_whose_route_is_the_kernels_and_all_goes_with_it()
    {
        using RouteSocket host = Netns.OpenRouteSocket(_host);
        Link bridge = Bridge(host, Ports, wasFullBefore: false);
        _host.Ip("address add 10.90.0.1/24 dev twill0");
        string before = Routes();
        Create(host, bridge);
        InHost(() => RoutedVeth.AnyOn(host)).Should().BeFalse();

        Connect(host, bridge);

        JsonElement route = _host.IpJson("route show 10.90.0.2")[0];
        route.GetProperty("dev").GetString().Should().Be(s_spec.HostName);
        route.GetProperty("protocol").GetString().Should().Be("kernel");
        route.GetProperty("prefsrc").GetString().Should().Be("10.90.0.1");
        Difference(host).Should().BeNull();
        InHost(() => RoutedVeth.AnyOn(host)).Should().BeTrue();
        InHost(() => RoutedVeth.All(host)).Should().Equal(_host.IndexOf(s_spec.HostName));

        _host.Ip($"link delete {s_spec.HostName}");
        Routes().Should().Be(before);
    }

    [RequiresRootTheory]
    [InlineData("ip address flush dev $END", "lacks the address")]
    [InlineData(
        "ip address add 10.90.0.1 peer 10.90.0.3/32 dev $END; ip address del 10.90.0.1 peer 10.90.0.2/32 dev $END",
        "lacks the address 10.90.0.1 peer 10.90.0.2"
    )]
    [InlineData("echo 0 >/proc/sys/net/ipv4/conf/$END/proxy_arp", "proxy_arp is not 1")]
    [InlineData("echo 0 >/proc/sys/net/ipv4/conf/twill0/proxy_arp", "net.ipv4.conf.twill0.proxy_arp is not 1")]
    public void What_it_lacks_is_named(string damage, string told)
    {
        using RouteSocket host = Netns.OpenRouteSocket(_host);
        Link bridge = Bridge(host, Ports, wasFullBefore: false);
        Create(host, bridge);
        Connect(host, bridge);

        _host.Run("sh", "-c", $"END={s_spec.HostName}; {damage}").OrThrow();

        Difference(host).Should().Contain(told);
    }

    [RequiresRootFact]
    public void Whoever_on_the_bridge_knew_the_address_is_told_where_it_is_now()
    {
        _host.Ip("link add twill0 address 02:00:00:00:00:01 type bridge");
        _host.Ip("link set twill0 up");
        _pod.Ip($"link add eth0 type veth peer name pod netns {_host.Path}");
        _host.Ip("link set pod master twill0 up");
        _pod.Ip("link set eth0 up");
        _pod.Ip("address add 10.90.0.9/24 dev eth0");
        _pod.Ip("neigh add 10.90.0.2 lladdr 02:00:00:00:00:99 dev eth0 nud reachable");
        _pod.Ip("neigh add 10.90.0.3 lladdr 02:00:00:00:00:99 dev eth0 nud reachable");
        Eventually.True("the cable carries", () => _pod.IpJson("link show dev eth0")[0].GetProperty("operstate").GetString() == "UP");

        InHost(() =>
        {
            ArpAnnouncement.Send(_host.IndexOf("twill0"), s_address.Container, MacAddress.Parse("02:00:00:00:00:01"));
            return true;
        });

        Eventually.True(
            "it is told",
            () => _pod.Ip("neigh show 10.90.0.2").Contains("02:00:00:00:00:01"),
            onFailure: () => _pod.Ip("neigh")
        );

        _pod.Ip("neigh show 10.90.0.3").Should().Contain("02:00:00:00:00:99", "nobody spoke of it");
    }

    public void Dispose()
    {
        _pod.Dispose();
        _host.Dispose();
    }

    private Link Bridge(RouteSocket host, int taken, bool wasFullBefore)
    {
        HostBridge.Ensure(host, "twill0", 1450);
        _host.Run("sh", "-c", $"for i in $(seq {taken}); do echo link add filler$i master twill0 type ifb; done | ip -batch -").OrThrow();
        if (wasFullBefore)
        {
            InHost(() => RoutedVeth.EnableProxyArp("twill0"));
        }

        return host.GetLink("twill0");
    }

    private void Create(RouteSocket host, Link bridge, PodLinkSpec? spec = null)
    {
        using NetNs ns = NetNs.Open(_pod.Path);
        AttachmentTable.All.Create(host, ns, spec ?? s_spec, bridge, created: () => { });
    }

    private void Connect(RouteSocket host, Link bridge) =>
        InHost(() =>
        {
            RoutedVeth.Connect(host, s_spec, host.GetLink(s_spec.HostName), bridge, [s_address]);
            return true;
        });

    private string? Difference(RouteSocket host) =>
        InHost(() => RoutedVeth.FindDifference(host, host.GetLink(s_spec.HostName), "twill0", [s_address]));

    /// <summary>Less what the kernel notes of carriers, which it does when it finds the time.</summary>
    private string Routes() => _host.Ip("-4 route show table all").Replace(" linkdown", "");

    private T InHost<T>(Func<T> action)
    {
        using NetNs ns = NetNs.Open(_host.Path);
        return ns.Run(action);
    }
}
