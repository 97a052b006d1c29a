using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Twill.Testing;

namespace Twill.Agent.Tests;

/// <summary>twilld as a process: command line, signals, configuration files.</summary>
public sealed class ProcessTests : IDisposable
{
    private readonly AgentLab _lab = new();

    [RequiresRootTheory]
    [InlineData("--help", 0)]
    [InlineData("--version", 0)]
    [InlineData("--nonsense", 2)]
    public void The_exit_code_says_whether_the_command_line_was_understood(string argument, int code)
    {
        CmdResult result = _lab.AddHost().Run(argument);

        result.ExitCode.Should().Be(code);
        (code == 0 ? result.Stdout : result.Stderr).Should().Contain("twilld");
    }

    [RequiresRootFact]
    public void Once_brings_everything_in_order_and_exits()
    {
        AgentHost a = _lab.StartHost(),
            b = _lab.AddHost();

        CmdResult result = b.Run("--once");

        result.ExitCode.Should().Be(0, result.ToString());
        b.ShouldLeadTo(a);
        a.WaitForPeers(b);
    }

    [RequiresRootFact]
    public void Once_without_a_network_fails_and_names_the_directory()
    {
        AgentHost a = _lab.AddHost();
        Directory.Delete(a.ConfDir, recursive: true);

        CmdResult result = a.Run("--once");

        result.ExitCode.Should().Be(1);
        result.Stderr.Should().Contain($"no network of ours in {a.ConfDir}");
    }

    [RequiresRootTheory]
    [InlineData(Signal.Term)]
    [InlineData(Signal.Int)]
    public void A_signal_ends_it_in_peace_and_removes_nothing(Signal signal)
    {
        AgentHost a = _lab.StartHost(),
            b = _lab.StartHost();
        a.WaitForPeers(b);
        b.WaitForPeers(a);

        a.Agent!.Send(signal);

        a.Agent.WaitForExit(TimeSpan.FromSeconds(20)).Should().Be(0);
        a.ShouldLeadTo(b);
        a.Reaches(b).Should().BeTrue();
        _lab.Lease(a.Subnet).Should().NotBeNull();
    }

    [RequiresRootFact]
    public void Networks_come_and_go_with_their_files_and_share_one_agent()
    {
        AgentHost a = _lab.StartHost();

        a.Configure("more", "10.55.0.0/16", "twill1", """{ "type": "vxlan", "vni": 2 }""");
        Eventually.True("the second network is served", () => a.Ns.HasLink("twill.2") && a.Ns.HasLink("twill1"), onFailure: () => a.Log);
        a.Ns.HasLink("twill.1").Should().BeTrue();
        a.State("subnet.json", "more").GetProperty("subnets")[0].GetString().Should().StartWith("10.55.");

        File.Delete(Path.Combine(a.ConfDir, "10-more.conflist"));
        a.WaitForLog("configuration of network 'more' changed or is gone");
        a.Ns.HasLink("twill.2").Should().BeTrue("its containers may still run");
    }

    [RequiresRootFact]
    public void A_changed_VNI_makes_a_new_device_and_takes_the_old_one_away()
    {
        AgentHost a = _lab.AddHost();
        a.Configure("solo", "10.56.0.0/16", "twill5", """{ "type": "vxlan", "vni": 5 }""");
        a.Start();
        Eventually.True("the device is there", () => a.Ns.HasLink("twill.5"), onFailure: () => a.Log);

        a.Configure("solo", "10.56.0.0/16", "twill5", """{ "type": "vxlan", "vni": 6 }""");
        a.WaitForLog("Backend.VNI is 6 here and 5 in etcd"); // before that, the agent would write into etcd again what it had read
        _lab.Etcd.Etcdctl("del", "/twill/solo/config");

        Eventually.True("only the new device is there", () => a.Ns.HasLink("twill.6") && !a.Ns.HasLink("twill.5"), onFailure: () => a.Log);
        a.Ns.HasLink("twill.1").Should().BeTrue();
    }

