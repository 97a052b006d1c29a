using System.Net;
using Twill.Host;
using Twill.Linux;
using Twill.Testing;

namespace Kernel.Tests.Host;

/// <summary>Routes of a container that are there already, of another interface or its own.</summary>
public sealed class PodRouteTests
{
    private static readonly IPNetwork s_anywhere = IPNetwork.Parse("0.0.0.0/0");

    [RequiresRootFact]
    public void A_default_route_of_a_second_interface_stands_behind_the_first_and_stays_when_that_goes()
    {
        using TestNetns pod = TestNetns.Create();
        Configure(pod, "eth0", "10.1.0.2", [new PodRoute(s_anywhere, IPAddress.Parse("10.1.0.1"))]);
        Configure(pod, "eth1", "10.2.0.2", [new PodRoute(s_anywhere, IPAddress.Parse("10.2.0.1"))]);

        pod.Ip("route get 203.0.113.1").Should().Contain("via 10.1.0.1 dev eth0");
        pod.Ip("link delete eth0");
        pod.Ip("route get 203.0.113.1").Should().Contain("via 10.2.0.1 dev eth1");
    }

    [RequiresRootFact]
    public void What_an_address_of_a_second_interface_sends_leaves_by_that_one()
    {
        using TestNetns pod = TestNetns.Create();
        Configure(pod, "eth0", "10.1.0.2", [new PodRoute(s_anywhere, IPAddress.Parse("10.1.0.1"))]);
        IReadOnlyList<PodRoute> second =
        [
            new PodRoute(IPNetwork.Parse("10.9.0.0/16"), IPAddress.Parse("10.2.0.9")),
            new PodRoute(s_anywhere, IPAddress.Parse("10.2.0.1")),
        ];
        Configure(pod, "eth1", "10.2.0.2", second);

        pod.Ip("route get 203.0.113.1 from 10.2.0.2").Should().Contain("via 10.2.0.1 dev eth1");
        pod.Ip("route get 10.1.0.7 from 10.2.0.2").Should().Contain("via 10.2.0.1 dev eth1");
        pod.Ip("route get 10.2.0.7 from 10.2.0.2").Should().StartWith("10.2.0.7 from 10.2.0.2 dev eth1");
        pod.Ip("route get 10.9.0.7 from 10.2.0.2").Should().Contain("via 10.2.0.9 dev eth1");
        pod.Ip("route get 203.0.113.1 from 10.1.0.2").Should().Contain("via 10.1.0.1 dev eth0");

        pod.Ip("link delete eth1");
        Configure(pod, "eth1", "10.2.0.3", second);
        pod.Ip("route get 203.0.113.1 from 10.2.0.3").Should().Contain("via 10.2.0.1 dev eth1");
        Rules(pod).Should().ContainSingle("that of the former interface is gone").Which.Should().Contain("from 10.2.0.3 ");
    }

    [RequiresRootFact]
    public void What_an_IPv6_address_of_a_second_interface_sends_leaves_by_that_one()
    {
        using TestNetns pod = TestNetns.Create();
        IPNetwork anywhere = IPNetwork.Parse("::/0");
        Configure(pod, "eth0", "fd01::2", [new PodRoute(anywhere, IPAddress.Parse("fd01::1"))]);
        Configure(pod, "eth1", "fd02::2", [new PodRoute(anywhere, IPAddress.Parse("fd02::1"))]);

        pod.Ip("-6 route get 2001:db8::1").Should().Contain("via fd01::1 dev eth0");
        pod.Ip("-6 route get 2001:db8::1 from fd02::2").Should().Contain("via fd02::1 dev eth1");
        pod.Ip("-6 route get fd02::7 from fd02::2").Should().StartWith("fd02::7 from fd02::2 dev eth1");
    }

    [RequiresRootFact]
    public void Rules_that_a_container_made_under_our_protocol_hinder_nothing()
    {
        using TestNetns pod = TestNetns.Create();
        pod.Ip("rule add from 10.9.0.1 lookup 4294967295 proto 116");
        pod.Ip("rule add from 10.9.0.2 lookup 116099 proto 116");
        pod.Ip("rule add lookup 7 proto 116");
        Configure(pod, "eth0", "10.1.0.2", [new PodRoute(s_anywhere, IPAddress.Parse("10.1.0.1"))]);

        Configure(pod, "eth1", "10.2.0.2", [new PodRoute(s_anywhere, IPAddress.Parse("10.2.0.1"))]);

        pod.Ip("route get 203.0.113.1 from 10.2.0.2").Should().Contain("via 10.2.0.1 dev eth1");
        Rules(pod).Should().HaveCount(3).And.NotContain(rule => rule.Contains("10.9.0.2", StringComparison.Ordinal));
    }

