using Twill.Testing;
using static Twill.Agent.Tests.DualHosts;

namespace Twill.Agent.Tests;

/// <summary>Two hosts of a network with both families, on an underlay of both.</summary>
public sealed class TwoDualHosts : IDisposable
{
    private readonly AgentLab? _lab;

    public TwoDualHosts()
    {
        if (Environment.IsPrivilegedProcess)
        {
            _lab = new AgentLab(LabFamilies.Both);
            (A, B) = (_lab.StartDualHost(), _lab.StartDualHost());
        }
    }

    internal AgentHost A { get; } = null!;

    internal AgentHost B { get; } = null!;

    public void Dispose() => _lab?.Dispose();
}

/// <summary>Somebody breaks by hand what the agent keeps of IPv6.</summary>
public sealed class DualStackMendingTests(TwoDualHosts hosts) : IClassFixture<TwoDualHosts>
{
    [RequiresRootTheory]
    [InlineData("ip -6 route flush proto 116")]
    [InlineData("ip link del twill-v6.1")]
    [InlineData("ip link set twill-v6.1 down")]
    [InlineData("ip -6 address flush dev twill-v6.1")]
    [InlineData("ip -6 address flush dev twill0 scope global")]
    [InlineData("ip -6 route flush dev twill0 proto kernel")]
    [InlineData("ip -6 neigh flush dev twill-v6.1 nud permanent")]
    [InlineData("bridge fdb del $(bridge fdb show dev twill-v6.1 | cut -d' ' -f1) dev twill-v6.1")]
    [InlineData("echo 0 >/proc/sys/net/ipv6/conf/all/forwarding")]
    public void What_somebody_breaks_of_IPv6_is_mended(string damage)
    {
        (AgentHost a, AgentHost b) = (hosts.A, hosts.B);
        ShouldReach(a, b, "twill.1", "twill-v6.1");
        string before = StateOf(a);
        a.Agent!.Send(Signal.Stop);
        try
        {
            a.Ns.Sh(damage);
            StateOf(a).Should().NotBe(before, "the damage is one");
        }
        finally
        {
            a.Agent!.Send(Signal.Cont);
        }

        Eventually.Pass(() => StateOf(a).Should().Be(before, a.Log), TimeSpan.FromSeconds(5));
        ShouldReach(a, b, "twill.1", "twill-v6.1");
    }

    [RequiresRootFact]
    public void A_policy_of_ip6tables_that_drops_gets_an_accept_before_it_and_is_told()
    {
        AgentHost a = hosts.A;
        string Rules() => a.Ns.Sh("ip6tables -S FORWARD");
        try
        {
            a.Ns.Sh("ip6tables -P FORWARD DROP");

            Eventually.Pass(
                () => Rules().Should().Contain("-s fc00:1::/48 -i tw+ ").And.Contain("-d fc00:1::/48 "),
                TimeSpan.FromSeconds(20)
            );
            a.WaitForLog("accept for containers put into chain FORWARD of ip6tables, because FORWARD (policy drop) would drop packets");
        }
        finally
        {
            a.Ns.Sh("ip6tables -P FORWARD ACCEPT");
            Eventually.Pass(() =>
            {
                a.Ns.Sh("ip6tables -F FORWARD");
                Rules().Should().NotContain("twill");
            });
        }
    }
}
