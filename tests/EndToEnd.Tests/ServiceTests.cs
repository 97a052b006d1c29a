using System.Net.Sockets;
using System.Text;
using Twill.Testing;

namespace Twill.EndToEnd.Tests;

/// <summary>conf/twilld.service: what systemd is told about the agent is what the agent does.</summary>
public sealed class ServiceTests
{
    private static readonly string s_file = Path.Combine(RepoPaths.Conf, "twilld.service");

    [RequiresRootFact]
    public void The_agent_started_as_the_unit_says_reports_ready_once_its_lease_is_there_that_it_lives_reloads_and_stops()
    {
        Setting("Type").Should().Be("notify");
        using Cluster cluster = Cluster.Start(0);
        LabHost host = cluster.NewHost("host");
        using Socket socket = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        using TempDir directory = TempDir.Create();
        socket.Bind(new UnixDomainSocketEndPoint(directory.At("notify")));
        socket.ReceiveTimeout = 20_000;

        using Daemon agent = Daemon.Start(
            "twilld",
            [.. host.Enter, .. Cmd.Split(Setting("ExecStart"))],
            directory.At("log"),
            [new("NOTIFY_SOCKET", directory.At("notify")), new("WATCHDOG_USEC", $"{Setting("WatchdogSec")}000000")]
        );
        ReceiveUntil(socket, "READY=1", agent);
        cluster.LeaseOf(host).Should().NotBeNull();
        host.HasLink("twill.1").Should().BeTrue();

        ReceiveUntil(socket, "WATCHDOG=1", agent);
        Setting("ExecReload").Should().EndWith("kill -HUP $MAINPID");
        agent.Send(Signal.Hup);
        ReceiveUntil(socket, "RELOADING=1", agent);
        ReceiveUntil(socket, "READY=1", agent);

        agent.Send(Signal.Term);
        ReceiveUntil(socket, "STOPPING=1", agent);
        agent.WaitForExit(TimeSpan.FromSeconds(int.Parse(Setting("TimeoutStopSec"), null))).Should().Be(0);
        host.HasLink("twill.1").Should().BeTrue("stopping disturbs no traffic");
    }

    private static readonly string[] s_capabilities = Setting("CapabilityBoundingSet").Split(' ');

    /// <summary>What status says when the agent lacks one of the unit's capabilities.</summary>
    private static readonly Dictionary<string, string> s_needs = new()
    {
        ["CAP_NET_ADMIN"] = "the agent (twilld) is not running",
        ["CAP_NET_RAW"] = "twilld has no CAP_NET_RAW",
        ["CAP_SYS_ADMIN"] = "containers' MTU: larger than the network's 1350",
    };

    [RequiresRootFact]
    public void With_the_units_capabilities_the_agent_does_all_that_it_is_for()
    {
        using Cluster cluster = Cluster.Start(0);
        LabHost host = cluster.NewHost("host");
        using TempDir directory = TempDir.Create();
        using Daemon agent = StartWith(host, directory, s_capabilities);
        Eventually.True("it has a lease", () => cluster.LeaseOf(host) is not null, onFailure: () => agent.Log);
        Eventually.True("it made its device", () => host.HasLink("twill.1"), onFailure: () => agent.Log);
        LabContainer container = host.AddContainer("c1");

        host.Ip("link set eth0 mtu 1400");

        Eventually.Pass(() => container.Ip("link show dev eth0").Should().Contain("mtu 1350", agent.Log));
        Eventually.Pass(() => host.Run("/opt/cni/bin/twill", "status").Stdout.Should().Contain("all is well", agent.Log));
    }

    public static TheoryData<string> Capabilities => [.. s_capabilities];

