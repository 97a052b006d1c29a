using System.Net.Sockets;
using Twill.Host;
using Twill.Host.Ports;
using Twill.Testing;
using static Kernel.Tests.Host.Ports.PortLab;
using static Kernel.Tests.Host.Ports.Responder;

namespace Kernel.Tests.Host.Ports;

/// <summary>Published ports of containers that have an address of each family.</summary>
public sealed class IPv6PortsTests : IDisposable
{
    private readonly PortLab _lab = new(withIPv6: true);

    [RequiresRootTheory]
    [InlineData(Tcp)]
    [InlineData(Udp)]
    public void The_outside_and_the_host_reach_the_container_and_it_sees_who_asks(byte protocol)
    {
        using Responder pod = On(_lab.Pods[0], protocol, 80, "pod0", "::");
        Ask(_lab.Outside, protocol, HostAddress6, 8080).Should().BeNull("nothing is published yet");

        _lab.Publish("c0", Port6(protocol, 8080, 0, 80));

        Ask(_lab.Outside, protocol, HostAddress6, 8080).Should().Be($"pod0 {OutsideAddress6}");
        Ask(_lab.Host, protocol, HostAddress6, 8080).Should().Be($"pod0 {HostAddress6}");
        Ask(_lab.Host, protocol, BridgeAddress6, 8080).Should().Be($"pod0 {BridgeAddress6}");
        Ask(_lab.Outside, protocol, HostAddress, 8080).Should().BeNull("it is published for IPv6");
        _lab.Release("c0").Should().ContainSingle();
        Ask(_lab.Host, protocol, BridgeAddress6, 8080).Should().BeNull();
    }

    [RequiresRootTheory]
    [InlineData(0)]
    [InlineData(1)]
    public void Containers_reach_their_own_and_a_neighbours_published_port_with_and_without_br_netfilter(int bridgeNetfilter)
    {
        _lab.Host.Sh($"echo {bridgeNetfilter} > /proc/sys/net/bridge/bridge-nf-call-ip6tables");
        using Responder own = On(_lab.Pods[0], Tcp, 80, "pod0", "::"),
            other = On(_lab.Pods[1], Tcp, 80, "pod1", "::");
        _lab.Publish("c0", Port6(Tcp, 8080, 0, 80));
        _lab.Publish("c1", Port6(Tcp, 8081, 1, 80, at: HostAddress6));

        Ask(_lab.Pods[0], Tcp, HostAddress6, 8080).Should().Be($"pod0 {BridgeAddress6}");
        Ask(_lab.Pods[0], Tcp, HostAddress6, 8081).Should().Be($"pod1 {BridgeAddress6}");
        Ask(_lab.Pods[1], Tcp, BridgeAddress6, 8080).Should().Be($"pod0 {BridgeAddress6}");
        Ask(_lab.Pods[1], Tcp, AddressOf6(0).ToString(), 80).Should().Be($"pod0 {AddressOf6(1)}", "what needs no translation gets none");
    }

    [RequiresRootFact]
    public void At_the_loopback_and_link_local_addresses_the_host_itself_is_asked_and_refuses_at_once()
    {
        using Responder pod = On(_lab.Pods[0], Tcp, 80, "pod0", "::");
        _lab.Publish("c0", Port6(Tcp, 8080, 0, 80));

        Ask(_lab.Host, Tcp, "::1", 8080).Should().BeNull();
        using Responder host = On(_lab.Host, Tcp, 8080, "host", "::");
        Ask(_lab.Host, Tcp, "::1", 8080).Should().Be("host ::1");
        Ask(_lab.Host, Tcp, HostAddress6, 8080).Should().StartWith("pod0 ");
    }

    [RequiresRootFact]
    public void A_port_of_one_family_is_not_one_of_the_other_and_at_one_address_it_is_there_alone()
    {
        using Responder six = On(_lab.Pods[0], Tcp, 80, "six", "::"),
            four = On(_lab.Pods[1], Tcp, 80, "four");
        _lab.Publish("c0", Port6(Tcp, 8080, 0, 80), Port6(Tcp, 8081, 0, 80, at: HostAddress6));
        _lab.Publish("c1", Port(Tcp, 8080, 1, 80));

        Ask(_lab.Outside, Tcp, HostAddress6, 8080).Should().StartWith("six ");
        Ask(_lab.Outside, Tcp, HostAddress, 8080).Should().StartWith("four ");
        Ask(_lab.Host, Tcp, HostAddress6, 8081).Should().StartWith("six ");
        Ask(_lab.Host, Tcp, BridgeAddress6, 8081).Should().BeNull();
    }

    [RequiresRootFact]
    public void Who_asks_for_a_port_of_both_families_is_told_of_the_one_that_is_taken_and_gets_none()
    {
        _lab.Publish("c1", Port6(Tcp, 8080, 1, 80, at: HostAddress6));
        string before = _lab.Ruleset();

        FluentActions
            .Invoking(() => _lab.Publish("c0", Port(Tcp, 8080, 0, 80), Port6(Tcp, 8080, 0, 80)))
            .Should()
            .Throw<PortInUseException>()
            .Which.Message.Should()
            .Be("host port [::]:8080/tcp is in use by interface eth0 of container c1");

        _lab.Ruleset().Should().Be(before);
        _lab.Publish("c0", Port(Tcp, 8080, 0, 80), Port6(Tcp, 8080, 0, 80, at: BridgeAddress6));
    }

