using System.Globalization;
using System.Text.Json;
using Twill.Testing;

namespace Twill.Agent.Tests;

/// <summary>The lease in etcd through all that can happen to it.</summary>
public sealed class LeaseTests : IDisposable
{
    private const string SomebodyElse =
        """{"PublicIP":"192.168.64.99","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"02:00:00:00:00:99"}}""";

    private readonly AgentLab _lab = new();

    [RequiresRootFact]
    public void A_host_publishes_itself_in_flannels_words()
    {
        AgentHost a = _lab.StartHost();
        a.WaitForOverlay();

        _lab.Lease(a.Subnet)
            .Should()
            .Be(
                """{"PublicIP":"192.168.64.2","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"MAC"}}""".Replace(
                    "MAC\"}",
                    $"{a.VtepMac}\"}}"
                )
            );
        a.Ns.IpJson("link show dev twill.1")[0].GetProperty("address").GetString().Should().Be(a.VtepMac);
    }

    [RequiresRootFact]
    public void A_restart_keeps_lease_kernel_state_and_traffic()
    {
        AgentHost a = _lab.StartHost(),
            b = _lab.StartHost();
        a.WaitForPeers(b);
        b.WaitForPeers(a);
        string lease = a.State("subnet.json").GetProperty("leaseId").GetRawText();
        string before = a.Ns.Ip("link show dev twill.1");
        Daemon ping = Daemon.Start(
            "ping",
            [.. a.Ns.Enter, "ping", "-n", "-i", "0.05", "-c", "80", "-W", "2", b.Gateway],
            Path.Combine(a.ConfDir, "ping.log")
        );
        using (ping)
        {
            a.Agent!.Stop().Should().Be(0);
            a.ShouldLeadTo(b);
            a.Start();
            a.WaitForLog("1 peer already in place");

            ping.WaitForExit(TimeSpan.FromSeconds(20)).Should().Be(0);
            ping.Log.Should().Contain(" 0% packet loss");
        }

        a.State("subnet.json").GetProperty("leaseId").GetRawText().Should().Be(lease);
        a.Ns.Ip("link show dev twill.1").Should().Be(before, "the device was not touched");
        a.Log.Should().Contain($"keeping the lease of {a.Subnet}");
    }

    [RequiresRootFact]
    public void After_a_kill_the_next_run_takes_the_same_lease_up()
    {
        AgentHost a = _lab.StartHost();
        string subnet = a.Subnet;
        a.Agent!.Kill();

        a.Start();

        a.WaitForLog($"keeping the lease of {subnet}");
    }

    [RequiresRootFact]
    public void After_a_reboot_the_host_gets_its_subnet_back()
    {
        AgentHost a = _lab.StartHost();
        string subnet = a.Subnet;
        a.Agent!.Stop();
        a.ForgetState();

        a.Start();

        a.WaitForSubnet();
        a.Subnet.Should().Be(subnet);
    }

    [RequiresRootFact]
    public void A_key_that_somebody_deleted_is_written_again_at_once()
    {
        AgentHost a = _lab.StartHost(),
            b = _lab.StartHost();
        b.WaitForPeers(a);

        _lab.Etcd.Etcdctl("del", "--prefix", $"{AgentLab.Prefix}/subnets/");

        Eventually.True(
            "both keys are back",
            () => _lab.Lease(a.Subnet) is not null && _lab.Lease(b.Subnet) is not null,
            onFailure: () => a.Log
        );
        a.WaitForPeers(b);
        b.WaitForPeers(a);
        a.WaitForLog("it is leased again");
    }

    [RequiresRootFact]
    public void A_subnet_that_another_host_took_is_given_up_loudly_and_never_overwritten()
    {
        AgentHost a = _lab.StartHost("--interval", "0.5");
        string lost = a.Subnet,
            container = Path.Combine(a.DataDir, "pods", a.Base[..^1] + "9");
        File.WriteAllText(container, "as twill-ipam keeps it");
        a.Agent!.Send(Signal.Stop);
        _lab.Etcd.Etcdctl("del", $"{AgentLab.Prefix}/subnets/{lost.Replace('/', '-')}");
        _lab.Etcd.Put($"{AgentLab.Prefix}/subnets/{lost.Replace('/', '-')}", SomebodyElse);

        a.Agent.Send(Signal.Cont);

        a.WaitForLog($"subnet {lost} is LOST");
        Eventually.Pass(() => a.Subnet.Should().NotBe(lost, a.Log));
        _lab.Lease(lost).Should().Be(SomebodyElse);
        a.State("subnet.json").GetProperty("lost")[0].GetString().Should().Be(lost);
        a.Ns.Ip("route show proto 116").Should().NotContain(lost, "containers here may still use it");
        Eventually.True(
            "the bridge has both",
            () => Bridge(a).Contains(a.Gateway) && Bridge(a).Contains(lost[..^4]),
            onFailure: () => a.Log
        );

        File.Delete(container);

        Eventually.True("the new owner is reached", () => a.Ns.Ip("route show proto 116").Contains(lost), onFailure: () => a.Log);
        Eventually.True("the bridge has one", () => !Bridge(a).Contains(lost[..^4]), onFailure: () => a.Log);
        a.State("subnet.json").GetProperty("lost").GetArrayLength().Should().Be(0);
    }

