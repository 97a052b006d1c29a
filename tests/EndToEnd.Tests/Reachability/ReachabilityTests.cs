using System.Text.Json;
using Twill.EndToEnd.Tests.Cli;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Reachability;

/// <summary>Packets to other hosts are lost: whoever is asked says so, and not before.</summary>
public sealed class ReachabilityTests(MeasuredHosts measured) : IClassFixture<MeasuredHosts>
{
    private LabHost Here => measured.Hosts[0];

    private LabHost There => measured.Hosts[1];

    private LabHost Third => measured.Hosts[2];

    [RequiresRootFact]
    public void While_all_answer_everybody_says_that_all_is_well()
    {
        // What other tests of this class made it lose would count for two minutes more. What the former agent wrote is no answer.
        Here.Agent!.Dispose();
        File.Delete(Here.At("/run/twill/twill/reachability.json"));
        Here.StartAgent();
        Eventually.Pass(
            () => Here.Twill("status").Stdout.Should().Contain("2 of 2, 2 answer").And.Contain("all is well"),
            MeasuredHosts.Limit
        );
        measured.WaitUntilAllAnswer();

        CmdResult status = Here.Twill("status");
        status.ExitCode.Should().Be(0, status.Stdout);
        status.Stdout.Should().NotContain("not asked yet");
        measured.Status(Here).ExitCode.Should().Be(0);
        CmdResult peers = Here.Twill("peers");
        peers.ExitCode.Should().Be(0);
        peers.Stdout.Should().Contain("LOSS").And.Contain("RTT").And.Contain("LAST ANSWER");
        peers.Stdout.Should().MatchRegex(@" 0 % +\d+\.\d\d ms +\d+ s ago");
    }

    [RequiresRootFact]
    public void A_host_whose_firewall_drops_the_tunnels_packets_is_named_by_the_others_and_reaches_nobody_itself()
    {
        There.Sh(
            "nft 'table inet site { chain input { type filter hook input priority 0; policy drop; iifname lo accept; "
                + "ct state established accept; meta l4proto { tcp, icmp } accept; }; }'"
        );
        measured.Await(Here, There, "silent");
        measured.Await(There, Here, "silent");
        measured.Await(There, Third, "silent");

        string subnet = measured.Cluster.LeaseOf(There)!;
        CmdResult status = Here.Twill("status");
        status.ExitCode.Should().Be(1);
        status.Stdout.Should().Contain($"1 of 2 peers does not answer: {subnet} via {There.Address}").And.NotContain("all is well");
        Here.Twill("peers").Stdout.Should().MatchRegex($@"{subnet} .* 100 %|{subnet} .* \d\d %");
        measured.Status(Here).ExitCode.Should().Be(0, "the third host is reached");

        There.Twill("status").Stdout.Should().Contain("none of 2 peers answers").And.NotContain("all is well");
        CniAnswer answer = measured.Status(There);
        answer.ErrorCode.Should().Be(51);
        answer.ErrorText.Should().Contain("none of 2 peers answers");

        There.Sh("nft delete table inet site");
        measured.WaitUntilAllAnswer();
        Here.Twill("status").Stdout.Should().Contain("all is well");
        measured.Status(There).ExitCode.Should().Be(0);
        Here.Agent!.Log.Should().Contain($"peer {subnet} via {There.Address} does not answer any more").And.Contain("answers again, after");
    }

    [RequiresRootFact]
    public void Health_and_metrics_say_the_same()
    {
        const string At = "127.0.0.1:9116";
        Here.StartAgent("--listen", At);
        Eventually.Pass(() => Get("healthz").Should().Be("200 ok\n"));

        measured.Cluster.Lab.SetCable(Third, plugged: false);
        measured.Await(Here, Third, "silent");
        Get("healthz").Should().StartWith("200 twill: 1 of 2 peers does not answer");
        string lost = measured.Cluster.LeaseOf(Third)!;
        string metrics = Get("metrics");
        metrics.Should().Contain("twill_peers_silent{network=\"twill\"} 1\n").And.Contain("twill_pings_sent_total{network=\"twill\"} ");
        string labels = $"network=\"twill\",peer=\"{lost}\",host=\"{Third.Address}\"";
        metrics.Should().MatchRegex($"twill_peer_loss_ratio{{{labels}}} [01]\\.?[0-9]*\n");

        measured.Cluster.Lab.SetCable(There, plugged: false);
        measured.Await(Here, There, "silent");
        Eventually.Pass(() => Get("healthz").Should().StartWith("503 ").And.Contain("reachability: none of 2 peers answers"));

        measured.Cluster.Lab.SetCable(Third, plugged: true);
        measured.Cluster.Lab.SetCable(There, plugged: true);
        measured.WaitUntilAllAnswer();
        Eventually.Pass(() => Get("healthz").Should().Be("200 ok\n"));

        string Get(string path) =>
            Here.Sh($"curl -s -o /run/answer -w '%{{http_code}} ' http://{At}/{path}; cat /run/answer");
    }

    [RequiresRootFact]
    public void Without_measurements_none_are_made_up()
    {
        Here.StartAgent("--pings", "0");
        File.Delete(Here.At("/run/twill/twill/reachability.json"));

        Eventually.Pass(() => Here.Twill("status").Stdout.Should().Contain("2 of 2, whether they answer is not measured"));
        Eventually.Pass(() =>
            Here.Twill("peers").Stdout.Should().Contain("how peers answer is not measured: ").And.MatchRegex(@"ok +-  +-  +-")
        );
        Here.TwillJson("peers").Json.GetProperty("networks")[0].GetProperty("peers")[0].GetProperty("state").ValueKind.Should()
            .Be(JsonValueKind.Null);

        Here.StartAgent();
        measured.WaitUntilAllAnswer();
    }
}
