using System.Net;
using System.Text.Json;
using Twill.Testing;

namespace Twill.EndToEnd.Tests;

/// <summary>Three hosts with two containers each: who reaches whom, and what it costs.</summary>
public sealed class ThreeHosts : IDisposable
{
    public ThreeHosts()
    {
        if (!Environment.IsPrivilegedProcess)
        {
            return;
        }

        Cluster = Cluster.Start(3);
        Containers = [.. Cluster.Hosts.SelectMany(h => new[] { (h, h.AddContainer($"{h.Name}a")), (h, h.AddContainer($"{h.Name}b")) })];
    }

    internal Cluster Cluster { get; } = null!;

    internal IReadOnlyList<(LabHost Host, LabContainer Container)> Containers { get; } = [];

    public void Dispose() => Cluster?.Dispose();
}

public sealed class ConnectivityTests(ThreeHosts hosts) : IClassFixture<ThreeHosts>
{
    private readonly Cluster _cluster = hosts.Cluster;

    [RequiresRootFact]
    public void Every_container_reaches_every_other()
    {
        hosts.Containers.Select(c => c.Container.Address).Should().OnlyHaveUniqueItems();
        foreach ((_, LabContainer from) in hosts.Containers)
        {
            foreach ((_, LabContainer to) in hosts.Containers.Where(c => c.Container != from))
            {
                from.CanPing(to.Address).Should().BeTrue($"{from.Name} pings {to.Name} at {to.Address}");
            }
        }
    }

    [RequiresRootFact]
    public void Every_host_reaches_every_container_and_every_container_every_host()
    {
        foreach (LabHost host in _cluster.Hosts)
        {
            foreach ((_, LabContainer container) in hosts.Containers)
            {
                host.CanPing(container.Address).Should().BeTrue($"{host.Name} pings {container.Name}");
                container.CanPing(host.Address).Should().BeTrue($"{container.Name} pings {host.Name}");
            }
        }
    }

    [RequiresRootFact]
    public void Containers_see_each_others_own_addresses()
    {
        LabContainer from = hosts.Containers[0].Container,
            to = hosts.Containers[^1].Container;
        using SourceWatch watch = SourceWatch.On(to);
        from.CanPing(to.Address).Should().BeTrue();
        watch.Sources().Should().Equal(from.Address);
    }

    [RequiresRootFact]
    public void The_outside_sees_the_hosts_address_and_answers()
    {
        foreach ((LabHost host, LabContainer container) in hosts.Containers)
        {
            using SourceWatch watch = SourceWatch.On(_cluster.Lab.Outside);
            container.CanPing(Lab.OutsideAddress).Should().BeTrue($"{container.Name} pings the outside and hears back");
            watch.Sources().Should().Equal(host.Address);
        }
    }

    [RequiresRootFact]
    public void A_remote_subnet_costs_one_route_one_neighbour_and_one_forwarding_entry()
    {
        foreach (LabHost host in _cluster.Hosts)
        {
            string[] others = [.. _cluster.Hosts.Where(h => h != host).Select(h => _cluster.LeaseOf(h)!)];
            Cluster.RoutesOf(host).Should().BeEquivalentTo(others);

            JsonElement[] neighbours = [.. host.IpJson("neigh show dev twill.1 nud permanent").EnumerateArray()];
            neighbours.Select(n => n.GetProperty("dst").GetString()).Should().BeEquivalentTo(others.Select(s => s.Split('/')[0]));

            JsonElement[] fdb = [.. host.BridgeJson("fdb show dev twill.1").EnumerateArray().Where(f => f.TryGetProperty("dst", out _))];
            fdb.Select(f => f.GetProperty("dst").GetString())
                .Should()
                .BeEquivalentTo(_cluster.Hosts.Where(h => h != host).Select(h => h.Address));
            fdb.Select(f => f.GetProperty("mac").GetString())
                .Should()
                .BeEquivalentTo(neighbours.Select(n => n.GetProperty("lladdr").GetString()));
        }
    }

    [RequiresRootFact]
    public void The_largest_packet_that_a_container_may_send_arrives_whole_on_another_host()
    {
        LabContainer from = hosts.Containers[0].Container,
            to = hosts.Containers[^1].Container;
        int mtu = from.IpJson("link show dev eth0")[0].GetProperty("mtu").GetInt32();
        mtu.Should().Be(1450, "the underlay's 1500 less the 50 bytes that VXLAN adds");
        const int IcmpAndIpHeaders = 28;
        CmdResult whole = from.Run("ping", "-n", "-c", "1", "-W", "1", "-M", "do", "-s", $"{mtu - IcmpAndIpHeaders}", to.Address);
        whole.ExitCode.Should().Be(0, whole.ToString());
    }

    [RequiresRootFact]
    public void Etcd_holds_the_network_and_the_leases_in_flannels_form()
    {
        using JsonDocument config = JsonDocument.Parse(_cluster.Etcd.Get("/twill/twill/config")!);
        config.RootElement.GetProperty("Network").GetString().Should().Be("10.244.0.0/16");
        config.RootElement.GetProperty("SubnetLen").GetInt32().Should().Be(24);
        config.RootElement.GetProperty("Backend").GetProperty("Type").GetString().Should().Be("vxlan");
        config.RootElement.GetProperty("Backend").GetProperty("Port").GetInt32().Should().Be(4789);

        foreach (LabHost host in _cluster.Hosts)
        {
            string subnet = _cluster.LeaseOf(host)!;
            string mac = host.IpJson("link show dev twill.1")[0].GetProperty("address").GetString()!;
            string data = $$"""{"VNI":1,"VtepMAC":"{{mac}}"}""";
            _cluster
                .Etcd.Get(Cluster.Subnets + subnet.Replace('/', '-'))
                .Should()
                .Be($$"""{"PublicIP":"{{host.Address}}","PublicIPv6":null,"BackendType":"vxlan","BackendData":{{data}}}""");
        }
    }

    [RequiresRootFact]
    public void Containers_get_addresses_of_their_own_hosts_subnet()
    {
        foreach ((LabHost host, LabContainer container) in hosts.Containers)
        {
            IPNetwork.Parse(_cluster.LeaseOf(host)!).Contains(IPAddress.Parse(container.Address)).Should().BeTrue();
        }
    }
}