    [RequiresRootFact]
    public void Everything_of_a_container_goes_with_it_and_stays_when_the_table_is_written_anew()
    {
        PublishedPort[] ports =
        [
            Port(Tcp, 8080, 0, 80),
            Port(Udp, 53, 0, 53, at: HostAddress),
            Port6(Tcp, 8080, 0, 80),
            Port6(Udp, 53, 0, 53, at: HostAddress6),
        ];
        _lab.Publish("c0", ports);
        _lab.Do(nft =>
        {
            Firewall.Write(nft, DualSpec with { Masquerade = false });
            return true;
        });

        _lab.Do(nft => PortMaps.FindDifference(nft, Network, VethOf("c0"), ports)).Should().BeNull();
        _lab.Do(nft => PortMaps.Owners(nft, Network)).Should().Equal(VethOf("c0"));
        _lab.Release("c0").Should().BeEquivalentTo(ports);
        foreach (
            (string kind, string name) in new[] { ("map", "ports6"), ("map", "ports6_at"), ("map", "published6"), ("set", "translated6") }
        )
        {
            _lab.Elements(kind, name).Should().BeEmpty();
        }
    }

    [RequiresRootTheory]
    [InlineData(
        "delete element inet twill-net1 ports6 { tcp . 8080 }",
        "map ports6 of nftables table inet twill-net1 does not lead host port [::]:8080/tcp to [fd00:244::2]:80"
    )]
    [InlineData(
        "flush map inet twill-net1 ports6_at",
        "map ports6_at of nftables table inet twill-net1 does not lead host port [2001:db8:1::1]:53/udp"
    )]
    [InlineData("flush set inet twill-net1 translated6", "set translated6 of nftables table inet twill-net1 lacks host port")]
    [InlineData("flush map inet twill-net1 published6", "is not published")]
    public void What_was_taken_away_is_named_and_published_again_from_the_record(string damage, string told)
    {
        PublishedPort[] ports = [Port(Tcp, 8080, 0, 80), Port6(Tcp, 8080, 0, 80), Port6(Udp, 53, 0, 53, at: HostAddress6)];
        using TempDir directory = TempDir.Create();
        PortRecords records = new(directory.Path);
        records.Write(new PodPorts("c0", "eth0", ports));
        _lab.Host.Ip($"link add {VethOf("c0")} type bridge");
        _lab.Publish("c0", ports);

        _lab.Host.Nft(damage);

        _lab.Do(nft => PortMaps.FindDifference(nft, Network, VethOf("c0"), ports)).Should().Contain(told);
        _lab.OnHost(route => _lab.Do(nft => records.Restore(nft, route, Network)).Should().ContainSingle());
        _lab.Do(nft => PortMaps.FindDifference(nft, Network, VethOf("c0"), ports)).Should().BeNull();
    }

    [RequiresRootFact]
    public void A_network_that_has_no_ipv6_any_more_gets_the_rest_of_a_recorded_container_back()
    {
        using TempDir directory = TempDir.Create();
        PortRecords records = new(directory.Path);
        records.Write(new PodPorts("c0", "eth0", [Port(Tcp, 8080, 0, 80), Port6(Tcp, 8080, 0, 80)]));
        _lab.Host.Ip($"link add {VethOf("c0")} type bridge");
        _lab.Do(nft =>
        {
            Firewall.Write(nft, Spec);
            return true;
        });

        _lab.OnHost(route => _lab.Do(nft => records.Restore(nft, route, Network)).Should().ContainSingle());

        _lab.Do(nft => PortMaps.List(nft, Network, VethOf("c0"))).Should().Equal(Port(Tcp, 8080, 0, 80));
    }

    [RequiresRootFact]
    public void A_udp_client_follows_the_port_to_another_container()
    {
        using Responder first = On(_lab.Pods[0], Udp, 5353, "pod0", "::"),
            second = On(_lab.Pods[1], Udp, 5353, "pod1", "::");
        using Socket client = UdpClient(_lab.Outside, 40000, AddressFamily.InterNetworkV6);
        Ask(client, HostAddress6, 53).Should().BeNull();
        _lab.Publish("c0", Port(Udp, 53, 0, 5353), Port6(Udp, 53, 0, 5353));
        Ask(client, HostAddress6, 53).Should().BeNull("the kernel remembers where the first packet went");
        _lab.OnHost(route => PortFlows.DeleteStaleConntrack(route, [Port(Udp, 53, 0, 5353), Port6(Udp, 53, 0, 5353)]));
        Ask(client, HostAddress6, 53).Should().Be($"pod0 {OutsideAddress6}");

        IReadOnlyList<PublishedPort> had = _lab.Release("c0");
        _lab.OnHost(_ => PortFlows.DeleteConntrack(had));
        _lab.Host.Run("conntrack", "-L", "-f", "ipv6", "-p", "udp").Stdout.Should().NotContain("fd00:244::2");

        _lab.Publish("c1", Port6(Udp, 53, 1, 5353));
        Ask(client, HostAddress6, 53).Should().StartWith("pod1 ");
    }

    public void Dispose() => _lab.Dispose();
}
