using Twill.EndToEnd.Tests.Cli;
using Twill.EndToEnd.Tests.IPv6;
using Twill.EndToEnd.Tests.WireGuard;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Reachability;

/// <summary>Hosts are measured whichever way they are joined, and by each family of their containers.</summary>
public sealed class BackendsTests
{
    [RequiresRootTheory]
    [InlineData(LabFamilies.Both, """{ "type": "vxlan" }""")]
    [InlineData(LabFamilies.IPv6, """{ "type": "vxlan" }""")]
    [InlineData(LabFamilies.Both, """{ "type": "host-gw" }""")]
    public void Both_families_of_a_network_are_measured(LabFamilies underlay, string backend)
    {
        using Cluster cluster = DualCluster.Start(2, underlay, backend);
        void Cable(bool plugged) => cluster.Lab.SetCable(cluster.Hosts[1], plugged);
        ComesAndGoes(cluster, subnets: 2, () => Cable(plugged: false), () => Cable(plugged: true));
    }

    [RequiresRootFact]
    public void Hosts_behind_WireGuard_are_measured_and_its_port_is_named_where_it_is_closed()
    {
        using WireGuardCluster cluster = WireGuardCluster.Start(2);
        (LabHost here, LabHost there) = (cluster.Hosts[0], cluster.Hosts[1]);
        ComesAndGoes(
            cluster.Cluster,
            subnets: 1,
            () => there.Sh("nft 'table inet site { chain input { type filter hook input priority 0; udp dport 51820 drop; }; }'"),
            () =>
            {
                string advice = $"open UDP port 51820 on {there.Address}";
                Eventually.Pass(() => Remedies(here).Should().Contain(remedy => remedy.Contains(advice)), MeasuredHosts.Limit);
                Eventually.Pass(
                    () => Remedies(there).Should().Contain("nft insert rule inet site input udp dport 51820 accept"),
                    MeasuredHosts.Limit
                );
                there.Sh("nft delete table inet site");
            }
        );

        static IEnumerable<string> Remedies(LabHost host) =>
            host.Complaints().Where(complaint => complaint.Check == "reachability").Select(complaint => complaint.Remedy);
    }

    private static void ComesAndGoes(Cluster cluster, int subnets, Action cut, Action mend)
    {
        LabHost here = cluster.Hosts[0];
        Await("answers");
        here.Twill("status").Stdout.Should().Contain("all is well");

        cut();
        Await("silent");
        here.Twill("status").Stdout.Should().NotContain("all is well");

        mend();
        Await("answers");

        void Await(string state) =>
            Eventually.Pass(
                () => States().Should().Equal(Enumerable.Repeat(state, subnets), here.Agent!.Log),
                MeasuredHosts.Limit
            );

        string?[] States() =>
            [
                .. here.TwillJson("peers")
                    .Json.GetProperty("networks")[0]
                    .GetProperty("peers")
                    .EnumerateArray()
                    .Select(peer => peer.GetProperty("state").GetString()),
            ];
    }
}
