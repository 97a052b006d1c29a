using System.Globalization;
using Twill.Testing;
using Xunit.Abstractions;

namespace Twill.EndToEnd.Tests.Growth;

/// <summary>An agent among many other hosts, which exist in etcd only.</summary>
[Collection(AloneCollection.Name)]
public sealed class ThousandsOfHostsTests(ITestOutputHelper output)
{
    private const int Others = 4000,
        Changes = 100;

    /// <summary>Megabytes that an agent may have in memory, whatever it has just done.</summary>
    private const double Most = 30;

    [RequiresRootFact]
    public void Among_thousands_the_agent_makes_the_way_to_each_and_stays_small()
    {
        using Cluster cluster = Cluster.Start(0);
        cluster.Etcd.PutAll(Leases(0, Others));
        LabHost host = cluster.Join("host", conf => conf.Ipam()["network"] = ManyHosts.Network);
        Daemon agent = host.Agent!;
        WaitForRoutes(Others);
        double settled = ResidentMegabytes(agent.Pid);

        cluster.Etcd.PutAll(Leases(Others, Changes));
        WaitForRoutes(Others + Changes);
        for (int other = Others; other < Others + Changes; other++)
        {
            cluster.Etcd.Etcdctl("del", ManyHosts.Key(other));
        }

        WaitForRoutes(Others);
        double changed = ResidentMegabytes(agent.Pid);

        Math.Max(settled, changed).Should().BeLessThanOrEqualTo(Most);
        Figures.Report(
            $"growth: the agent among {Others} other hosts",
            $"{settled:0.0} MB resident, {changed:0.0} MB after {Changes} more have come and gone",
            output
        );

        void WaitForRoutes(int count) =>
            Eventually.True(
                $"{count} routes",
                () => host.Ip("route show proto 116").Count(c => c == '\n') == count,
                TimeSpan.FromSeconds(60),
                () => agent.Log
            );
    }

    private static IEnumerable<(string Key, string Value)> Leases(int first, int count) =>
        Enumerable.Range(first, count).Select(other => (ManyHosts.Key(other), ManyHosts.Lease(other)));

    private static double ResidentMegabytes(int pid)
    {
        string line = File.ReadLines($"/proc/{pid}/status").Single(line => line.StartsWith("VmRSS:", StringComparison.Ordinal));
        return double.Parse(line.Split(' ')[^2], CultureInfo.InvariantCulture) / 1024;
    }
}
