using System.Diagnostics;
using System.Net;
using Twill.Cluster;

namespace Twill.Agent.Tests;

public sealed class NetworkHealthTests
{
    private const double Now = 1000;

    private static readonly HeldLease s_held = new(7, 60, Now + 40, SubnetKey.Pairs([IPNetwork.Parse("10.244.7.0/24")]));

    private static readonly NetworkSnapshot s_good = new(TestNetwork.Conf)
    {
        Conditions = [.. ConditionName.All.Select(name => new ConditionState(name, null))],
        Lease = new LeaseStatus
        {
            Held = s_held,
            IsAccepted = true,
            WasTried = true,
        },
        Peers = new PeersStatus
        {
            AreKnown = true,
            Desired = 3,
            Programmed = 3,
        },
        Reconcile = new ReconcileStatus { FullPasses = 2, HostPasses = 1 },
    };

    [Fact]
    public void All_is_well_when_nothing_is_wrong()
    {
        NetworkHealth.UnhealthyReasons(s_good, Now).Should().BeEmpty();
        NetworkHealth.StatusLine(s_good).Should().Be("10.244.7.0/24, 3 of 3 peers");
        NetworkHealth.IsStuck(s_good).Should().BeFalse();
    }

    [Fact]
    public void A_failing_condition_is_a_reason_and_in_the_status_line()
    {
        NetworkSnapshot failing = s_good.WithCondition(new ConditionState(ConditionName.Kernel, "refused"));

        NetworkHealth.UnhealthyReasons(failing, Now).Should().Equal("kernel: refused");
        NetworkHealth.StatusLine(failing).Should().Be("10.244.7.0/24, 3 of 3 peers; kernel: refused");
    }

    [Fact]
    public void Of_several_failures_the_cause_comes_first()
    {
        NetworkSnapshot failing = s_good
            .WithCondition(new ConditionState(ConditionName.Kernel, "no route"))
            .WithCondition(new ConditionState(ConditionName.Underlay, "no address"));

        failing.LastError.Should().Be("underlay: no address");
        failing.WithDefect(new ConditionState("error in the program", "x")).LastError.Should().Be("error in the program: x");
    }

    [Fact]
    public void Before_the_first_lease_and_list_the_network_is_not_well() =>
        NetworkHealth
            .UnhealthyReasons(new NetworkSnapshot(TestNetwork.Conf), Now)
            .Should()
            .Equal("lease: no subnet is leased yet", "peers: the other hosts are not known yet");

    [Fact]
    public void Without_etcd_there_is_no_lease_to_wait_for() =>
        NetworkHealth.UnhealthyReasons(new NetworkSnapshot(TestNetwork.WithoutEtcd), Now).Should().BeEmpty();

    [Fact]
    public void A_lease_that_ran_out_and_a_lost_subnet_are_reasons()
    {
        NetworkSnapshot lost = s_good with { Lease = s_good.Lease with { Lost = [IPNetwork.Parse("10.244.9.0/24")] } };

        NetworkHealth
            .UnhealthyReasons(lost, Now + 50)
            .Should()
            .Equal("lease: it ran out 10 s ago", "lease: subnet 10.244.9.0/24 is another host's now, and containers here may still use it");
    }

    [Fact]
    public void Another_programs_firewall_is_a_reason_but_no_error_of_ours()
    {
        NetworkSnapshot blocked = s_good with { BlockingFirewall = "ufw drops it" };

        NetworkHealth.UnhealthyReasons(blocked, Now).Should().Equal("firewall: ufw drops it");
        blocked.LastError.Should().BeNull();
    }

    [Theory]
    [InlineData(29, false)]
    [InlineData(31, true)]
    public void A_pass_that_does_not_end_is_stuck_after_30_s(int seconds, bool stuck)
    {
        long started = Stopwatch.GetTimestamp() - (seconds * Stopwatch.Frequency);
        NetworkSnapshot running = s_good with { Reconcile = s_good.Reconcile with { PassStarted = started } };

        NetworkHealth.IsStuck(running).Should().Be(stuck);
        NetworkHealth.UnhealthyReasons(running, Now).Should().HaveCount(stuck ? 1 : 0);
    }

    [Fact]
    public void Metrics_are_those_of_the_snapshot()
    {
        NetworkSnapshot closed = s_good with { BlockingFirewall = "chain gate drops it" };
        AgentMetrics metrics = NetworkHealth.Metrics(closed, etcdContact: null, addressesUsed: 4, Now);

        metrics.Network.Should().Be("pods");
        metrics.Subnets.Should().Equal(IPNetwork.Parse("10.244.7.0/24"));
        metrics.LeaseSecondsLeft.Should().Be(40);
        (metrics.PeersWanted, metrics.PeersProgrammed, metrics.AddressesUsed).Should().Be((3, 3, 4));
        metrics.Rounds.Should().Equal(("host", 1), ("everything", 2), ("peers", 0));
        metrics.Conditions.Select(c => c.Name).Should().Equal([.. ConditionName.All, ConditionName.Firewall]);
        metrics.Conditions.Where(c => c.Message is not null).Should().Equal((ConditionName.Firewall, "chain gate drops it"));
    }
}
