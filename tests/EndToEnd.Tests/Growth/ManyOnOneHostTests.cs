using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using Twill.Testing;
using Xunit.Abstractions;

namespace Twill.EndToEnd.Tests.Growth;

/// <summary>More containers on a host than a subnet has addresses, and more than a bridge can bear.</summary>
public sealed class ManyOnOneHostTests(ITestOutputHelper output)
{
    /// <summary>Containers that are left on a bridge.</summary>
    private const int LastPort = 512;

    private const int ContainersPerSubnet = 253;

    private static readonly ParallelOptions s_some = new() { MaxDegreeOfParallelism = 8 };

    /// <summary>Two hosts, leased /24s: 253 containers each, so that 600 take three subnets, all but the first 512 past the bridge's last
    /// port. <c>TWILL_CONTAINERS=2000</c> tries more.</summary>
    [RequiresRootFact]
    public void More_containers_than_a_subnet_and_a_bridge_take_reach_each_other_other_hosts_and_the_outside()
    {
        int all = int.Parse(Environment.GetEnvironmentVariable("TWILL_CONTAINERS") ?? "600", CultureInfo.InvariantCulture),
            some = Math.Max(all / 2, LastPort + 1);
        using Cluster cluster = Cluster.Start(2);
        LabHost host = cluster.Hosts[0],
            other = cluster.Hosts[1];
        string config = Config(cluster);
        LabContainer elsewhere = other.AddContainer("elsewhere");
        MakeNamespaces(host, all);
        string[] addresses = new string[all];
        addresses[0] = Add(host, config, 0);
        string tableOfOne = host.Nft("list table inet twill-twill");

        TimeSpan first = AddAll(1..some);
        PortsTaken(host).Should().Be(LastPort);
        SubnetsOf(cluster, host).Should().HaveCount(SubnetsFor(some));
        Reach(cluster, host, elsewhere, [addresses[0], addresses[510], addresses[some - 1]], addresses);

        TimeSpan second = AddAll(some..all);
        addresses.Should().OnlyHaveUniqueItems();
        PortsTaken(host).Should().Be(LastPort);
        IReadOnlyList<IPNetwork> subnets = SubnetsOf(cluster, host);
        subnets.Should().HaveCount(SubnetsFor(all));
        addresses.Should().OnlyContain(a => subnets.Any(s => s.Contains(IPAddress.Parse(a))), "each is of a subnet that this host leases");
        string[] routed = RoutedOf(host),
            bridged = [.. addresses.Except(routed)];
        routed.Should().HaveCount(all - LastPort).And.BeSubsetOf(addresses);
        string[] together = SameSubnet(bridged, routed, subnets);
        Reach(cluster, host, elsewhere, [.. together, bridged[0], bridged[^1], routed[0], routed[^1]], addresses);
        host.Nft("list table inet twill-twill").Should().Be(tableOfOne, "the table does not grow with the containers");

        Stopwatch clock = Stopwatch.StartNew();
        Parallel.For(0, addresses.Length, s_some, i => Plugin(host, i).Del(config).OrThrow());
        TimeSpan end = clock.Elapsed;

        Leftovers.Of(host).Should().BeEmpty();
        host.Ip("route show").Should().NotContain(" dev tw0").And.NotMatchRegex(" dev tw[0-9a-v]{13} ");
        SubnetsOf(cluster, host).Should().BeEquivalentTo(subnets, "they stay this host's");
        Figures.Report(
            $"growth: {all:N0} containers on one host, 8 at a time",
            $"first {some:N0} ADDs in {first.TotalSeconds:0.0} s, the others in {second.TotalSeconds:0.0} s, all DELs in "
                + $"{end.TotalSeconds:0.0} s, 0 left",
            output
        );

        TimeSpan AddAll(Range range)
        {
            Stopwatch watch = Stopwatch.StartNew();
            Parallel.For(range.Start.Value, range.End.Value, s_some, i => addresses[i] = Add(host, config, i));
            return watch.Elapsed;
        }
    }

    /// <summary>One fixed subnet for all, most of the bridge's ports taken by somebody else.</summary>
    [RequiresRootFact]
    public void Containers_of_one_large_subnet_reach_each_other_on_both_sides_of_the_last_port()
    {
        const int Containers = 40,
            OnBridge = 20;
        using SingleHost single = new();
        LabHost host = single.Host;
        JsonObject conf = SampleConf.Single();
        conf.Ipam()["subnet"] = "10.244.0.0/20";
        string config = conf.ForPlugin().ToJsonString();
        MakeNamespaces(host, Containers);
        string[] addresses = new string[Containers];
        addresses[0] = Add(host, config, 0);
        FullBridge.Fill(host, LastPort - OnBridge);

        Parallel.For(1, Containers, s_some, i => addresses[i] = Add(host, config, i));

        string[] routed = RoutedOf(host);
        routed.Should().HaveCount(Containers - OnBridge);
        string script =
            $"ip link set lo up; for a in {string.Join(' ', addresses)}; do ping -n -q -c 1 -W 3 $a >/dev/null || echo $a; done";
        foreach (string from in (string[])[addresses.Except(routed).First(), routed[0]])
        {
            int i = Array.IndexOf(addresses, from);
            host.RunFor(TimeSpan.FromMinutes(2), "ip", "netns", "exec", $"c{i}", "sh", "-c", script)
                .OrThrow()
                .Stdout.Should()
                .BeEmpty($"c{i} ({from}) reaches all");
        }

        Parallel.For(0, Containers, s_some, i => Plugin(host, i).Del(config).OrThrow());
        Leftovers.Records(host).Should().BeEmpty();
        Leftovers.Links(host).Should().OnlyContain(name => name.StartsWith("filler"));
    }

