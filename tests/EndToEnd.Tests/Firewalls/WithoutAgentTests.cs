using System.Text.Json.Nodes;
using Twill.EndToEnd.Tests.Cli;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Firewalls;

/// <summary>One host without an agent: what ADD, CHECK, STATUS, doctor and cleanup make of other programs' firewalls.</summary>
public sealed class WithoutAgentTests : IDisposable
{
    private readonly SingleHost _single = new();

    private LabHost Host => _single.Host;

    [RequiresRootFact]
    public void ADD_lets_packets_through_a_policy_of_iptables_again_and_again_and_cleanup_takes_the_rules_away()
    {
        LabContainer first = Host.AddContainer("first");
        Host.Sh("iptables -P FORWARD DROP; iptables -A FORWARD -o docker0 -j DROP");
        string before = Saved();
        first.CanPing(Lab.OutsideAddress).Should().BeFalse();
        Status().Should().Be("", "the next ADD puts it right: a runtime that were told otherwise would never come to it");
        Host.Cnitool("check", "twill", first)
            .ToString()
            .Should()
            .Contain("iptables lacks the accept for containers: FORWARD (policy drop) would drop packets from containers to the outside");
        Complaint complaint = Host.Complaints().Should().ContainSingle().Subject;
        complaint.Text.Should().Contain("the next container brings the accept");
        Host.Twill("status").Stdout.Should().Contain("problem   chain FORWARD of nftables table ip filter (policy drop) drops packets");

        LabContainer second = Host.AddContainer("second");

        Eventually.True("the first reaches the outside", () => first.CanPing(Lab.OutsideAddress));
        Eventually.True("the second reaches the first", () => second.CanPing(first.Address));
        Host.Cnitool("check", "twill", first).OrThrow();
        Host.Complaints().Should().BeEmpty();
        string rules = Host.Sh("iptables -S FORWARD");
        rules.Split('\n').Where(line => line.Contains("--comment twill-twill")).Should().HaveCount(2);

        Host.Sh("iptables -F FORWARD; iptables -A FORWARD -o docker0 -j DROP");
        Host.Cnitool("del", "twill", second).OrThrow();
        Host.AddContainer("third");
        Host.Sh("iptables -S FORWARD").Should().Be(rules);

        Host.Sh("rm /etc/cni/net.d/*; nft delete table inet twill-twill; rm -r /run/twill");
        Host.Twill("cleanup --yes --force --network twill")
            .OrThrow()
            .Stdout.Should()
            .Contain("accept for containers in chain FORWARD of iptables");
        Saved().Should().Be(before);
    }

    [RequiresRootTheory]
    [InlineData(
        "nft add table inet filter; nft add chain inet filter forward '{ type filter hook forward priority 0; policy drop; }'; nft add "
            + "rule inet filter forward ct state established,related accept"
    )]
    [InlineData(
        "nft add table ip own; nft add chain ip own last '{ type filter hook forward priority 100; }'; nft add rule ip own last reject"
    )]
    public void STATUS_names_a_firewall_that_is_not_ours_to_change_and_the_command_that_helps(string rules)
    {
        LabContainer container = Host.AddContainer("c1");
        Status().Should().Be("");
        Host.Sh(rules);
        string before = OthersTables();

        Host.AddContainer("c2").CanPing(Lab.OutsideAddress).Should().BeFalse("ADD works, for what can be reached");
        OthersTables().Should().Be(before, "nothing is written into other people's tables");
        string error = Status();

        error
            .Should()
            .StartWith("51: another firewall on this host is in the containers' way: chain ")
            .And.Contain("drops packets from containers to the outside")
            .And.Contain("let them through: ");
        Host.Sh(error[(error.IndexOf("let them through: ", StringComparison.Ordinal) + "let them through: ".Length)..]);
        Status().Should().Be("");
        Eventually.True("the outside is reached", () => container.CanPing(Lab.OutsideAddress));
    }

    [RequiresRootTheory]
    [InlineData("iptables -A FORWARD -s 10.0.0.0/8 -j DROP")]
    [InlineData(
        "nft add table inet own; nft add chain inet own out '{ type filter hook forward priority 0; }'; nft add rule inet own out "
            + "iifname twill0 oifname eth0 drop"
    )]
    public void What_somebody_forbids_just_these_packets_is_theirs_to_forbid_and_doctor_names_it(string rules)
    {
        LabContainer container = Host.AddContainer("c1");
        Host.Sh(rules);
        string before = OthersTables();

        Host.AddContainer("c2");

        OthersTables().Should().Be(before);
        Status().Should().Be("");
        container.CanPing(Lab.OutsideAddress).Should().BeFalse();
        Complaint complaint = Host.Complaints().Should().ContainSingle().Subject;
        (complaint.Check, complaint.Outcome).Should().Be(("forward chains", "failed"));
        complaint.Text.Should().Contain("drops packets from containers to the outside").And.Contain(" by rule ");
    }

    [RequiresRootFact]
    public void A_filter_table_of_the_older_iptables_is_not_passed_over_in_silence()
    {
        Host.AddContainer("c1");
        Host.Run("iptables-legacy", "-P", "FORWARD", "DROP").OrThrow();
        Complaint complaint = Host.Complaints().Should().ContainSingle().Subject;
        (complaint.Check, complaint.Outcome).Should().Be(("iptables", "warning"));
        complaint.Text.Should().Contain("iptables-legacy has a filter table here, which twill cannot read");
    }

    public void Dispose() => _single.Dispose();

    /// <summary>The tables of nftables that are not twill's.</summary>
    private string OthersTables() =>
        string.Join(
            "\ntable ",
            Host.Nft("--stateless list ruleset").Split("\ntable ").Where(static table => !table.Split('{')[0].Contains(" twill-"))
        );

    private string Saved() => Host.Sh("iptables-save | grep -v '^#' | sed 's/ \\[.*//'");

    /// <summary>`CODE: MESSAGE DETAILS` of STATUS' error; empty when there is none.</summary>
    private string Status()
    {
        JsonObject conf = _single.Conf.ForPlugin();
        conf["cniVersion"] = "1.1.0"; // from which on there is a STATUS
        CniAnswer answer = Host.Plugin("twill").Run("STATUS", conf.ToJsonString());
        return answer.ExitCode == 0 ? "" : $"{answer.ErrorCode}: {answer.ErrorText}";
    }
}
