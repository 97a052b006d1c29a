using Twill.EndToEnd.Tests.Runtimes;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Packages;

/// <summary>The commands of the README and of conf/INSTALL.md, done on hosts that have nothing yet. There is no systemd on them: what it
/// would start is run.</summary>
public sealed class InstallTests(BuiltPackages packages) : IClassFixture<BuiltPackages>
{
    private const string Guide = "conf/INSTALL.md";

    [RequiresRootFact]
    public void The_README_leads_from_the_package_to_a_first_ping()
    {
        using Cluster cluster = Cluster.Start(1);
        LabHost host = cluster.Lab.AddHost("host").Bare();
        LabContainer there = cluster.Hosts[0].AddContainer("there");
        string[] install = CommandBlocks.Of("README.md", "## Install"),
            first = [.. CommandBlocks.Of("README.md", "## A first network").SkipWhile(line => line != "ip netns add first")];
        install.Should().HaveCount(2);
        first.Should().Contain("ip netns exec first ping -c 1 10.244.9.3");

        host.Type(install[..1], packages.Directory);
        StartAsTheUnitSays(host, "/usr/lib/systemd/system/twilld.service"); // the agent is there before any network is
        host.Type(install[1..], packages.Directory);
        host.Run("twill", "status").Stdout.Should().EndWith("all is well\n");
        host.Type(first.Select(line => line.Replace("10.244.9.3", there.Address)), RepoPaths.Root);
    }

    [RequiresRootFact]
    public void The_packages_commands_of_the_guide_make_a_host_part_of_a_network()
    {
        using Cluster cluster = Cluster.Start(1);
        LabHost host = cluster.Lab.AddHost("host").Bare();
        string[] commands = CommandBlocks.Of(Guide, "## Debian");

        host.Type(commands[..1], packages.Directory);
        StartAsTheUnitSays(host, "/usr/lib/systemd/system/twilld.service");
        host.Type(commands[1..], packages.Directory);

        host.AddContainer("first").CanPing(cluster.Hosts[0].AddContainer("second").Address).Should().BeTrue();
    }

    [RequiresRootFact]
    public void The_tarballs_commands_put_everything_where_the_unit_the_runtime_and_the_operator_look_for_it()
    {
        using Cluster cluster = Cluster.Start(1);
        LabHost host = cluster.Lab.AddHost("host").Bare();
        string[] commands = CommandBlocks.Of(Guide, "## Other distributions");
        commands[^1].Should().StartWith("twill up ");

        host.Type(commands[..^1], packages.Directory);
        host.Sh("PATH=/usr/local/bin:/usr/bin:/bin twill --version").Should().StartWith("twill ");
        StartAsTheUnitSays(host, "/etc/systemd/system/twilld.service"); // as `twill up` has systemd do
        host.Type(commands[^1..], packages.Directory);
        LabContainer container = host.AddContainer("c1");
        container.CanPing(cluster.Hosts[0].AddContainer("c2").Address).Should().BeTrue();

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