    [RequiresRootFact]
    public void A_changed_backend_is_refused_until_the_cluster_agrees_and_then_carried_out_cleanly()
    {
        AgentHost a = _lab.StartHost(),
            b = _lab.StartHost();
        a.WaitForPeers(b);
        b.WaitForPeers(a);

        a.Configure("pods", backend: """{ "type": "host-gw" }""");

        a.WaitForError("Backend.Type");
        a.Agent!.Stop();
        a.Start(); // a restart changes nothing about that
        a.WaitForError("Backend.Type");
        a.ShouldLeadTo(b);
        a.Reaches(b).Should().BeTrue();
        _lab.Lease(a.Subnet).Should().Contain("vxlan");

        b.Configure("pods", backend: """{ "type": "host-gw" }""");
        b.WaitForError("Backend.Type");
        _lab.Etcd.Etcdctl("del", $"{AgentLab.Prefix}/config");

        Eventually.Pass(
            () => a.Ns.Ip("route show proto 116").Trim().Should().Be($"{b.Subnet} via {b.Address} dev eth0", a.Log),
            TimeSpan.FromSeconds(40)
        );
        Eventually.Pass(
            () => b.Ns.Ip("route show proto 116").Trim().Should().Be($"{a.Subnet} via {a.Address} dev eth0", b.Log),
            TimeSpan.FromSeconds(40)
        );
        a.Ns.HasLink("twill.1").Should().BeFalse();
        Eventually.True("the other host is reached again", () => a.Reaches(b), onFailure: () => a.Log);
    }

    [RequiresRootFact]
    public void Without_a_backend_nothing_of_an_earlier_one_is_left()
    {
        AgentHost a = _lab.StartHost(),
            b = _lab.StartHost();
        a.WaitForPeers(b);

        a.Configure("pods", backend: """{ "type": "none" }""");

        Eventually.True(
            "device and routes are gone",
            () => !a.Ns.HasLink("twill.1") && a.Ns.Ip("route show proto 116").Length == 0,
            onFailure: () => a.Log
        );
        a.Ns.Ip("route show dev twill0").Should().Contain(a.Subnet);
    }

    [RequiresRootFact]
    public void Health_and_metrics_follow_reality()
    {
        AgentHost a = _lab.StartHost("--listen", "127.0.0.1:9116"),
            b = _lab.StartHost();
        a.WaitForPeers(b);
        Eventually.Pass(() => Curl(a, "healthz").Should().Be("ok\n200", a.Log));
        Curl(a, "metrics").Should().Contain("twill_peers_programmed{network=\"pods\"} 1\n").And.EndWith("\n200");

        _lab.Etcd.Stop();
        Eventually.Pass(() => Curl(a, "healthz").Should().Match("pods: *etcd*503"), TimeSpan.FromSeconds(20));
        Curl(a, "metrics").Should().Contain("twill_condition_failing{network=\"pods\",condition=\"watch of etcd\"} 1\n");

        _lab.Etcd.Start();
        Eventually.Pass(() => Curl(a, "healthz").Should().Be("ok\n200", a.Log), TimeSpan.FromSeconds(30));

        a.Agent!.Send(Signal.Stop); // or it would have made the bridge again in between
        a.Ns.Sh("ip link del twill0; ip link add twill0 type veth peer name other");
        a.Agent.Send(Signal.Cont);
        Eventually.Pass(() => Curl(a, "healthz").Should().Match("pods: host: *not a bridge*503"));
        a.Ns.Sh("ip link del twill0");
        Eventually.Pass(() => Curl(a, "healthz").Should().Be("ok\n200", a.Log));

        File.WriteAllText(
            Path.Combine(a.ConfDir, "20-broken.conflist"),
            """{ "name": "x", "plugins": [ { "type": "twill", "backend": { "type": "smoke" } } ] }"""
        );
        Eventually.Pass(() => Curl(a, "healthz").Should().Match("*20-broken.conflist: *503"));
    }

    [RequiresRootFact]
    public void An_address_to_answer_at_that_comes_after_the_agent_is_told_and_waited_for()
    {
        AgentHost a = _lab.AddHost();
        a.Start("--listen", "192.168.64.77:9116");
        a.WaitForLog("no interface of this host has 192.168.64.77");
        a.WaitForSubnet();

        a.Ns.Ip("address add 192.168.64.77/24 dev eth0");

        Eventually.True(
            "it answers",
            () => a.Ns.Run("curl", "-s", "--max-time", "5", "http://192.168.64.77:9116/healthz").Stdout.Length > 0,
            TimeSpan.FromSeconds(20),
            () => a.Log
        );
        a.WaitForLog("--listen 192.168.64.77:9116: well again");
    }

    [RequiresRootFact]
    public void Without_the_option_nobody_is_answered()
    {
        AgentHost a = _lab.StartHost();

        a.Ns.Sh("ss -H -ltn").Should().BeEmpty();
    }

