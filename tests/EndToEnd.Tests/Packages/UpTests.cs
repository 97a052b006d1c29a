using System.Diagnostics;
using System.Text.Json.Nodes;
using Twill.EndToEnd.Tests.Cli;
using Twill.EndToEnd.Tests.Crash;
using Twill.EndToEnd.Tests.Runtimes;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Packages;

/// <summary>`twill up` and `twill preflight` on hosts that have the programs, podman and containerd as Debian configures them, and no
/// network yet.</summary>
public sealed class UpTests(BuiltPackages packages) : IClassFixture<BuiltPackages>
{
    private const string Conflist = "/etc/cni/net.d/10-twill.conflist",
        PodmanFile = "/etc/containers/containers.conf.d/twill.conf",
        PluginLink = "/usr/lib/cni/twill";

    private static readonly HashSet<string> s_changes = ["rename", "mkdir", "symlink", "symlinkat", "ftruncate", "fchmod", "unlink"];

    [RequiresRootFact]
    public void From_package_to_first_ping_two_hosts_take_a_command_each()
    {
        using Lab lab = Lab.Create();
        string etcd = lab.StartEtcd().Endpoint;
        LabHost[] hosts = [lab.AddHost("one").Bare(), lab.AddHost("two").Bare()];
        string deb = packages.Deb;
        long began = Stopwatch.GetTimestamp();
        TimeSpan installing = TimeSpan.Zero;
        foreach (LabHost host in hosts)
        {
            long begins = Stopwatch.GetTimestamp();
            host.Dpkg("--install", deb).OrThrow();
            installing += Stopwatch.GetElapsedTime(begins);
            host.StartAgent(); // as systemd does when the package is installed
            Up(host, $"--etcd {etcd} --yes").OrThrow().Stdout.Should().EndWith("; next: podman run --rm --network twill IMAGE\n");
        }

        LabContainer here = hosts[0].AddContainer("here"),
            there = hosts[1].AddContainer("there");
        here.CanPing(there.Address).Should().BeTrue();
        double all = Stopwatch.GetElapsedTime(began).TotalSeconds;
        string figures = $"{all:0.0} s on two hosts, one after the other; {installing.TotalSeconds:0.0} s of it dpkg";
        Figures.Report("package to first ping", figures);
    }

    [RequiresRootFact]
    public void It_is_told_what_is_left_does_it_with_yes_and_cleanup_undoes_it()
    {
        using Lab lab = Lab.Create();
        string etcd = lab.StartEtcd().Endpoint;
        LabHost first = NewHost(lab, "first"),
            second = NewHost(lab, "second");
        string before = Configuration(second);

        CmdResult without = Up(first, $"--etcd {etcd} --cidr 10.100.0.0/16 --vni 5");
        without.ExitCode.Should().Be(1);
        without
            .Stdout.Should()
            .Contain("192.168.50.200 answers; it has no network of this name yet")
            .And.Contain("underlay    eth0 with 192.168.50.11 leads to the other hosts")
            .And.Contain("port        UDP port 4789 is free")
            .And.Contain($"done    network     wrote {Conflist}")
            .And.Contain($"todo    podman      it needs {PodmanFile}")
            .And.Contain("+network_backend = \"cni\"")
            .And.Contain($"+ {PluginLink} -> /opt/cni/bin/twill")
            .And.Contain("twilld does not run, and there is no systemd");
        first.Run("ls", PodmanFile).ExitCode.Should().NotBe(0, "it was only shown");
        first.StartAgent();
        Eventually.True("etcd has the network", () => lab.Etcd!.Get("/twill/twill/config") is not null, onFailure: () => first.Agent!.Log);
        CmdResult done = Up(first, $"--etcd {etcd} --yes");
        done.ExitCode.Should().Be(0, done.ToString());
        done.Stdout.Should()
            .Contain("the network is 10.100.0.0/16", "etcd has it")
            .And.Contain($"ok      network     {Conflist} is as it should be")
            .And.Contain("no other host yet");

        // The second host takes the network from etcd, and systemd starts the agent.
        JsonNode document = JsonNode.Parse(UpUnderSystemd(second, $"--etcd {etcd} --yes --json").OrThrow().Stdout)!;
        ((bool?)document["done"]).Should().BeTrue();
        Step(document, "agent", 0).Should().Be("started it: systemctl enable --now twilld");
        Step(document, "agent", 1).Should().StartWith("leased 10.100.").And.EndWith("; 1 other subnet answer");
        second.Sh("cat /run/systemctl").Should().Be("enable --now twilld\n");
        second.AddContainer("there").CanPing(first.AddContainer("here").Address).Should().BeTrue();
        second.Sh($"cat {Conflist}").Should().Be(first.Sh($"cat {Conflist}"));

        second.Twill("doctor").Stdout.Should().Contain("0 failed");
        second.Agent!.Stop().Should().Be(0);
        second.Cnitool("del", "twill", second.Container("there")).OrThrow();
        second.Twill("cleanup --yes --addresses").OrThrow().Stdout.Should().Contain($"removed  {PodmanFile}, which 'twill up' made");
        Configuration(second).Should().Be(before);
    }