    [RequiresRootFact]
    public void While_etcd_is_away_everything_stays_and_is_still_mended()
    {
        AgentHost a = _lab.StartHost("--interval", "0.5"),
            b = _lab.StartHost();
        a.WaitForPeers(b);
        b.WaitForPeers(a);
        a.Ns.Sh("nft 'add table ip calls; add chain ip calls out { type filter hook output priority 0; }'");
        a.Ns.Sh($"nft 'add rule ip calls out tcp dport {_lab.Etcd.Port} tcp flags & (syn | ack) == syn counter'");

        _lab.Etcd.Stop();
        a.WaitForError("192.168.64.1");
        a.Ns.Sh($"ip route del {b.Subnet}; bridge fdb del {b.VtepMac} dev twill.1");
        a.WaitForPeers(b);
        Eventually.True("traffic goes on", () => a.Reaches(b), onFailure: () => a.Log);
        long calls = CallsOf(a);
        Eventually.True("it has called etcd five times more", () => CallsOf(a) >= calls + 5, TimeSpan.FromSeconds(30), () => a.Log);
        a.Log.Split('\n')
            .Where(line => line.Contains("watch of etcd"))
            .Select(line => line[line.IndexOf(' ')..])
            .Should()
            .NotBeEmpty()
            .And.OnlyHaveUniqueItems("a failure that lasts is told once");

        _lab.Etcd.Start();
        Eventually.True(
            "the error is over",
            () => !a.State("agent.json").TryGetProperty("lastError", out _),
            TimeSpan.FromSeconds(20),
            () => a.Log
        );
        AgentHost c = _lab.StartHost();
        a.WaitForPeers(TimeSpan.FromSeconds(15), b, c);
    }

    [RequiresRootFact]
    public void Started_without_etcd_it_leaves_what_is_there_and_begins_when_etcd_comes()
    {
        AgentHost a = _lab.StartHost(),
            b = _lab.StartHost();
        a.WaitForPeers(b);
        a.Agent!.Stop();
        _lab.Etcd.Stop();

        a.Start();
        a.WaitForLog("watch of etcd");
        a.ShouldLeadTo(b);
        a.WaitForError("192.168.64.1");

        _lab.Etcd.Start();
        Eventually.True("it has etcd's list", () => a.Log.Contains("1 peer already in place"), TimeSpan.FromSeconds(20), () => a.Log);
    }

    [RequiresRootFact]
    public void A_network_that_etcd_knows_with_another_configuration_is_refused_with_both_values()
    {
        AgentHost a = _lab.StartHost(),
            b = _lab.AddHost();
        b.Configure("pods", range: "10.99.0.0/16");

        b.Start();

        b.WaitForLog("10.99.0.0/16");
        b.Log.Should().Contain("10.244.0.0/16");
        b.WaitForError("10.99.0.0/16");
        a.Agent!.HasExited.Should().BeFalse();
    }

    [RequiresRootFact]
    public void A_configuration_that_is_changed_in_etcd_is_compared_at_once()
    {
        AgentHost a = _lab.AddHost(),
            b = _lab.AddHost();
        foreach (AgentHost host in (AgentHost[])[a, b])
        {
            host.Configure("pods", leaseTtl: 3600); // renewed, and looked at by that, after twenty minutes
            host.Start();
            host.WaitForSubnet();
        }
        a.WaitForPeers(b);
        b.WaitForPeers(a);
        const string Key = $"{AgentLab.Prefix}/config";
        string good = _lab.Etcd.Get(Key)!;

        _lab.Etcd.Put(Key, good.Replace("\"VNI\":1", "\"VNI\":7"));

        TimeSpan soon = TimeSpan.FromSeconds(20);
        Eventually.True("the contradiction is told", () => a.Log.Contains("Backend.VNI is 1 here and 7 in etcd"), soon, () => a.Log);
        a.ShouldLeadTo(b);
        a.Reaches(b).Should().BeTrue();

        _lab.Etcd.Put(Key, good);
        Eventually.True(
            "all is well again",
            () => !a.State("agent.json").TryGetProperty("lastError", out JsonElement error) || error.ValueKind == JsonValueKind.Null,
            soon,
            () => a.Log
        );
        a.Reaches(b).Should().BeTrue();
    }