    [RequiresRootFact]
    public void SIGHUP_reads_the_configuration_again_and_compares_everything_at_once()
    {
        using TempDir dir = TempDir.Create();
        using Socket manager = ServiceManager(dir.At("notify"));
        AgentHost a = _lab.AddHost();
        a.NotifySocket = dir.At("notify");
        a.Start();
        ReceiveUntil(manager, "READY=1");
        a.WaitForSubnet();

        a.Configure("more", "10.55.0.0/16", "twill1", """{ "type": "vxlan", "vni": 2 }""");
        a.Agent!.Send(Signal.Hup);

        ReceiveUntil(manager, "RELOADING=1");
        ReceiveUntil(manager, "READY=1");
        Eventually.True("the second network is served", () => a.Ns.HasLink("twill.2"), onFailure: () => a.Log);
        a.Log.Should().Contain("as SIGHUP asks");
    }

    [RequiresRootFact]
    public void The_watchdog_hears_of_life_until_the_agent_stands_still()
    {
        using TempDir dir = TempDir.Create();
        using Socket manager = ServiceManager(dir.At("notify")),
            other = ServiceManager(dir.At("other"));
        AgentHost a = _lab.AddHost(),
            b = _lab.AddHost();
        (a.NotifySocket, a.WatchdogMicroseconds) = (dir.At("notify"), 1_500_000);
        (b.NotifySocket, b.WatchdogMicroseconds) = (dir.At("other"), 1_500_000);
        a.Start();
        b.Start();
        for (int i = 0; i < 5; i++)
        {
            ReceiveUntil(manager, "WATCHDOG=1");
        }

        a.Agent!.Send(Signal.Stop);
        while (manager.Available > 0)
        {
            Receive(manager);
        }

        while (other.Available > 0)
        {
            Receive(other);
        }

        for (int i = 0; i < 3; i++)
        {
            ReceiveUntil(other, "WATCHDOG=1"); // the pace at which a would have said so, too
        }

        manager.Available.Should().Be(0);
    }

    [RequiresRootFact]
    public void The_service_manager_hears_of_readiness_and_status()
    {
        using TempDir dir = TempDir.Create();
        using Socket manager = ServiceManager(dir.At("notify"));
        AgentHost a = _lab.AddHost();
        a.NotifySocket = dir.At("notify");

        a.Start();

        List<string> heard = [];
        while (!heard.Contains("READY=1") || !heard.Exists(m => m.StartsWith("STATUS=pods: 10.244.") && m.EndsWith("0 of 0 peers")))
        {
            heard.Add(Receive(manager));
        }

        a.Ns.HasLink("twill.1").Should().BeTrue("it is ready when others can be reached");
        a.Agent!.Send(Signal.Term);
        Eventually.Pass(() => Receive(manager).Should().Be("STOPPING=1"));
    }

    [RequiresRootFact]
    public void As_JSON_every_line_of_the_log_is_an_object()
    {
        AgentHost a = _lab.StartHost("--log-format", "json", "--log-level", "debug");
        a.Agent!.Stop();

        string[] lines = a.Log.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        lines
            .Should()
            .HaveCountGreaterThan(4)
            .And.OnlyContain(line => JsonDocument.Parse(line, default).RootElement.GetProperty("msg").ValueKind == JsonValueKind.String);
    }

    public void Dispose() => _lab.Dispose();

    /// <summary>The answer of the agent's own port, and behind it the status.</summary>
    private static string Curl(AgentHost host, string path) =>
        host.Ns.Sh($"curl -s --max-time 5 -w '%{{http_code}}' http://127.0.0.1:9116/{path}");

    /// <summary>The service manager's end of <c>NOTIFY_SOCKET</c>.</summary>
    private static Socket ServiceManager(string path)
    {
        Socket socket = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified) { ReceiveTimeout = 20_000 };
        socket.Bind(new UnixDomainSocketEndPoint(path));
        return socket;
    }

    private static void ReceiveUntil(Socket socket, string wanted)
    {
        while (!Receive(socket).Split('\n').Contains(wanted))
        {
            // Other notifications may come first.
        }
    }

    private static string Receive(Socket socket)
    {
        byte[] buffer = new byte[512];
        return Encoding.UTF8.GetString(buffer, 0, socket.Receive(buffer));
    }
}