    [RequiresRootTheory, MemberData(nameof(Capabilities))]
    public void Without_one_of_the_units_capabilities_something_is_not_done_and_told(string missing)
    {
        s_needs.Should().ContainKey(missing, "the unit gives nothing that nothing needs");
        using Cluster cluster = Cluster.Start(1); // somebody to ping
        LabHost host = cluster.NewHost("host");
        using TempDir directory = TempDir.Create();
        LabContainer container;
        using (Daemon before = StartWith(host, directory, s_capabilities))
        {
            Eventually.True("it made its device", () => host.HasLink("twill.1"), onFailure: () => before.Log);
            container = host.AddContainer("c1");
        }

        host.Ip("link set eth0 mtu 1400");
        using Daemon agent = StartWith(host, directory, s_capabilities.Where(capability => capability != missing));

        Eventually.Pass(
            () => host.Run("/opt/cni/bin/twill", "status").Stdout.Should().Contain(s_needs[missing], agent.Log).And.NotContain("is well"),
            TimeSpan.FromSeconds(20)
        );
        Eventually.Pass(() =>
            container.Ip("link show dev eth0").Should().Contain(missing == "CAP_NET_RAW" ? "mtu 1350" : "mtu 1450", agent.Log)
        );
        Eventually.Pass(() => agent.Log.Should().Contain(missing)); // until it writes, the log is that of the agent before
        agent.Log.Should().NotContain("Unhandled");
    }

    private static Daemon StartWith(LabHost host, TempDir directory, IEnumerable<string> capabilities)
    {
        string set = string.Concat(capabilities.Select(name => $",+{name["CAP_".Length..].ToLowerInvariant()}"));
        return Daemon.Start(
            "twilld",
            [.. host.Enter, "setpriv", $"--bounding-set=-all{set}", "--inh-caps=-all", "--no-new-privs", Setting("ExecStart")],
            directory.At("log")
        );
    }

    /// <summary>systemd skips a start whose condition fails, and nothing starts the agent later.</summary>
    [RequiresRootFact]
    public void An_agent_that_starts_before_any_network_is_configured_waits_for_one()
    {
        File.ReadAllText(s_file).Should().NotContain("Condition").And.NotContain("Assert");
        using Cluster cluster = Cluster.Start(0);
        LabHost host = cluster.NewHost("host");
        host.Sh("mv /etc/cni/net.d /etc/cni/later");
        using TempDir directory = TempDir.Create();
        using Daemon agent = StartWith(host, directory, s_capabilities);
        Eventually.True("it says so", () => agent.Log.Contains("no network of ours in /etc/cni/net.d; waiting for one"));

        host.Sh("mv /etc/cni/later /etc/cni/net.d");

        Eventually.True("it has a lease", () => cluster.LeaseOf(host) is not null, onFailure: () => agent.Log);
    }

    [RequiresRootFact]
    public void Systemd_understands_the_unit()
    {
        using TempDir directory = TempDir.Create();
        string unit = File.ReadAllText(s_file).Replace("/opt/cni/bin/twilld", "/bin/true", StringComparison.Ordinal);
        CmdResult verified = Cmd.Run("systemd-analyze", ["verify", "--man=no", directory.Write("twilld.service", unit)]);
        verified.Stderr.Should().NotContain("twilld.service:", "that is how complaints about it begin");
    }

    [RequiresRootFact]
    public void Systemd_understands_the_unit_of_a_WireGuard_device()
    {
        using TempDir directory = TempDir.Create();
        string unit = File.ReadAllText(Path.Combine(RepoPaths.Conf, "twill-wireguard@.service"));
        File.Exists(
                Cmd.Split(unit.Split('\n').Single(line => line.StartsWith("ExecStart=", StringComparison.Ordinal))["ExecStart=".Length..])[
                    0
                ]
            )
            .Should()
            .BeTrue();
        directory.Write("twill-wireguard@.service", unit);

        CmdResult verified = Cmd.Run("systemd-analyze", ["verify", directory.At("twill-wireguard@twill-wg.51820.service")]);

        verified.Stderr.Should().NotContain("twill-wireguard@");
    }

    private static void ReceiveUntil(Socket socket, string wanted, Daemon agent)
    {
        byte[] buffer = new byte[4096];
        try
        {
            while (!Encoding.UTF8.GetString(buffer, 0, socket.Receive(buffer)).Split('\n').Contains(wanted))
            {
                // Other notifications, e.g. STATUS=, may come first.
            }
        }
        catch (SocketException e)
        {
            throw new Xunit.Sdk.XunitException($"no {wanted}: {e.Message}\n{agent.Log}");
        }
    }

    private static string Setting(string key) =>
        File.ReadLines(s_file).Single(l => l.StartsWith($"{key}=", StringComparison.Ordinal))[(key.Length + 1)..];
}
