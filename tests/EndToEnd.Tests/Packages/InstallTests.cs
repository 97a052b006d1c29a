using Twill.EndToEnd.Tests.Runtimes;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Packages;

/// <summary>The commands of the README and of conf/INSTALL.md, done on hosts that have nothing yet. There is no systemd on them: what it
/// would start is run.</summary>
public sealed class InstallTests(BuiltPackages packages) : IClassFixture<BuiltPackages>
{
    private const string Guide = "conf/INSTALL.md";

    [RequiresRootFact]
    public void The_README_leads_from_the_package_to_a_first_container()
    {
        using Cluster cluster = Cluster.Start(1);
        LabHost host = cluster.Lab.AddHost("host").Bare();
        string[] commands = CommandBlocks.Of("README.md", "## Install");
        commands[^1].Should().Be("twill status");

        host.Type([commands[0]], packages.Directory);
        StartAsTheUnitSays(host, "/usr/lib/systemd/system/twilld.service"); // the agent is there before any network is
        host.Type(commands[1..^1], packages.Directory);

        Eventually.True(
            "twill status says that all is well",
            () => host.Run("sh", "-c", commands[^1]).ExitCode == 0,
            TimeSpan.FromSeconds(30),
            () => host.Run("sh", "-c", commands[^1]).Stdout + host.Agent!.Log
        );
        cluster.WaitUntilJoined();
        host.AddContainer("first").CanPing(cluster.Hosts[0].AddContainer("second").Address).Should().BeTrue();
    }

    [RequiresRootFact]
    public void The_tarballs_commands_put_everything_where_the_unit_the_runtime_and_the_operator_look_for_it()
    {
        using Lab lab = Lab.Create();
        LabHost host = lab.AddHost("host").Bare();

        host.Type(CommandBlocks.Of(Guide, "## Other distributions"), packages.Directory);

        host.Sh("PATH=/usr/local/bin:/usr/bin:/bin twill --version").Should().StartWith("twill ");
        host.Configure(SampleConf.Single());
        StartAsTheUnitSays(host, "/etc/systemd/system/twilld.service");
        LabContainer container = host.AddContainer("c1");

        // And the upgrade: each program is a new file at once.
        string before = host.Sh("stat -c %i /opt/cni/bin/*");
        host.Type(CommandBlocks.Of(Guide, "## Upgrade"), packages.Directory);
        host.Sh("stat -c %i /opt/cni/bin/*").Should().NotBe(before);
        host.Cnitool("check", "twill", container).OrThrow();
    }

    [RequiresRootFact]
    public void Etcd_of_Debian_answers_hosts_after_the_guides_commands()
    {
        using Lab lab = Lab.Create();
        LabHost etcd = lab.AddHost("etcd").Bare(),
            host = lab.AddHost("host");
        etcd.Sh("touch /etc/default/etcd && mkdir -p /run/etcd-data");
        const string Start = """
            set -a; . /etc/default/etcd
            exec env -u ETCD_DATA_DIR etcd --data-dir /run/etcd-data --listen-peer-urls http://127.0.0.1:2380
            """;
        static bool AnswersTo(LabHost client, string address) =>
            client.Run("env", "ETCDCTL_API=3", "etcdctl", $"--endpoints=http://{address}:2379", "endpoint", "health").ExitCode == 0;
        bool Answers() => AnswersTo(host, etcd.Address);
        using TempDir logs = TempDir.Create();
        using (Daemon closed = Daemon.Start("etcd", [.. etcd.Enter, "sh", "-c", Start], logs.At("closed")))
        {
            Eventually.True("it listens", () => AnswersTo(etcd, "127.0.0.1"), onFailure: () => closed.Log);
            Answers().Should().BeFalse("out of the box it listens on 127.0.0.1 only");
        }

        etcd.Type(CommandBlocks.Of(Guide, "## etcd").Select(line => line.Replace(Lab.EtcdAddress, etcd.Address)), "/");

        using Daemon open = Daemon.Start("etcd", [.. etcd.Enter, "sh", "-c", Start], logs.At("open"));
        Eventually.True("it answers another host", Answers, TimeSpan.FromSeconds(20), () => open.Log);
    }

    [RequiresRootFact]
    public void Podman_uses_CNI_after_the_guides_commands()
    {
        using Lab lab = Lab.Create();
        LabHost host = lab.AddHost("host");
        using RuntimeNamespaces place = RuntimeNamespaces.On(host);
        Podman.ConfigureStorage(place);
        string Backend() => place.Run("podman", "info", "--format", "{{.Host.NetworkBackend}}").OrThrow().Stdout.Trim();

        host.Type(CommandBlocks.Of(Guide, "## Runtimes"), "/");

        Backend().Should().Be("cni");
    }

    private static void StartAsTheUnitSays(LabHost host, string unit)
    {
        host.Sh($"sed -n s/ExecStart=//p {unit}").Trim().Should().Be("/opt/cni/bin/twilld");
        host.StartAgent();
    }
}