    [RequiresRootFact]
    public void A_single_host_needs_no_etcd_and_no_agent_and_its_runtimes_use_the_network()
    {
        using Lab lab = Lab.Create();
        LabHost host = NewHost(lab, "host");
        CmdResult done = Up(host, "--single --yes");
        done.ExitCode.Should().Be(0, done.ToString());

        host.AddContainer("c1").CanPing("10.244.0.1").Should().BeTrue();
        using RuntimeNamespaces place = RuntimeNamespaces.On(host);
        Podman.ConfigureStorage(place);
        place.Run("podman", "info", "--format", "{{.Host.NetworkBackend}}").OrThrow().Stdout.Should().Be("cni\n");
        using Containerd containerd = new(place, "/usr/lib/cni");
        Eventually.True("containerd has read the network", () => containerd.Cri.NetworkReady().IsReady, onFailure: () => containerd.Log);
        string id = containerd.Cri.RunPodSandbox(new PodSpec("pod"));
        PodStatus pod = containerd.Cri.PodSandboxStatus(id);
        place.Container(pod.NetnsPath).CanPing("10.244.0.1").Should().BeTrue();
        containerd.Cri.StopPodSandbox(id);
        containerd.Cri.RemovePodSandbox(id);
    }

    [RequiresRootFact]
    public void Checks_alone_change_nothing()
    {
        using Lab lab = Lab.Create();
        string etcd = lab.StartEtcd().Endpoint;
        LabHost host = NewHost(lab, "host");
        string before = Configuration(host);

        CmdResult fine = host.Twill($"preflight --etcd {etcd}");
        fine.ExitCode.Should().Be(0, fine.ToString());
        fine.Stdout.Should().Contain($"twill up would write {Conflist}").And.Contain($"note    podman      it needs {PodmanFile}");
        host.Twill("preflight").ExitCode.Should().Be(0);
        JsonNode.Parse(host.Twill("preflight --single --cidr 192.168.50.0/24 --json").Stdout)!["done"]!.GetValue<bool>().Should().BeFalse();
        Configuration(host).Should().Be(before);
        lab.Etcd!.List("/").Should().BeEmpty();
    }

    [RequiresRootFact]
    public void Etcd_is_asked_as_the_agent_asks_it()
    {
        using Lab lab = Lab.Create();
        EtcdServer etcd = lab.StartEtcd(new EtcdServerOptions { Tls = true, ClientCertificates = true });
        TestCertificates files = etcd.Certificates!;
        LabHost host = NewHost(lab, "host");

        string certificates = $"--ca {files.CaFile} --cert {files.ClientCertFile} --key {files.ClientKeyFile}";
        host.Twill($"preflight --etcd {etcd.Endpoint} {certificates}").Stdout.Should().Contain("ok      etcd");
        Failed(host, $"--etcd {etcd.Endpoint}").Should().Contain("--ca names who signed its certificate");
        Failed(host, $"--etcd {etcd.Endpoint.Replace("https", "http")}").Should().Contain("is this etcd's client URL");
    }

    [RequiresRootFact]
    public void A_firewall_that_drops_the_tunnel_is_named_with_the_command_that_opens_it()
    {
        using Cluster cluster = Cluster.Start(1);
        LabHost host = NewHost(cluster.Lab, "host");
        host.Nft("add table inet admin");
        host.Nft("add chain inet admin gate { type filter hook input priority 0 ; policy drop ; }");
        host.Nft("add rule inet admin gate ct state established,related accept");
        host.Nft("add rule inet admin gate icmp type echo-reply accept");
        host.StartAgent();

        CmdResult closed = host.Twill($"preflight --etcd {cluster.Etcd.Endpoint}");
        closed.ExitCode.Should().Be(1, closed.ToString());
        string[] lines = closed.Stdout.Split('\n');
        int at = Array.FindIndex(lines, line => line.StartsWith("todo    firewall    chain gate", StringComparison.Ordinal));
        at.Should().BeGreaterThan(0, closed.Stdout);
        host.Sh(lines[at + 1].Split("-> ")[1]);

        host.Twill($"preflight --etcd {cluster.Etcd.Endpoint}").OrThrow().Stdout.Should().Contain("ok      firewall");
        Up(host, $"--etcd {cluster.Etcd.Endpoint} --yes").OrThrow();
    }

