using Twill.EndToEnd.Tests.Cli;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Firewalls;

/// <summary>Two hosts with agents, and other programs' firewalls on one of them: what can be mended is, and the rest is told.</summary>
public sealed class AgentBesideFirewallsTests(TwoHosts hosts) : IClassFixture<TwoHosts>
{
    private LabHost Host => hosts.Cluster.Hosts[0];

    [RequiresRootTheory]
    [InlineData("iptables -P FORWARD DROP", "iptables -P FORWARD ACCEPT")]
    [InlineData("iptables -A FORWARD -j REJECT", "iptables -D FORWARD -j REJECT")]
    [InlineData(
        "iptables -P FORWARD DROP; iptables -N DOCKER-USER; iptables -A DOCKER-USER -j RETURN; iptables -I FORWARD -j DOCKER-USER",
        "iptables -P FORWARD ACCEPT; iptables -F; iptables -X"
    )]
    public void A_policy_or_a_last_rule_of_iptables_is_mended_in_a_moment(string damage, string undo)
    {
        Eventually.True("the containers reach each other", () => hosts.From.CanPing(hosts.To.Address));
        try
        {
            Host.Agent!.Send(Signal.Stop);
            Host.Sh(damage);
            hosts.From.CanPing(hosts.To.Address).Should().BeFalse();
            Host.Agent.Send(Signal.Cont);

            Eventually.True("the containers reach each other", () => hosts.From.CanPing(hosts.To.Address), onFailure: () => Host.Agent.Log);
            Eventually.True("and are reached", () => hosts.To.CanPing(hosts.From.Address));
            Eventually.Pass(() => Host.Complaints().Should().BeEmpty());
            Eventually.Pass(() =>
                Host
                    .Agent.Log.Should()
                    .Contain("accept for containers put into chain")
                    .And.Contain("would drop packets from containers to those of other hosts")
            );
        }
        finally
        {
            Host.Agent!.Send(Signal.Cont);
            Host.Sh(undo);
            Eventually.Pass(() =>
            {
                Host.Sh("iptables -S | grep twill | sed 's/-A/iptables -D/' | sh");
                Host.Sh("iptables -S").Should().NotContain("twill");
            });
        }
    }

    [RequiresRootFact]
    public void The_agent_tells_of_a_table_that_is_not_ours_to_change_once_and_of_its_end()
    {
        const string Told =
            "firewall: chain forward of nftables table inet filter (policy drop) drops packets from containers to those of other hosts";
        try
        {
            Host.Sh("nft add table inet filter; nft add chain inet filter forward '{ type filter hook forward priority 0; policy drop; }'");
            Eventually.Pass(() =>
                Host.Agent!.Log.Should()
                    .Contain(Told)
                    .And.Contain("to let them through: nft insert rule inet filter forward ip saddr 10.244.0.0/16 accept")
            );
            Host.Twill("status").Stdout.Should().Contain("problem   chain forward of nftables table inet filter (policy drop)");
        }
        finally
        {
            Host.Sh("nft delete table inet filter");
        }

        Eventually.True("its end is told", () => Host.Agent!.Log.Contains("firewall: well again after"));
        Host.Agent!.Log.Split(Told).Should().HaveCount(2, "once");
    }
}
