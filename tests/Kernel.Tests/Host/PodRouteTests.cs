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
    public void A_route_that_is_named_twice_is_made_once()
    {
        using TestNetns pod = TestNetns.Create();
        PodRoute route = new(s_anywhere, IPAddress.Parse("10.1.0.1"));
        Configure(pod, "eth0", "10.1.0.2", [route, route]);
        pod.IpJson("route show default").GetArrayLength().Should().Be(1);
    }

    private static void Configure(TestNetns pod, string name, string address, IReadOnlyList<PodRoute> routes)
    {
        pod.Ip($"link add {name} type bridge");
        using NetNs ns = NetNs.Open(pod.Path);
        using RouteSocket inPod = RouteSocket.Open(ns);
        MacAddress mac = HostMacs.ForContainer(IPAddress.Parse(address));
        PodLink.Configure(inPod, PodLink.IndexOf(inPod, name), mac, [new PodAddress(IPAddress.Parse(address), 24)], routes);
    }
}