    [RequiresRootTheory]
    [InlineData("10.1.0.2", "10.2.0.2", "0.0.0.0/0", "10.1.0.1", "10.2.0.1", "ip")]
    [InlineData("fd01::2", "fd02::2", "::/0", "fd01::1", "fd02::1", "ip -6")]
    public void What_a_second_interface_lacks_is_named_with_the_command_that_puts_it_back(
        string first,
        string second,
        string anywhere,
        string firstGateway,
        string secondGateway,
        string ip
    )
    {
        using TestNetns pod = TestNetns.Create();
        IPNetwork all = IPNetwork.Parse(anywhere);
        Configure(pod, "eth0", first, [new PodRoute(all, IPAddress.Parse(firstGateway))]);
        Configure(pod, "eth1", second, [new PodRoute(all, IPAddress.Parse(secondGateway))]);
        Find("eth0", first).Should().BeNull();
        Find("eth1", second).Should().BeNull();
        int table = 116_000 + pod.IndexOf("eth1");
        string[] damages =
        [
            $"rule del from {second}",
            $"route flush table {table}",
            $"route del default table {table}",
            $"route del {(ip == "ip" ? "10.2.0.0/24" : "fd02::/64")} table {table}",
        ];

        foreach (string damage in damages)
        {
            pod.Sh($"{ip} {damage}");
            (string fault, string remedy) = Find("eth1", second)!.Value;
            fault.Should().StartWith($"packets from {second} ").And.EndWith(" is missing");
            remedy.Should().StartWith($"{ip} r");
            Find("eth0", first).Should().BeNull("the first network has nothing to do with that");
            for (int i = 0; i < 2 && Find("eth1", second) is var (_, next); i++)
            {
                pod.Sh(next); // a table that was flushed lacks two
            }

            Find("eth1", second).Should().BeNull(damage);
            pod.Sh($"{ip} route get {firstGateway} from {second}").Should().Contain($"via {secondGateway} dev eth1");
        }

        pod.Ip("link delete eth0");
        pod.Sh($"{ip} rule del from {second}");
        Find("eth1", second).Should().BeNull("there is no other network any more");

        (string, string)? Find(string name, string address)
        {
            using NetNs ns = NetNs.Open(pod.Path);
            using RouteSocket inPod = RouteSocket.Open(ns);
            return SourceRoutes.FindDifference(inPod, inPod.GetLink(name), IPAddress.Parse(address));
        }
    }

    [RequiresRootFact]
    public void A_container_in_one_network_has_no_rules()
    {
        using TestNetns pod = TestNetns.Create();
        Configure(pod, "eth0", "10.1.0.2", [new PodRoute(s_anywhere, IPAddress.Parse("10.1.0.1"))]);
        Rules(pod).Should().BeEmpty();
    }

    [RequiresRootFact]
    public void A_route_that_is_named_twice_is_made_once()
    {
        using TestNetns pod = TestNetns.Create();
        PodRoute route = new(s_anywhere, IPAddress.Parse("10.1.0.1"));
        Configure(pod, "eth0", "10.1.0.2", [route, route]);
        pod.IpJson("route show default").GetArrayLength().Should().Be(1);
    }

    private static List<string> Rules(TestNetns pod) =>
        [.. pod.Ip("rule show").Split('\n').Where(static rule => rule.EndsWith(" proto 116", StringComparison.Ordinal))];

    private static void Configure(TestNetns pod, string name, string address, IReadOnlyList<PodRoute> routes)
    {
        pod.Ip($"link add {name} type bridge");
        using NetNs ns = NetNs.Open(pod.Path);
        using RouteSocket inPod = RouteSocket.Open(ns);
        MacAddress mac = MacAddress.Parse(name == "eth0" ? "02:00:00:00:00:01" : "02:00:00:00:00:02");
        PodAddress own = new(IPAddress.Parse(address), address.Contains(':', StringComparison.Ordinal) ? 64 : 24);
        PodLink.Configure(inPod, PodLink.IndexOf(inPod, name), mac, [own], routes);
    }
}
