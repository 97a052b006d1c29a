using System.Text.Json.Nodes;
using Twill.EndToEnd.Tests.Capabilities;
using Twill.EndToEnd.Tests.Cli;
using Twill.EndToEnd.Tests.Ports;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Firewalls;

/// <summary>A host where dockerd came first and dropped what is forwarded, and one beside it without.</summary>
public sealed class BesideDocker : IDisposable
{
    public BesideDocker()
    {
        if (!Environment.IsPrivilegedProcess)
        {
            return;
        }

        Cluster = Cluster.Start(1);
        try
        {
            Host = Cluster.NewHost("docker");
            Docker = Dockerd.On(Host);
            Host.Sh("iptables -S FORWARD").Should().StartWith("-P FORWARD DROP");
            Host.StartAgent();
            Cluster.WaitUntilJoined();
            (Here, Near, There) = (Host.NewContainer("here"), Host.AddContainer("near"), Cluster.Hosts[0].AddContainer("there"));
            Here.Result = Host.Cnitool("add", Here, """{"portMappings":[{"hostPort":8080,"containerPort":80,"protocol":"tcp"}]}""")
                .OrThrow()
                .Stdout;
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    internal Cluster Cluster { get; } = null!;

    internal LabHost Host { get; } = null!;

    internal Dockerd Docker { get; } = null!;

    internal LabContainer Here { get; } = null!;

    internal LabContainer Near { get; } = null!;

    internal LabContainer There { get; } = null!;

    public void Dispose()
    {
        Docker?.Dispose();
        Cluster?.Dispose();
    }
}

/// <summary>With real Docker on the host: everybody is reached, and it stays so whatever becomes of Docker's rules.</summary>
public sealed class DockerTests(BesideDocker beside) : IClassFixture<BesideDocker>
{
    private const string Rules =
        "-A DOCKER-USER -s 10.244.0.0/16 -i tw+ -m comment --comment twill-twill -j ACCEPT\n"
        + "-A DOCKER-USER -d 10.244.0.0/16 -m comment --comment twill-twill -j ACCEPT\n-A DOCKER-USER -j RETURN\n";

    private LabHost Host => beside.Host;

    [RequiresRootFact]
    public void Containers_reach_each_other_here_and_across_hosts_and_the_outside()
    {
        Host.Sh("cat /proc/sys/net/bridge/bridge-nf-call-iptables").Trim().Should().Be("1", "packets within the bridge pass FORWARD too");

        EverybodyIsReached();

        RulesAreInPlace();
        Host.Sh("iptables -nL; iptables-save").Should().NotContain("incompatible");
        JsonObject conf = SampleConf.Cluster(beside.Cluster.Etcd.Endpoint).ForPlugin();
        conf["cniVersion"] = "1.1.0"; // from which on there is a STATUS
        Host.Plugin("twill").Run("STATUS", conf.ToJsonString()).OrThrow();
        Host.Complaints().Should().BeEmpty();
    }

    [RequiresRootFact]
    public void Nobody_is_reached_without_the_rules()
    {
        RulesAreInPlace();
        Host.Agent!.Send(Signal.Stop);
        try
        {
            Host.Sh("iptables -F DOCKER-USER; iptables -A DOCKER-USER -j RETURN");
            beside.Here.CanPing(beside.Near.Address).Should().BeFalse();
            beside.Here.CanPing(beside.There.Address).Should().BeFalse();
            beside.There.CanPing(beside.Here.Address).Should().BeFalse();
            beside.Here.CanPing(Lab.OutsideAddress).Should().BeFalse();
            Complaint complaint = Host.Complaints().Should().ContainSingle(c => c.Check == "forward chains").Subject;
            complaint
                .Text.Should()
                .Contain(
                    "chain FORWARD of nftables table ip filter (policy drop) drops packets from containers to those of other hosts; to "
                        + "containers"
                );
        }
        finally
        {
            Host.Agent.Send(Signal.Cont);
        }

        EverybodyIsReached();
    }

    [RequiresRootFact]
    public void A_restart_of_Docker_loses_nothing()
    {
        beside.Docker.Restart();

        EverybodyIsReached();
        RulesAreInPlace();
    }

    [RequiresRootTheory]
    [InlineData("iptables -F; iptables -X; iptables -N DOCKER-USER; iptables -A DOCKER-USER -j RETURN; iptables -A FORWARD -j DOCKER-USER")]
    [InlineData("iptables -D DOCKER-USER 1; iptables -D DOCKER-USER 1")]
    [InlineData("iptables -I FORWARD -j REJECT")]
    public void What_others_do_to_the_rules_the_agent_puts_right(string change)
    {
        EverybodyIsReached();
        RulesAreInPlace();
        int told = Mentions();
        Host.Sh(change);

        Eventually.True("the agent has done something", () => Mentions() > told, onFailure: () => Host.Agent!.Log);
        EverybodyIsReached();

        Host.Run("iptables", "-D", "FORWARD", "-j", "REJECT");
        beside.Docker.Restart();
        Eventually.Pass(() => Host.Complaints().Should().BeEmpty());
    }

    private void RulesAreInPlace() =>
        Eventually.Pass(() =>
        {
            Host.Sh("iptables -S FORWARD").Should().StartWith("-P FORWARD DROP\n-A FORWARD -j DOCKER-USER\n").And.NotContain("twill");
            Host.Sh("iptables -S DOCKER-USER").Should().EndWith(Rules);
        });

    private int Mentions() => Host.Agent!.Log.Split("accept for containers put into chain").Length;

    private void EverybodyIsReached()
    {
        using Server server = Server.On(beside.Here, "tcp", 80, "here");
        Eventually.Pass(
            () =>
                new[]
                {
                    beside.Here.CanPing(beside.Near.Address),
                    beside.Here.CanPing(beside.There.Address),
                    beside.There.CanPing(beside.Here.Address),
                    beside.Here.CanPing(Lab.OutsideAddress),
                    Server.Ask(beside.Cluster.Lab.Outside, "tcp", Host.Address, 8080).StartsWith("here ", StringComparison.Ordinal),
                }
                    .Should()
                    .AllBeEquivalentTo(true),
            TimeSpan.FromSeconds(30)
        ); // a try that fails takes many
    }
}
