using System.Net;
using System.Text.Json;
using Twill.Host;
using Twill.Host.Attachments;
using Twill.Linux;
using Twill.Linux.Addresses;
using Twill.Linux.Links;
using Twill.Testing;

namespace Kernel.Tests.Host;

public sealed class PodLinkTests : IDisposable
{
    private static readonly PodLinkSpec s_spec = new("net1", "c1", "eth0", 1450, Hairpin: true);

    private readonly TestNetns _host = TestNetns.Create();
    private readonly TestNetns _pod = TestNetns.Create();

    [RequiresRootFact]
    public void A_container_gets_its_interface_with_addresses_and_routes_and_reaches_its_gateway()
    {
        using RouteSocket host = Netns.OpenRouteSocket(_host),
            inPod = Netns.OpenRouteSocket(_pod);
        Make(host, inPod);

        JsonElement end = _host.IpJson($"-d link show dev {s_spec.HostName}")[0];
        end.GetProperty("master").GetString().Should().Be("twill0");
        end.GetProperty("mtu").GetInt32().Should().Be(1450);
        end.GetProperty("ifalias").GetString().Should().Be("twill net1 c1 eth0");
        end.GetProperty("address").GetString().Should().Be(s_spec.HostMac.ToString());
        end.GetProperty("linkinfo").GetProperty("info_slave_data").GetProperty("hairpin").GetBoolean().Should().BeTrue();
        JsonElement inside = _pod.IpJson("address show dev eth0")[0];
        inside.GetProperty("address").GetString().Should().Be("02:74:0a:5a:00:02");
        inside.GetProperty("mtu").GetInt32().Should().Be(1450);
        inside.GetProperty("addr_info").EnumerateArray().Select(a => a.GetProperty("local").GetString()).Should().Contain("10.90.0.2");
        _pod.IpJson("route show default")[0].GetProperty("gateway").GetString().Should().Be("10.90.0.1");
        _pod.Run("ping", "-c1", "-W2", "10.90.0.1").OrThrow();
    }

    [RequiresRootFact]
    public void An_IPv6_address_that_was_waited_for_hears_who_solicits_it()
    {
        using RouteSocket host = Netns.OpenRouteSocket(_host),
            inPod = Netns.OpenRouteSocket(_pod);
        Make(host, inPod);
        int inside = PodLink.IndexOf(inPod, "eth0");
        for (int i = 1; i <= 100; i++)
        {
            IPAddress address = IPAddress.Parse($"fd00:90::a:{i:x}"),
                group = IPAddress.Parse($"ff02::1:ff0a:{i:x}");
            inPod.Execute(new NewAddress(inside, address, 64) { AddressFlags = AddressFlags.NoDad });

            PodLink.WaitUntilSolicited(inPod, inside, address);

            inPod.ListMulticastGroups(inside).Should().Contain(group);
        }
    }

    [RequiresRootFact]
    public void Routes_carry_mtu_advmss_priority_and_table()
    {
        using RouteSocket host = Netns.OpenRouteSocket(_host),
            inPod = Netns.OpenRouteSocket(_pod);
        Make(
            host,
            inPod,
            new PodRoute(IPNetwork.Parse("203.0.113.0/24"), IPAddress.Parse("10.90.0.1"), Mtu: 1300, AdvMss: 1200, Priority: 42, Table: 100)
        );

        JsonElement route = _pod.IpJson("-d route show table 100")[0];
        route.GetProperty("dst").GetString().Should().Be("203.0.113.0/24");
        route.GetProperty("metric").GetInt32().Should().Be(42);
        route.GetProperty("metrics")[0].GetProperty("mtu").GetInt32().Should().Be(1300);
        route.GetProperty("metrics")[0].GetProperty("advmss").GetInt32().Should().Be(1200);
    }

    [RequiresRootFact]
    public void A_second_one_for_the_same_container_is_refused_and_harms_nothing()
    {
        using RouteSocket host = Netns.OpenRouteSocket(_host),
            inPod = Netns.OpenRouteSocket(_pod);
        Make(host, inPod);
        using TestNetns other = TestNetns.Create();
        using NetNs ns = NetNs.Open(other.Path);

        bool made = false;
        Action again = () => AttachmentTable.All.Create(host, ns, s_spec, host.GetLink("twill0"), created: () => made = true);

        again
            .Should()
            .Throw<AlreadyAttachedException>()
            .WithMessage($"container c1 already has interface eth0 in network net1: its host end {s_spec.HostName} exists");
        made.Should().BeFalse("what is there is another's");
        other.HasLink("eth0").Should().BeFalse();
        _pod.Run("ping", "-c1", "-W2", "10.90.0.1").OrThrow();
    }

    [RequiresRootFact]
    public void An_interface_of_that_name_inside_is_left_alone_and_named()
    {
        _pod.Ip("link add eth0 type bridge");
        using RouteSocket host = Netns.OpenRouteSocket(_host);
        Link bridge = HostBridge.Ensure(host, "twill0", 1450);
        using NetNs ns = NetNs.Open(_pod.Path);

        Action create = () => AttachmentTable.All.Create(host, ns, s_spec, bridge, created: () => { });

        create.Should().Throw<HostException>().WithMessage("the container's namespace already has an interface eth0*");
        _host.HasLink(s_spec.HostName).Should().BeFalse();
        _pod.HasLink("eth0").Should().BeTrue();
    }

    [RequiresRootFact]
    public void Deleting_twice_is_deleting_once()
    {
        using RouteSocket host = Netns.OpenRouteSocket(_host),
            inPod = Netns.OpenRouteSocket(_pod);
        Make(host, inPod);

        AttachmentTable.All.Delete(host, s_spec.HostName).Should().BeTrue();
        AttachmentTable.All.Delete(host, s_spec.HostName).Should().BeFalse();

        _host.HasLink(s_spec.HostName).Should().BeFalse();
        _pod.HasLink("eth0").Should().BeFalse();
    }

    public void Dispose()
    {
        _pod.Dispose();
        _host.Dispose();
    }

    private void Make(RouteSocket host, RouteSocket inPod, params PodRoute[] more)
    {
        Link bridge = HostBridge.Ensure(host, "twill0", 1450);
        using NetNs ns = NetNs.Open(_pod.Path);
        AttachmentTable.All.Create(host, ns, s_spec, bridge, created: () => { });
        RouteBatch batch = host.NewBatch();
        batch.Add(HostBridge.Gateway(bridge.Index, IPAddress.Parse("10.90.0.1"), 24));
        batch.Send();
        IPAddress address = IPAddress.Parse("10.90.0.2");
        PodLink.Configure(
            inPod,
            PodLink.IndexOf(inPod, "eth0"),
            HostMacs.ForContainer(address),
            [new PodAddress(address, 24)],
            [new PodRoute(IPNetwork.Parse("0.0.0.0/0"), IPAddress.Parse("10.90.0.1")), .. more]
        );
        PodLink.WaitUntilForwarding(host, s_spec.HostName);
    }
}
