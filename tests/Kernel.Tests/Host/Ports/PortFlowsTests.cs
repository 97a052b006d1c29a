using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using Twill.Host.Ports;
using Twill.Linux.Conntrack;
using Twill.Testing;
using static Kernel.Tests.Host.Ports.PortLab;
using static Kernel.Tests.Host.Ports.Responder;

namespace Kernel.Tests.Host.Ports;

/// <summary>A UDP client that never stops: its packets go where the rules say now, not where its first one went. Judged by `conntrack
/// -L`.</summary>
public sealed class PortFlowsTests : IDisposable
{
    private readonly PortLab _lab = new();

    [RequiresRootFact]
    public void A_client_that_has_been_asking_in_vain_is_answered_once_the_port_is_published()
    {
        using Responder pod = On(_lab.Pods[0], Udp, 5353, "pod0");
        using Socket client = UdpClient(_lab.Outside, 40000);
        Ask(client, HostAddress, 53).Should().BeNull();
        _lab.Publish("c0", Port(Udp, 53, 0, 5353));
        Ask(client, HostAddress, 53).Should().BeNull("the kernel remembers where the first packet went");

        _lab.OnHost(route => PortFlows.DeleteStaleConntrack(route, [Port(Udp, 53, 0, 5353)]));

        Ask(client, HostAddress, 53).Should().Be($"pod0 {OutsideAddress}");
    }

    [RequiresRootFact]
    public void A_client_follows_the_port_to_another_container()
    {
        using Responder first = On(_lab.Pods[0], Udp, 5353, "pod0"),
            second = On(_lab.Pods[1], Udp, 5353, "pod1");
        using Socket client = UdpClient(_lab.Outside, 40000);
        _lab.Publish("c0", Port(Udp, 53, 0, 5353));
        Ask(client, HostAddress, 53).Should().StartWith("pod0 ");

        IReadOnlyList<PublishedPort> had = _lab.Release("c0");
        _lab.OnHost(_ => PortFlows.DeleteConntrack(had));
        Flows("udp").Should().NotContain("10.244.7.2");

        _lab.Publish("c1", Port(Udp, 53, 1, 5353));
        Ask(client, HostAddress, 53).Should().StartWith("pod1 ");
    }

    [RequiresRootFact]
    public void Flows_of_other_ports_of_the_host_and_through_it_are_left_alone()
    {
        using Responder pod = On(_lab.Pods[0], Udp, 5353, "pod0"),
            dns = On(_lab.Outside, Udp, 53, "dns"),
            host = On(_lab.Host, Udp, 54, "host");
        Ask(_lab.Pods[1], Udp, OutsideAddress, 53).Should().StartWith("dns ", "the same port, of another machine");
        Ask(_lab.Outside, Udp, HostAddress, 54).Should().StartWith("host ");
        _lab.Publish("c0", Port(Udp, 53, 0, 5353), Port(Udp, 55, 0, 5353, at: HostAddress));
        Ask(_lab.Outside, Udp, HostAddress, 55).Should().StartWith("pod0 ");
        string before = Flows("udp");
        before.Split('\n', StringSplitOptions.RemoveEmptyEntries).Should().HaveCount(3);

        _lab.OnHost(route => PortFlows.DeleteStaleConntrack(route, [Port(Udp, 53, 0, 5353), Port(Udp, 55, 0, 5353, at: HostAddress)]));
        _lab.OnHost(_ => PortFlows.DeleteConntrack([Port(Udp, 53, 0, 5353), Port(Udp, 54, 1, 5353)]));

        Flows("udp").Should().Be(before);
    }

    [RequiresRootFact]
    public void Flows_are_listed_as_conntrack_lists_them_and_deleted_one_by_one()
    {
        using Responder udp = On(_lab.Pods[0], Udp, 5353, "udp"),
            tcp = On(_lab.Pods[0], Tcp, 80, "tcp");
        _lab.Publish("c0", Port(Udp, 53, 0, 5353), Port(Tcp, 8080, 0, 80));
        Ask(_lab.Outside, Udp, HostAddress, 53).Should().NotBeNull();
        Ask(_lab.Outside, Tcp, HostAddress, 8080).Should().NotBeNull();

        _lab.OnHost(_ =>
        {
            using ConntrackSocket conntrack = ConntrackSocket.Open();
            conntrack.List(new FlowFilter(Udp, OriginalPort: 54)).Should().BeEmpty();
            conntrack.List(new FlowFilter(Udp, Reached: AddressOf(1))).Should().BeEmpty();
            Flow flow = conntrack.List(new FlowFilter(Udp, 53, AddressOf(0), 5353)).Should().ContainSingle().Subject;
            flow.Original.Source.Should().Be(IPAddress.Parse(OutsideAddress));
            flow.Original.Destination.Should().Be(IPAddress.Parse(HostAddress));
            flow.Reply.DestinationPort.Should().Be(flow.Original.SourcePort);
            Flows("udp")
                .Should()
                .Contain($"src={OutsideAddress} dst={HostAddress} sport={flow.Original.SourcePort} dport=53")
                .And.Contain($"src=10.244.7.2 dst={OutsideAddress} sport=5353 dport={flow.Original.SourcePort}");

            conntrack.Delete(flow).Should().BeTrue();
            conntrack.Delete(flow).Should().BeFalse("it is gone");
            conntrack.List(new FlowFilter(Tcp, OriginalPort: 8080)).Should().ContainSingle();
        });
        Flows("udp").Should().BeEmpty();
        Flows("tcp").Should().Contain("dport=8080");
    }

    public void Dispose() => _lab.Dispose();

    // Without the seconds that entries have left to live, which count down.
    private string Flows(string protocol)
    {
        string listed = _lab.Host.Run("conntrack", "-L", "-p", protocol).OrThrow().Stdout;
        return Regex.Replace(listed, @"^(\w+\s+\d+) \d+", "$1", RegexOptions.Multiline);
    }
}