    [RequiresRootFact]
    public void While_the_configuration_is_refused_nothing_is_written_in_etcd()
    {
        AgentHost a = _lab.StartHost("--log-level", "debug");
        const string Key = $"{AgentLab.Prefix}/config";
        string good = _lab.Etcd.Get(Key)!;
        _lab.Etcd.Put(Key, good.Replace("\"VNI\":1", "\"VNI\":7"));
        a.WaitForLog("Backend.VNI is 1 here and 7 in etcd");

        _lab.Etcd.Etcdctl("del", "--prefix", $"{AgentLab.Prefix}/subnets/");
        int before = Steps(a);
        Eventually.True("the lease was looked after again", () => Steps(a) >= before + 2, TimeSpan.FromSeconds(20), () => a.Log);

        _lab.Lease(a.Subnet).Should().BeNull(a.Log);
        _lab.Etcd.Put(Key, good);
        Eventually.True("the key is back", () => _lab.Lease(a.Subnet) is not null, TimeSpan.FromSeconds(20), () => a.Log);

        static int Steps(AgentHost host) => host.Log.Split("is good for").Length;
    }

    [RequiresRootFact]
    public void A_host_whose_node_id_was_damaged_keeps_its_subnet()
    {
        AgentHost a = _lab.StartHost();
        string subnet = a.Subnet;
        a.Agent!.Stop();
        File.WriteAllText(Path.Combine(a.DataDir, "node-id"), "damaged");

        a.Start();

        a.WaitForLog($"keeping the lease of {subnet}");
        Eventually.True(
            "subnet.json has the new identity",
            () => a.State("subnet.json").GetProperty("nodeId").GetString() == NodeId(a),
            onFailure: () => a.Log
        );
        a.Subnet.Should().Be(subnet);
    }

    [RequiresRootFact]
    public void A_copy_of_a_host_that_was_given_a_node_id_of_its_own_leaves_the_subnet_to_the_other()
    {
        AgentHost a = _lab.StartHost();
        string subnet = a.Subnet;
        File.WriteAllText(Path.Combine(a.DataDir, "pods", a.Base[..^1] + "9"), "as twill-ipam keeps it");
        a.Agent!.Stop();
        string lease = a.State("subnet.json").GetProperty("leaseId").GetInt64().ToString("x", CultureInfo.InvariantCulture);
        _lab.Etcd.Etcdctl("put", $"{AgentLab.Prefix}/subnets/{subnet.Replace('/', '-')}", SomebodyElse, $"--lease={lease}");
        File.WriteAllText(Path.Combine(a.DataDir, "node-id"), "0123456789abcdef0123456789abcdef\n");

        a.Start();

        a.WaitForLog("which this host is not any more");
        Eventually.Pass(() => a.Subnet.Should().NotBe(subnet, a.Log));
        _lab.Lease(subnet).Should().Be(SomebodyElse);
        a.State("subnet.json").GetProperty("lost")[0].GetString().Should().Be(subnet, "a container here has an address of it");
    }

    [RequiresRootFact]
    public void A_subnet_of_a_former_network_is_kept_for_its_containers_and_given_back_after_the_last_one()
    {
        AgentHost a = _lab.StartHost();
        string former = a.Subnet,
            container = Path.Combine(a.DataDir, "pods", a.Base[..^1] + "9");
        File.WriteAllText(container, "as twill-ipam keeps it");
        a.Agent!.Stop();
        const string Key = $"{AgentLab.Prefix}/config";
        _lab.Etcd.Put(Key, _lab.Etcd.Get(Key)!.Replace("10.244.", "10.99."));
        a.Configure("pods", range: "10.99.0.0/16");

        a.Start("--interval", "0.5");

        a.WaitForLog($"subnet {former} is not one that the network leases now");
        Eventually.Pass(() => Subnets(a).Should().HaveCount(2, a.Log).And.StartWith(former));
        Subnets(a)[1].Should().StartWith("10.99.");
        _lab.Lease(former).Should().NotBeNull();

        File.Delete(container);

        Eventually.Pass(() => Subnets(a).Should().ContainSingle(a.Log).Which.Should().StartWith("10.99."));
        Eventually.True("it is given back", () => _lab.Lease(former) is null, onFailure: () => a.Log);
    }

    public void Dispose() => _lab.Dispose();

    private static string NodeId(AgentHost host) => File.ReadAllText(Path.Combine(host.DataDir, "node-id")).Trim();

    private static string[] Subnets(AgentHost host) =>
        [.. host.State("subnet.json").GetProperty("subnets").EnumerateArray().Select(subnet => subnet.GetString()!)];

    private static string Bridge(AgentHost host) => host.Ns.Ip("-4 address show dev twill0");

    /// <summary>How many connections to etcd a host has begun, by the rule that counts them.</summary>
    private static long CallsOf(AgentHost host) =>
        host
            .Ns.NftJson("list chain ip calls out")
            .EnumerateArray()
            .Where(entry => entry.TryGetProperty("rule", out _))
            .SelectMany(entry => entry.GetProperty("rule").GetProperty("expr").EnumerateArray())
            .Single(expression => expression.TryGetProperty("counter", out _))
            .GetProperty("counter")
            .GetProperty("packets")
            .GetInt64();
}
