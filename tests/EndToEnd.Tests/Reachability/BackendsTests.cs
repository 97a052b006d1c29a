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
        ComesAndGoes(cluster, subnets: 2);
    }

    [RequiresRootFact]
    public void Hosts_behind_WireGuard_are_measured()
    {
        using WireGuardCluster cluster = WireGuardCluster.Start(2);
        ComesAndGoes(cluster.Cluster, subnets: 1);
    }

    private static void ComesAndGoes(Cluster cluster, int subnets)
    {
        (LabHost here, LabHost there) = (cluster.Hosts[0], cluster.Hosts[1]);
        Await("answers");
        here.Twill("status").Stdout.Should().Contain("all is well");

        cluster.Lab.SetCable(there, plugged: false);
        Await("silent");
        here.Twill("status").Stdout.Should().NotContain("all is well");

        cluster.Lab.SetCable(there, plugged: true);
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
