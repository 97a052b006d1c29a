using System.Net;
using Twill.Linux;
using Twill.Linux.Conntrack;
using Twill.Linux.Netlink;
using Twill.Testing;

namespace Kernel.Tests.Conntrack;

/// <summary>Which connections the kernel lists. They are made by hand, with `conntrack -I`.</summary>
public sealed class ListFlowsTests : IDisposable
{
    private readonly TestNetns _ns = TestNetns.Create();

    public ListFlowsTests()
    {
        foreach (int port in new[] { 53, 54 })
        {
            Insert(
                $"-p udp --orig-src 192.0.2.2 --orig-dst 192.0.2.1 --sport {40000 + port} --dport {port} --reply-src 10.244.7.2 "
                    + $"--reply-dst 192.0.2.2 --reply-port-src 5353 --reply-port-dst {40000 + port}"
            );
            Insert(
                $"-p tcp --orig-src 192.0.2.2 --orig-dst 192.0.2.1 --sport {40000 + port} --dport {port} --state ESTABLISHED "
                    + $"--reply-src 10.244.7.3 --reply-dst 192.0.2.2 --reply-port-src 5353 --reply-port-dst {40000 + port}"
            );
        }
    }

    [RequiresRootFact]
    public void The_kernel_itself_leaves_out_what_the_filter_does_not_let_through()
    {
        foreach (
            (FlowFilter filter, int expected) in new[]
            {
                (new FlowFilter(17), 2),
                (new FlowFilter(17, OriginalPort: 53), 1),
                (new FlowFilter(6, OriginalPort: 55), 0),
                (new FlowFilter(17, Reached: IPAddress.Parse("10.244.7.2")), 2),
                (new FlowFilter(17, Reached: IPAddress.Parse("10.244.7.3")), 0),
                (new FlowFilter(6, 54, IPAddress.Parse("10.244.7.3"), 5353), 1),
                (new FlowFilter(6, ReachedPort: 5354), 0),
            }
        )
        {
            Unfiltered(filter).Should().HaveCount(expected, $"{filter}").And.NotContain(flow => !filter.Matches(flow));
        }
    }

    [RequiresRootFact]
    public void A_flow_is_as_conntrack_shows_it()
    {
        Flow flow = Unfiltered(new FlowFilter(17, OriginalPort: 53)).Should().ContainSingle().Subject;

        flow.Original.Should().Be(new FlowTuple(IPAddress.Parse("192.0.2.2"), IPAddress.Parse("192.0.2.1"), 17, 40053, 53));
        flow.Reply.Should().Be(new FlowTuple(IPAddress.Parse("10.244.7.2"), IPAddress.Parse("192.0.2.2"), 17, 5353, 40053));
        _ns.Run("conntrack", "-L", "-o", "id", "-p", "udp", "--dport", "53").Stdout.Should().Contain($"id={flow.Id}");
    }

    public void Dispose() => _ns.Dispose();

    private void Insert(string flow) => _ns.Sh($"conntrack -I -t 100 {flow} 2>&1");

    private List<Flow> Unfiltered(FlowFilter filter)
    {
        using NetNs ns = NetNs.Open(_ns.Path);
        using NetlinkSocket socket = ns.Run(() => NetlinkSocket.Open(NetlinkFamily.Netfilter, _ => "list connections"));
        return socket.Dump<ListFlows, Flow>(new ListFlows(filter), Flow.Decode);
    }
}
