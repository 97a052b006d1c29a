using Twill.Testing;

namespace Twill.Agent.Tests;

/// <summary>The network's configuration, and keys in etcd, change under running containers.</summary>
public sealed class ChangedNetworkTests : IDisposable
{
    private readonly AgentLab _lab = new();

    [RequiresRootFact]
    public void A_subnet_with_a_container_outlives_another_network_and_the_way_back()
    {
        AgentHost host = _lab.StartHost("--interval", "0.5");
        string former = host.Subnet,
            gateway = host.Gateway;
        File.WriteAllText(Path.Combine(host.DataDir, "pods", host.Base[..^1] + "9"), "as twill-ipam keeps it");

        ChangeTo(host, "10.245.0.0/16");
        Eventually.True("a subnet of the new network is on the bridge", () => Bridge(host).Contains("10.245."), onFailure: () => host.Log);
        Subnets(host).Should().HaveCount(2).And.Contain(former);
        Bridge(host).Should().Contain(gateway);

        ChangeTo(host, "10.244.0.0/16");
        Eventually.True(
            "the other network's subnet is given back",
            () => Subnets(host).SequenceEqual([former]) && !Bridge(host).Contains("10.245."),
            TimeSpan.FromSeconds(40),
            () => host.Log
        );
        Bridge(host).Should().Contain(gateway);
        _lab.Lease(former).Should().NotBeNull();
    }

    [RequiresRootFact]
    public void A_network_that_etcd_refuses_changes_nothing_on_the_host()
    {
        AgentHost host = _lab.StartHost("--interval", "0.5");
        host.WaitForOverlay();
        Eventually.True("the firewall is there", () => host.Ns.Sh("nft list ruleset").Contains("10.244."), onFailure: () => host.Log);
        string firewall = Firewall(host),
            bridge = Bridge(host);

        host.Configure("pods", range: "10.99.0.0/16");
        host.WaitForError("contradicts the network's in etcd");
        host.WaitForKernelEvents();

        Firewall(host).Should().Be(firewall, host.Log);
        Bridge(host).Should().Be(bridge, host.Log);
        _lab.Lease(host.Subnet).Should().NotBeNull();
    }

    [RequiresRootFact]
    public void A_key_that_somebody_wrote_by_hand_is_taken_back_at_once_and_leased_again_when_deleted()
    {
        AgentHost host = _lab.StartHost(),
            peer = _lab.StartHost();
        peer.WaitForPeers(host);
        string key = $"{AgentLab.Prefix}/subnets/{host.Subnet.Replace('/', '-')}",
            subnet = host.Subnet,
            lease = _lab.Etcd.LeaseIdOf(key);

        _lab.Etcd.Put(key, _lab.Etcd.Get(key)!);

        Eventually.True("the key lives by the host's lease again", () => _lab.Etcd.LeaseIdOf(key) == lease, onFailure: () => host.Log);
        _lab.Etcd.Etcdctl("del", key);
        Eventually.True("the key is written again", () => _lab.Etcd.Get(key) is not null, onFailure: () => host.Log);
        _lab.Etcd.LeaseIdOf(key).Should().Be(lease);
        host.Subnet.Should().Be(subnet);
        host.State("subnet.json").GetProperty("lost").GetArrayLength().Should().Be(0);
        peer.WaitForPeers(host);
    }

    [RequiresRootFact]
    public void What_somebody_wrote_into_its_key_while_nobody_watched_is_found_in_the_next_list()
    {
        AgentHost host = _lab.AddHost();
        host.Configure("pods", leaseTtl: 86_400); // the next renewal is hours away
        Daemon agent = host.Start();
        host.WaitForSubnet();
        string key = $"{AgentLab.Prefix}/subnets/{host.Subnet.Replace('/', '-')}",
            own = _lab.Etcd.Get(key)!,
            lease = _lab.Etcd.LeaseIdOf(key);

        agent.Send(Signal.Stop);
        _lab.Etcd.Etcdctl("put", key, own.Replace(host.Address, "192.168.64.99"), "--lease", lease);
        _lab.Etcd.Put("/other", "so that the key's change is history");
        _lab.Etcd.Put("/other", "of which nothing is left");
        _lab.Etcd.Compact();
        _lab.Etcd.Restart();
        agent.Send(Signal.Cont);

        Eventually.True("the key says again where this host is", () => _lab.Etcd.Get(key) == own, TimeSpan.FromSeconds(90), () => host.Log);
    }

    [RequiresRootFact]
    public void Another_leaseTtl_holds_from_the_next_step_on()
    {
        AgentHost host = _lab.StartHost();
        string subnet = host.Subnet;

        host.Configure("pods", leaseTtl: 20);

        Eventually.True(
            "the lease lasts for 20 s",
            () => host.State("subnet.json").GetProperty("ttl").GetInt64() == 20,
            onFailure: () => host.Log
        );
        host.Subnet.Should().Be(subnet);
        _lab.Etcd.Etcdctl("lease", "timetolive", _lab.Etcd.LeaseIdOf($"{AgentLab.Prefix}/subnets/{subnet.Replace('/', '-')}"))
            .Should()
            .Contain("TTL(20s)");
    }

    public void Dispose() => _lab.Dispose();

    private void ChangeTo(AgentHost host, string range)
    {
        string config = _lab.Etcd.Get($"{AgentLab.Prefix}/config")!;
        string start = range[..range.IndexOf(".0.0/", StringComparison.Ordinal)];
        _lab.Etcd.Put(
            $"{AgentLab.Prefix}/config",
            config.Replace("10.244.", $"{start}.", StringComparison.Ordinal).Replace("10.245.", $"{start}.", StringComparison.Ordinal)
        );
        host.Configure("pods", range: range);
    }

    private static string[] Subnets(AgentHost host) =>
        [.. host.State("subnet.json").GetProperty("subnets").EnumerateArray().Select(subnet => subnet.GetString()!)];

    private static string Bridge(AgentHost host) => host.Ns.Ip("-4 -o address show dev twill0");

    private static string Firewall(AgentHost host) => host.Ns.Sh("nft list ruleset");
}