    [RequiresRootTheory]
    [InlineData("--single --cidr 192.168.50.0/24", "192.168.50.0/24 overlaps 192.168.50.11, this host's own address on eth0")]
    [InlineData("--etcd http://192.168.50.11:2379", "Connection refused")]
    [InlineData("--etcd http://192.168.50.11:8080", "is this etcd's client URL")]
    [InlineData("--etcd http://192.168.50.200:2379 --interface eth9", "'eth9' picks no underlay")]
    [InlineData("--etcd http://192.168.50.200:2379 --port 8080", "UDP port 8080 is taken by process python3")]
    public void What_cannot_work_is_named_and_nothing_is_written(string options, string words)
    {
        const string Servers = """
            import http.server, socket
            udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            udp.bind(("", 8080))
            http.server.HTTPServer(("", 8080), http.server.SimpleHTTPRequestHandler).serve_forever()
            """;
        using Lab lab = Lab.Create();
        lab.StartEtcd();
        LabHost host = NewHost(lab, "host");
        using TempDir logs = TempDir.Create();
        using Daemon servers = Daemon.Start("servers", [.. host.Enter, "python3", "-c", Servers], logs.At("log"));
        Eventually.True("they listen", () => host.Sh("ss -Hltn sport = 8080").Length > 0, onFailure: () => servers.Log);
        string before = Configuration(host);

        Failed(host, options).Should().Contain(words);
        Configuration(host).Should().Be(before);
        lab.Etcd!.List("/").Should().BeEmpty();
    }

    [RequiresRootFact]
    public void Somebody_elses_file_is_never_touched_and_a_changed_one_is_kept_by_cleanup()
    {
        using Lab lab = Lab.Create();
        LabHost host = NewHost(lab, "host");
        host.Write(Conflist, "{\"mine\": true}\n");

        Failed(host, "--single").Should().Contain("it is not touched").And.Contain("-{\"mine\": true}");
        host.Sh($"cat {Conflist}").Should().Be("{\"mine\": true}\n");

        host.Sh($"rm {Conflist}");
        Up(host, "--single --yes").OrThrow();
        Up(host, "--single --yes --cidr 10.200.0.0/24").OrThrow().Stdout.Should().Contain($"wrote {Conflist}", "that file is its own");
        Up(host, "--single --yes").OrThrow().Stdout.Should().Contain($"{Conflist} is as it should be", "what no option says stays");
        host.Sh($"echo >>{Conflist}");
        host.Twill("cleanup --yes").Stdout.Should().Contain($"kept  {Conflist}: somebody changed it");
        host.Sh($"cat {Conflist}").Should().Contain("10.200.0.0/24");
    }

    [RequiresRootFact]
    public void A_network_that_another_file_or_etcd_contradicts_is_refused()
    {
        using Lab lab = Lab.Create();
        string etcd = lab.StartEtcd().Endpoint;
        LabHost host = NewHost(lab, "host");
        Up(host, "--single --yes").OrThrow();

        Failed(host, "--single --network second").Should().Contain("10.244.0.0/24 overlaps 10.244.0.0/24 of network 'twill'");
        Up(host, "--single --network second --cidr 10.245.0.0/24 --yes").ExitCode.Should().Be(0);
        host.AddContainer("c2", "second").CanPing("10.245.0.1").Should().BeTrue();

        lab.Etcd!.Put("/twill/third/config", """{"Network":"10.7.0.0/16","Backend":{"Type":"vxlan","VNI":3,"Port":4789}}""");
        Failed(host, $"--etcd {etcd} --network third --cidr 10.8.0.0/16")
            .Should()
            .Contain("etcd has another network of this name: Network is 10.8.0.0/16 here and 10.7.0.0/16 in etcd");
    }

    [RequiresRootTheory]
    [InlineData("up", "expected --etcd URL")]
    [InlineData("up --single --etcd http://127.0.0.1:2379", "leave one of them out")]
    [InlineData(
        "up --etcd http://127.0.0.1:2379 --backend carrier-pigeon",
        "the options make no network: invalid network configuration; $.plugins[0].backend.type: expected vxlan"
    )]
    [InlineData("preflight --yes", "unknown option '--yes'")]
    public void A_command_line_that_makes_no_sense_is_refused_with_what_was_expected(string command, string words)
    {
        CmdResult refused = Cmd.Run(RepoPaths.Program("twill"), Cmd.Split(command));

        refused.ExitCode.Should().Be(2);
        refused.Stdout.Should().BeEmpty();
        refused.Stderr.Should().StartWith($"twill {command.Split(' ')[0]}: ").And.Contain(words);
    }

