using System.Text.Json.Nodes;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Packages;

/// <summary>`twilld up` on hosts that have nothing but the package's files: what it writes, shows, refuses, continues, and what cleanup
/// undoes.</summary>
public sealed class UpTests
{
    private const string Conflist = "/etc/cni/net.d/10-twill.conflist";
    private const string PodmanFile = "/etc/containers/containers.conf.d/50-twill.conf";

    [RequiresRootFact]
    public void Two_hosts_become_a_network_by_one_command_each_and_cleanup_undoes_it()
    {
        using Cluster cluster = Cluster.Start(1);
        LabHost host = cluster.Lab.AddHost("host");
        string before = Configuration(host);
        host.StartAgent(); // as the package has it: there before any network is

        CmdResult shown = Up(host, $"--etcd {cluster.Etcd.Endpoint}");
        shown.ExitCode.Should().Be(1, shown.ToString());
        shown
            .Stdout.Should()
            .Contain("todo    podman")
            .And.Contain("+network_backend = \"cni\"")
            .And.Contain("ok      agent          leased 10.244.")
            .And.Contain("1 other subnets answer");
        host.Run("ls", PodmanFile).ExitCode.Should().NotBe(0, "it was only shown");

        CmdResult done = Up(host, $"--etcd {cluster.Etcd.Endpoint} --yes");
        done.ExitCode.Should().Be(0, done.ToString());
        done.Stdout.Should().Contain($"ok      network        {Conflist} says so already").And.Contain("the network is there; next: podman run");
        host.Sh($"cat {PodmanFile}").Should().Contain("network_backend = \"cni\"");
        cluster.WaitUntilJoined();
        LabContainer here = host.AddContainer("here");
        here.CanPing(cluster.Hosts[0].AddContainer("there").Address).Should().BeTrue();
        JsonNode json = JsonNode.Parse(Up(host, $"--etcd {cluster.Etcd.Endpoint} --json").OrThrow().Stdout)!;
        ((bool?)json["done"]).Should().BeTrue();

        host.Cnitool("del", "twill", here).OrThrow();
        host.Agent!.Stop().Should().Be(0);
        host.Twill("cleanup --yes --addresses").OrThrow();
        Configuration(host).Should().Be(before);
    }

    [RequiresRootFact]
    public void A_single_host_needs_no_etcd_and_no_agent()
    {
        using Lab lab = Lab.Create();
        LabHost host = lab.AddHost("host");

        CmdResult done = Up(host, "--single --yes");

        done.ExitCode.Should().Be(0, done.ToString());
        host.AddContainer("c1").CanPing("10.244.0.1").Should().BeTrue();
    }

    [RequiresRootFact]
    public void Somebody_elses_file_is_never_touched_and_a_changed_one_is_kept_by_cleanup()
    {
        using Lab lab = Lab.Create();
        LabHost host = lab.AddHost("host");
        host.Write(Conflist, "{\"mine\": true}\n");

        CmdResult refused = Up(host, "--single --yes");
        refused.ExitCode.Should().Be(1);
        refused.Stdout.Should().Contain("failed  network").And.Contain("-{\"mine\": true}");
        host.Sh($"cat {Conflist}").Should().Be("{\"mine\": true}\n");

        host.Sh($"rm {Conflist}");
        Up(host, "--single --yes").OrThrow();
        Up(host, "--single --yes --cidr 10.200.0.0/24").OrThrow().Stdout.Should().Contain($"wrote {Conflist}", "that file is its own");
        host.Sh($"echo >>{Conflist}");
        host.Twill("cleanup --yes").Stdout.Should().Contain($"kept  {Conflist}: somebody changed");
        host.Sh($"cat {Conflist}").Should().Contain("10.200.0.0/24");
    }

    [RequiresRootTheory]
    [InlineData("--single --cidr 192.168.50.0/24", "overlaps this host's route to 192.168.50.0/24")]
    [InlineData("--etcd http://192.168.50.11:2379", "http://192.168.50.11:2379: Connection refused")]
    [InlineData("--single --cidr 10.244.0.0/31 --network way/out", "network")]
    public void What_cannot_work_is_named_and_nothing_is_written(string options, string words)
    {
        using Lab lab = Lab.Create();
        LabHost host = lab.AddHost("host");

        CmdResult failed = Up(host, $"{options} --yes");

        failed.ExitCode.Should().Be(1, failed.ToString());
        (failed.Stdout + failed.Stderr).Should().Contain(words);
        host.Sh("ls /etc/cni/net.d; ls /var/lib/cni 2>/dev/null || true").Should().BeEmpty();
    }

    [RequiresRootTheory]
    [InlineData("", "expected --etcd URL")]
    [InlineData("--etcd 127.0.0.1", "--etcd: expected URLs like http://192.168.50.200:2379 with commas between them, got '127.0.0.1'")]
    [InlineData("--single --etcd http://127.0.0.1:2379", "leave one of them out")]
    [InlineData("--single --cidr 10.244.0.1/16", "--cidr: expected a network like 10.244.0.0/16, got '10.244.0.1/16'")]
    [InlineData("--single --ca relative.pem", "--ca: expected a file's absolute path, got 'relative.pem'")]
    [InlineData("--single --wait soon", "--wait: expected seconds from 0 to 3600, got 'soon'")]
    [InlineData("--single --frobnicate", "unknown option '--frobnicate'")]
    public void A_command_line_that_makes_no_sense_is_refused_with_what_was_expected(string options, string words)
    {
        CmdResult refused = Cmd.Run(RepoPaths.Program("twilld"), ["up", .. Cmd.Split(options)]);

        refused.ExitCode.Should().Be(2);
        refused.Stdout.Should().BeEmpty();
        refused.Stderr.Should().Contain(words);
    }

    /// <summary>Killed between its journal and its files, or between two files, the next run goes on, or cleanup undoes it.</summary>
    [RequiresRootFact]
    public void A_killed_run_is_continued_by_the_next_one_and_can_be_undone()
    {
        using Lab lab = Lab.Create();
        LabHost host = lab.AddHost("host");
        string before = Configuration(host);
        for (int rename = 1; rename <= 4; rename++)
        {
            string inject = $"inject=rename,renameat,renameat2:signal=KILL:when={rename}";
            host.Run([.. Cmd.Split($"strace -f -qq -e trace=rename,renameat,renameat2 -e {inject} /opt/cni/bin/twilld up --single --yes")])
                .ExitCode.Should()
                .NotBe(0, "it was killed");
            if (rename % 2 == 1)
            {
                CmdResult done = Up(host, "--single --yes");
                done.ExitCode.Should().Be(0, done.ToString());
            }

            host.Twill("cleanup --yes --addresses").OrThrow();
            Configuration(host).Should().Be(before);
        }
    }

    private static CmdResult Up(LabHost host, string options) =>
        host.RunFor(TimeSpan.FromMinutes(2), ["/opt/cni/bin/twilld", "up", .. Cmd.Split(options)]);

    private static string Configuration(LabHost host) =>
        host.Sh("find /etc/cni /etc/containers /etc/containerd -type f 2>/dev/null | sort | xargs -r sha256sum");
}
