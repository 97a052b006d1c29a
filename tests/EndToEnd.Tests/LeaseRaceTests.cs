using System.Text.Json.Nodes;
using Twill.Testing;

namespace Twill.EndToEnd.Tests;

/// <summary>Twenty hosts that want a subnet in the same moment, where there are sixteen.</summary>
public sealed class LeaseRaceTests
{
    private const int Hosts = 20;
    private const int Subnets = 16;

    [RequiresRootFact]
    public async Task Sixteen_first_containers_win_distinct_subnets_and_four_get_a_clear_error()
    {
        using Lab lab = StartHosts();
        (LabHost Host, LabContainer Container)[] containers = [.. lab.Hosts.Select(h => (h, h.NewContainer("c")))];
        CmdResult[] results = await Task.WhenAll(containers.Select(c => Task.Run(() => c.Host.Cnitool("add", "twill", c.Container))));

        CmdResult[] won = [.. results.Where(r => r.ExitCode == 0)],
            lost = [.. results.Where(r => r.ExitCode != 0)];
        won.Should().HaveCount(Subnets, string.Join('\n', lost.Select(r => r.ToString())));
        won.Select(r => SubnetOf(LabContainer.AddressOf(r.Stdout)))
            .Should()
            .OnlyHaveUniqueItems()
            .And.BeEquivalentTo(lab.Etcd!.List(Cluster.Subnets).Keys.Select(k => k[Cluster.Subnets.Length..].Split('-')[0]));
        lost.Should().AllSatisfy(r => (r.Stdout + r.Stderr).Should().Contain("16 subnets").And.Contain("leased"));
        foreach ((LabHost host, LabContainer container) in containers.Zip(results).Where(p => p.Second.ExitCode != 0).Select(p => p.First))
        {
            container.HasLink("eth0").Should().BeFalse("a failed ADD leaves nothing");
            host.Sh("ip -o link show type veth").Trim().Split('\n').Should().ContainSingle("only the cable to the underlay is left");
        }
    }

    [RequiresRootFact]
    public void Sixteen_agents_win_distinct_subnets_and_four_say_why_they_have_none()
    {
        using Lab lab = StartHosts();
        foreach (LabHost host in lab.Hosts)
        {
            host.StartAgent();
        }

        Eventually.True("all subnets are leased", () => lab.Etcd!.List(Cluster.Subnets).Count == Subnets, TimeSpan.FromSeconds(60));
        Eventually.Pass(
            () => lab.Hosts.Count(h => h.Agent!.Log.Contains("16 subnets", StringComparison.Ordinal)).Should().Be(Hosts - Subnets),
            TimeSpan.FromSeconds(20)
        );
        Eventually.Pass(
            () =>
                lab.Hosts.Count(h => Cluster.RoutesOf(h).Count == Subnets - 1).Should().Be(Subnets, "each winner has routes to the others"),
            TimeSpan.FromSeconds(20)
        );
        lab.Hosts.Should().OnlyContain(h => !h.Agent!.HasExited, "an agent without a subnet waits for one");
    }

    private static Lab StartHosts()
    {
        Lab lab = Lab.Create();
        try
        {
            EtcdServer etcd = lab.StartEtcd();
            for (int i = 0; i < Hosts; i++)
            {
                JsonObject conf = SampleConf.Cluster(etcd.Endpoint);
                conf.Ipam()["subnetMin"] = "10.244.1.0";
                conf.Ipam()["subnetMax"] = $"10.244.{Subnets}.0";
                lab.AddHost($"host{i}").Configure(conf);
            }

            return lab;
        }
        catch
        {
            lab.Dispose();
            throw;
        }
    }

    private static string SubnetOf(string address) => address[..address.LastIndexOf('.')] + ".0";
}