    [Fact]
    public void Without_twilld_it_is_said_what_is_missing()
    {
        using TempDir alone = TempDir.Create();
        File.Copy(RepoPaths.Program("twill"), alone.At("twill"));

        CmdResult refused = Cmd.Run("env", ["PATH=/nowhere", alone.At("twill"), "up", "--single"]);

        refused.ExitCode.Should().Be(1);
        refused
            .Stderr.Should()
            .Be($"twill: 'up' is carried out by twilld, which is neither in {alone.Path} nor in PATH: install all of the package\n");
    }

    /// <summary>Killed at any of its changes, the next run goes on from there, or cleanup undoes it.</summary>
    [RequiresRootFact]
    public void A_killed_run_is_continued_by_the_next_one_and_can_be_undone()
    {
        using TempDir tools = TempDir.Create();
        string killat = tools.At("killat"),
            log = tools.At("log");
        CrashLab.BuildKillat(killat);
        using Lab lab = Lab.Create();
        LabHost host = NewHost(lab, "host");
        string before = Configuration(host);
        CmdResult Run(params string[] kill) =>
            host.RunFor(TimeSpan.FromMinutes(2), [killat, "--log", log, .. kill, "--", "/opt/cni/bin/twill", "up", "--single", "--yes"]);

        Run().OrThrow();
        const string Calls = "twilld ";
        string[] calls = [.. File.ReadLines(log).Where(line => line.StartsWith(Calls)).Select(line => line[Calls.Length..])];
        int[] changes = [.. Enumerable.Range(1, calls.Length).Where(at => s_changes.Contains(calls[at - 1]))];
        changes.Should().HaveCountGreaterThan(12);
        host.Twill("cleanup --yes --addresses").OrThrow();
        Configuration(host).Should().Be(before);
        int killed = 0;
        foreach (int at in changes)
        {
            killed += Run("--of", "twilld", "--at", $"{at}").ExitCode == 137 ? 1 : 0;
            if (at % 2 == 0)
            {
                CmdResult done = Up(host, "--single --yes");
                done.ExitCode.Should().Be(0, done.ToString());
            }

            host.Twill("cleanup --yes --addresses").OrThrow();
            Configuration(host).Should().Be(before, $"it was killed at its call {at}, {calls[at - 1]}");
        }

        killed.Should().BeGreaterThan(12);
        Figures.Report("up killed", $"{killed} times, at each of its changes of files: continued, or undone");
    }

    private static CmdResult Up(LabHost host, string options) =>
        host.RunFor(TimeSpan.FromMinutes(2), ["/opt/cni/bin/twill", "up", .. Cmd.Split(options)]);

    private static string Failed(LabHost host, string options)
    {
        CmdResult failed = Up(host, $"{options} --yes");
        failed.ExitCode.Should().Be(1, failed.ToString());
        return failed.Stdout;
    }

    /// <summary>The same where systemd is: the agent runs once it was asked for.</summary>
    private static CmdResult UpUnderSystemd(LabHost host, string options)
    {
        host.Write("/usr/local/bin/systemctl", "#!/bin/sh\necho \"$@\" >/run/systemctl.new && mv /run/systemctl.new /run/systemctl\n");
        host.Sh("chmod 755 /usr/local/bin/systemctl && mkdir -p /run/systemd/system");
        string[] up = ["env", "PATH=/usr/local/bin:/usr/bin:/bin", "/opt/cni/bin/twill", "up", .. Cmd.Split(options)];
        Task<CmdResult> run = Task.Run(() => host.RunFor(TimeSpan.FromMinutes(2), up));
        Eventually.True("systemd is asked for the agent", () => run.IsCompleted || host.Run("ls", "/run/systemctl").ExitCode == 0);
        host.StartAgent();
        return run.GetAwaiter().GetResult();
    }

    /// <summary>A host with what the tarball has, where INSTALL.md puts it.</summary>
    private static LabHost NewHost(Lab lab, string name)
    {
        LabHost host = lab.AddHost(name).Bare();
        host.Sh("mkdir -p /opt/cni/bin");
        host.UsePrograms(RepoPaths.Bin);
        return host;
    }

    private static string Step(JsonNode document, string name, int index) =>
        (string)document["steps"]!.AsArray().Where(step => (string?)step!["step"] == name).ElementAt(index)!["text"]!;

    private static string Configuration(LabHost host) =>
        host.Sh(
            "find /etc/cni /etc/containers /etc/containerd /usr/lib/cni /var/lib/cni/twill -printf '%p %y %m %l\\n' 2>/dev/null | sort;"
                + "find /etc/cni /etc/containers /etc/containerd -type f 2>/dev/null | sort | xargs -r sha256sum"
        );
}