    /// <summary>The agent puts host ends back that fell off the bridge, and knows those that were never on it.</summary>
    [RequiresRootFact]
    public void Past_the_bridge_the_agent_leaves_a_container_where_it_is_and_mends_what_it_needs()
    {
        using Cluster cluster = Cluster.Start(1);
        LabHost host = cluster.Hosts[0];
        string config = Config(cluster);
        MakeNamespaces(host, 3);
        string onBridge = Add(host, config, 0);
        FullBridge.Fill(host, LastPort - 1);
        string[] addresses = [onBridge, Add(host, config, 1), Add(host, config, 2)];
        RoutedOf(host).Should().BeEquivalentTo(addresses.Skip(1));

        foreach (
            string damage in (string[])
                ["true", "ip link delete twill0", "echo 0 >/proc/sys/net/ipv4/conf/twill0/proxy_arp; ip address flush dev twill0"]
        )
        {
            host.Sh(damage);
            for (int from = 0; from < 3; from++)
            {
                foreach (string to in addresses.Where(a => a != addresses[from]))
                {
                    Eventually.True(
                        $"after '{damage}' c{from} reaches {to}",
                        () => Ping(host, $"c{from}", to),
                        TimeSpan.FromSeconds(20),
                        () => host.Agent!.Log
                    );
                }
            }

            RoutedOf(host).Should().BeEquivalentTo(addresses.Skip(1), "where they were");
        }

        PortsTaken(host).Should().Be(1, "the one that was on the bridge");
    }

    private static int SubnetsFor(int containers) => (containers + ContainersPerSubnet - 1) / ContainersPerSubnet;

    private static string Config(Cluster cluster) => SampleConf.Cluster(cluster.Etcd.Endpoint).ForPlugin().ToJsonString();

    private static void MakeNamespaces(LabHost host, int count) =>
        host.RunFor(TimeSpan.FromMinutes(2), "sh", "-c", $"for i in $(seq 0 {count - 1}); do echo netns add c$i; done | ip -batch -")
            .OrThrow();

    private static string Add(LabHost host, string config, int i) => LabContainer.AddressOf(Plugin(host, i).Add(config).OrThrow().Stdout);

    private static CniProcess Plugin(LabHost host, int i) =>
        host.Plugin("twill") with
        {
            ContainerId = $"c{i}",
            Netns = $"/run/netns/c{i}",
            IfName = "eth0",
            Timeout = TimeSpan.FromMinutes(1),
        };

    private static int PortsTaken(LabHost host) => host.IpJson("link show master twill0").GetArrayLength();

    /// <summary>The containers past the bridge's ports, as the routes to them show.</summary>
    private static string[] RoutedOf(LabHost host) =>
        [
            .. host.IpJson("route show scope link proto kernel")
                .EnumerateArray()
                .Where(r => r.GetProperty("dev").GetString()!.Length == 15)
                .Select(r => r.GetProperty("dst").GetString()!),
        ];

    /// <summary>The subnets that etcd holds for a host.</summary>
    private static IReadOnlyList<IPNetwork> SubnetsOf(Cluster cluster, LabHost host) =>
        [
            .. from entry in cluster.Etcd.List(Cluster.Subnets)
            where JsonDocument.Parse(entry.Value).RootElement.GetProperty("PublicIP").GetString() == host.Address
            select IPNetwork.Parse(entry.Key[Cluster.Subnets.Length..].Replace('-', '/')),
        ];

    /// <summary>One on the bridge and one past it, of the same subnet.</summary>
    private static string[] SameSubnet(string[] bridged, string[] routed, IReadOnlyList<IPNetwork> subnets)
    {
        foreach (IPNetwork subnet in subnets)
        {
            string? one = bridged.FirstOrDefault(a => subnet.Contains(IPAddress.Parse(a))),
                another = routed.FirstOrDefault(a => subnet.Contains(IPAddress.Parse(a)));
            if (one is not null && another is not null)
            {
                return [one, another];
            }
        }

        throw new InvalidOperationException("no subnet has containers on both sides of the last port");
    }

    /// <summary>Each of the chosen reaches all others of them, another host's container, the outside; and is reached from there.</summary>
    private static void Reach(Cluster cluster, LabHost host, LabContainer elsewhere, string[] chosen, string[] addresses)
    {
        foreach (IPNetwork subnet in SubnetsOf(cluster, host))
        {
            Eventually.True(
                $"the other host has a route to {subnet}",
                () => Cluster.RoutesOf(cluster.Hosts[1]).Contains(subnet.ToString()),
                TimeSpan.FromSeconds(30)
            );
        }

        foreach (string from in chosen)
        {
            string name = $"c{Array.IndexOf(addresses, from)}";
            foreach (string to in (string[])[.. chosen.Where(a => a != from), elsewhere.Address, Lab.OutsideAddress])
            {
                Eventually.True($"{name} ({from}) reaches {to}", () => Ping(host, name, to), TimeSpan.FromSeconds(20));
            }

            Eventually.True(
                $"a container of another host reaches {name} ({from})",
                () => elsewhere.CanPing(from),
                TimeSpan.FromSeconds(20)
            );
        }
    }

    private static bool Ping(LabHost host, string container, string to) =>
        host.Run("ip", "netns", "exec", container, "ping", "-n", "-q", "-c", "1", "-W", "2", to).ExitCode == 0;
}
