using Twill.Testing;

namespace Twill.EndToEnd.Tests.Cli;

/// <summary>Somebody breaks something: doctor names it, and nothing is left to say once it is whole again.</summary>
public sealed class DoctorTests(TwoHosts hosts) : IClassFixture<TwoHosts>
{
    private LabHost Host => hosts.Cluster.Hosts[0];

    [RequiresRootTheory]
    [InlineData(
        "nft add table inet admin; nft add chain inet admin gate '{ type filter hook forward priority 0; policy drop; }'",
        "nft delete table inet admin",
        "chain gate of nftables table inet admin (policy drop)"
    )]
    [InlineData(
        "nft add table ip admin; nft add chain ip admin gate '{ type filter hook forward priority -5; }'; nft add rule ip admin gate "
            + "ip saddr 10.0.0.0/8 reject",
        "nft delete table ip admin",
        "chain gate of nftables table ip admin drops"
    )]
    [InlineData("iptables -A FORWARD -s 10.0.0.0/8 -j DROP", "iptables -F", "chain FORWARD of nftables table ip filter drops")]
    public void Another_firewall_that_drops_is_named_and_the_recommended_command_lets_traffic_through(
        string damage,
        string undo,
        string words
    )
    {
        Eventually.True("the containers reach each other", () => hosts.From.CanPing(hosts.To.Address));
        try
        {
            Host.Sh(damage);
            hosts.From.CanPing(hosts.To.Address).Should().BeFalse("the damage is one");
            Complaint complaint = Host.Complaints().Should().ContainSingle().Subject;
            (complaint.Check, complaint.Outcome).Should().Be(("forward chains", "failed"));
            complaint.Text.Should().Contain(words);

            Host.Sh(complaint.Remedy);
            Host.Complaints().Should().BeEmpty();
            Eventually.True("the containers reach each other", () => hosts.From.CanPing(hosts.To.Address));
        }
        finally
        {
            Host.Sh(undo);
        }
    }

    /// <summary>What rp_filter drops is a connection of the other host itself, from its address on the underlay.</summary>
    [RequiresRootFact]
    public void Strict_reverse_path_filtering_drops_what_doctor_says_and_its_remedy_helps()
    {
        LabHost other = hosts.Cluster.Hosts[1];
        bool Reaches() => other.Run("ping", "-n", "-q", "-c", "1", "-W", "1", "-I", other.Address, hosts.From.Address).ExitCode == 0;
        Eventually.True("the other host reaches the container", Reaches);
        try
        {
            Host.Sh("echo 1 >/proc/sys/net/ipv4/conf/twill.1/rp_filter");
            Reaches().Should().BeFalse();
            Host.Sh(Host.Complaints().Should().ContainSingle().Subject.Remedy.Split(" (")[0]);
            Eventually.True("the other host reaches the container", Reaches);
            Host.Complaints().Should().BeEmpty();
        }
        finally
        {
            Host.Sh("echo 0 >/proc/sys/net/ipv4/conf/twill.1/rp_filter");
        }
    }

    [RequiresRootFact]
    public void A_plugin_that_is_missing_beside_twill_is_named()
    {
        Host.Sh("mkdir /run/alone && cp /opt/cni/bin/twill /run/alone");
        CmdResult doctor = Host.Run("/run/alone/twill", "doctor");
        doctor.ExitCode.Should().Be(1);
        doctor.Stdout.Should().Contain("twill-ipam is not in /run/alone: every ADD fails");

        Host.Sh("cp /opt/cni/bin/twill-ipam /run/alone && chmod -x /run/alone/twill-ipam");
        Host.Run("/run/alone/twill", "doctor").Stdout.Should().Contain("/run/alone/twill-ipam is not executable").And.Contain("chmod 755");
    }

    [RequiresRootFact]
    public void An_agent_that_is_gone_is_named_by_doctor_and_status()
    {
        Host.Agent!.Kill();
        Host.Complaints().Should().ContainSingle().Which.Text.Should().Contain("the agent (twilld) is not running");
        CmdResult status = Host.Twill("status");
        status.ExitCode.Should().Be(1);
        status.Stdout.Should().Contain("problem   the agent (twilld) is not running");

        Host.StartAgent();
        Eventually.Pass(() => Host.Complaints().Should().BeEmpty(Host.Agent!.Log), TimeSpan.FromSeconds(20));
    }
}
