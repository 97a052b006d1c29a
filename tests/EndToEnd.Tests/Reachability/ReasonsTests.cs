using System.Text.Json;
using Twill.EndToEnd.Tests.Cli;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Reachability;

/// <summary>Why a host does not answer, where the reason is not on the host that is asked; and hosts that answer no ping, but
/// work.</summary>
public sealed class ReasonsTests(MeasuredHosts measured) : IClassFixture<MeasuredHosts>
{
    private const string DropPings =
            "nft 'table inet site { chain input { type filter hook input priority 0; policy drop; iifname lo accept; "
            + "ct state established,related accept; meta l4proto tcp accept; udp dport 4789 accept; }; }'",
        Allow = "nft delete table inet site";

    private LabHost Here => measured.Hosts[0];

    private LabHost There => measured.Hosts[1];

    private LabHost Third => measured.Hosts[2];

    private string Subnet => measured.Cluster.LeaseOf(There)!;

    [RequiresRootFact]
    public void Hosts_whose_firewalls_drop_pings_are_reached_all_the_same_and_nobody_says_otherwise()
    {
        foreach (LabHost host in measured.Hosts)
        {
            host.Sh(DropPings);
        }

        foreach (LabHost host in measured.Hosts)
        {
            host.StartAgent(); // the pings of the one before are a connection that the firewall knows, and go on
        }

        Eventually.Pass(() => Drops(Here, There).Should().BeTrue(Here.Agent!.Log), MeasuredHosts.Limit);
        Eventually.Pass(() => Drops(There, Third).Should().BeTrue(There.Agent!.Log), MeasuredHosts.Limit);
        Here.Run("ping", "-c", "1", "-W", "2", Subnet.Replace("0/24", "1")).ExitCode.Should().NotBe(0, "the firewall does drop pings");
        measured.ContainerOf(Here).CanPing(measured.ContainerOf(There).Address).Should().BeTrue();
        Eventually.Pass(() => Here.Twill("status").Stdout.Should().Contain("all is well"), MeasuredHosts.Limit);
        Here.Twill("peers").Stdout.Should().Contain("drops pings");
        measured.Status(Here).ExitCode.Should().Be(0);

        foreach (LabHost host in measured.Hosts)
        {
            host.Sh(Allow);
        }

        Eventually.Pass(() => Drops(Here, There).Should().BeFalse("pings are answered again"), 2 * MeasuredHosts.Limit);
        measured.WaitUntilAllAnswer();
    }

    [RequiresRootFact]
    public void A_port_that_is_closed_there_is_named_as_likely_here_and_for_certain_there()
    {
        There.Sh("nft 'table inet site { chain input { type filter hook input priority 0; udp dport 4789 drop; }; }'");
        measured.Await(Here, There, "silent");

        Says(
            Here,
            $"{Subnet} via {There.Address} does not answer, though its agent's pings arrive here",
            $"open UDP port 4789 on {There.Address}"
        );
        measured.Await(There, Here, "silent");
        Says(
            There,
            "closed in INPUT of this host: chain input of nftables table inet site drops packets from other hosts to UDP port 4789",
            "nft insert rule inet site input udp dport 4789 accept"
        );

        There.Agent!.Send(Signal.Stop); // so that its pings do not arrive
        try
        {
            Says(
                Here,
                $"{Subnet} via {There.Address} does not answer, though the host does on the underlay",
                $"open UDP port 4789 on {There.Address}",
                2 * MeasuredHosts.Limit // its last ping must be old
            );
        }
        finally
        {
            There.Agent.Send(Signal.Cont);
        }

        There.Sh(Allow);
        measured.WaitUntilAllAnswer();
    }

    [RequiresRootFact]
    public void A_host_that_is_gone_is_named_as_gone()
    {
        measured.Cluster.Lab.SetCable(Third, plugged: false);
        measured.Await(Here, Third, "silent");

        Says(Here, $"{Third.Address} is not there: nobody on eth0 has that address", "start that host");

        measured.Cluster.Lab.SetCable(Third, plugged: true);
        measured.WaitUntilAllAnswer();
    }

    [RequiresRootFact]
    public void How_large_packets_may_be_is_found_out_and_told()
    {
        // As a switch or tunnel between that says nothing; a bridge lets four bytes more through, for a VLAN tag.
        measured.Cluster.Lab.Underlay.Ip($"link set dev {There.Name} mtu 1396");
        measured.Await(Here, There, "losesFullSize");

        Says(
            Here,
            $"packets of up to 1350 bytes reach {Subnet} via {There.Address}, but containers send up to 1450: the path MTU between the "
                + "hosts is 1400",
            "to 1350 on every host"
        );

        measured.Cluster.Lab.Underlay.Ip($"link set dev {There.Name} mtu 1500");
        measured.WaitUntilAllAnswer();
    }

    private static void Says(LabHost host, string text, string remedy, TimeSpan? limit = null) =>
        Eventually.Pass(
            () =>
            {
                IReadOnlyList<Complaint> complaints = host.Complaints();
                complaints
                    .Should()
                    .Contain(
                        complaint =>
                            complaint.Check == "reachability" && complaint.Text.Contains(text) && complaint.Remedy.Contains(remedy),
                        string.Join(" / ", complaints) + host.Agent!.Log
                    );
                host.Twill("status").Stdout.Should().NotContain("all is well");
            },
            limit ?? MeasuredHosts.Limit
        );

    private bool Drops(LabHost from, LabHost to)
    {
        string subnet = measured.Cluster.LeaseOf(to)!;
        JsonElement peer = from.TwillJson("peers")
            .Json.GetProperty("networks")[0]
            .GetProperty("peers")
            .EnumerateArray()
            .Single(peer => peer.GetProperty("subnet").GetString() == subnet);
        peer.GetProperty("state").GetString().Should().Be("answers", from.Agent!.Log);
        return peer.GetProperty("dropsPings").GetBoolean();
    }
}
