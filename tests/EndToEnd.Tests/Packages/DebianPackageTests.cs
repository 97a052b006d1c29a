using Twill.Testing;

namespace Twill.EndToEnd.Tests.Packages;

/// <summary>The Debian package on a host: installed, run, upgraded under traffic, killed in between, removed, purged.</summary>
public sealed class DebianPackageTests(BuiltPackages packages) : IClassFixture<BuiltPackages>
{
    private const string Newer = "9.9.9";

    [RequiresRootFact]
    public void Everything_is_where_runtimes_systemd_and_people_look_for_it()
    {
        using Lab lab = Lab.Create();
        LabHost host = lab.AddHost("host").Bare();

        host.Dpkg("--install", packages.Deb).OrThrow();

        foreach (string program in new[] { "bin/twill", "bin/twill-ipam", "lib/twill", "lib/twill-ipam" })
        {
            string path = program.Replace("bin/", "/opt/cni/bin/").Replace("lib/", "/usr/lib/cni/");
            new CniProcess(path) { Prefix = host.Enter }.Run("VERSION", """{"cniVersion":"1.1.0"}""").OrThrow();
        }

        foreach (string program in new[] { "twill", "twilld" })
        {
            host.Sh($"env -i PATH=/usr/bin:/bin {program} --version").Should().StartWith($"{program} {BuiltPackages.Version}");
        }

        string agent = host.Sh("sed -n s/ExecStart=//p /usr/lib/systemd/system/twilld.service").Trim();
        host.Sh($"{agent} --version").Should().Be($"twilld {BuiltPackages.Version}\n");
        host.Run("systemd-analyze", "verify", "/usr/lib/systemd/system/twilld.service").Stderr.Should().NotContain("twilld.service:");
        host.Sh("readlink /etc/systemd/system/multi-user.target.wants/twilld.service")
            .Should()
            .EndWith("twilld.service\n", "the agent starts with the host");
        host.Run("ls", "/etc/cni/net.d").ExitCode.Should().NotBe(0, "which network a host has is its owner's to say");
        host.Sh("ls /usr/share/doc/twill/examples/ && cat /usr/share/doc/twill/examples/10-twill.conflist").Should().Contain("twill-ipam");
        host.Sh("dpkg --verify twill").Should().BeEmpty();
    }

    [RequiresRootFact]
    public void From_install_to_purge_no_packet_of_a_container_is_lost_and_nothing_is_left()
    {
        using Cluster cluster = Cluster.Start(1);
        LabHost other = cluster.Hosts[0],
            host = cluster.Lab.AddHost("host").Bare();
        LabContainer there = other.AddContainer("there");
        IReadOnlyList<string> before = host.Files();

        host.Dpkg("--install", packages.Deb).OrThrow();
        host.Configure(SampleConf.Cluster(cluster.Etcd.Endpoint));
        host.StartAgent();
        cluster.WaitUntilJoined();
        LabContainer here = host.AddContainer("here");
        using (Traffic traffic = Traffic.Start(here, there.Address))
        {
            string lease = cluster.LeaseOf(host)!;
            host.Dpkg("--install", NewerVersion(packages.Deb, host)).OrThrow();
            traffic.WaitForMore(25);
            host.Agent!.Stop().Should().Be(0); // what systemd does when postinst has it restarted
            host.StartAgent();
            cluster.WaitUntilJoined();
            host.Sh("dpkg-query -W -f '${Version}' twill").Should().Be(Newer);
            cluster.LeaseOf(host).Should().Be(lease);
            LabContainer second = host.AddContainer("second");
            host.Cnitool("del", "twill", second).OrThrow();

            host.Agent!.Stop().Should().Be(0); // prerm
            host.Dpkg("--remove", "twill").OrThrow();
            traffic.WaitForMore(25);
            host.Run("ls", "/opt/cni", "/usr/lib/cni/twill", "/usr/bin/twill").Stdout.Should().BeEmpty();
            traffic.Lost().Should().BeEmpty();
            Figures.Report("package upgraded and removed under a container", $"{traffic.Lost().Count} pings lost");

            CmdResult refused = host.Dpkg("--purge", "twill").OrThrow();
            refused.Stderr.Should().Contain("stop the 1 container attached here");
            traffic.WaitForMore(25);
            traffic.Lost().Should().BeEmpty("a purge cuts no running container off");
        }

        // Installed once more, the container goes as its runtime takes it down, and then the package.
        host.Dpkg("--install", packages.Deb).OrThrow();
        host.Cnitool("del", "twill", here).OrThrow();
        host.Sh("rm /etc/cni/net.d/10-twill.conflist");
        host.Dpkg("--purge", "twill").OrThrow();

        host.Sh("rm -r /var/lib/cni/results && rmdir /var/lib/cni /etc/cni/net.d /etc/cni"); // cnitool's, and made by this test
        host.Files().Should().BeEquivalentTo(before);
        host.HasLink("twill0").Should().BeFalse();
        host.HasLink("twill.1").Should().BeFalse();
        host.Nft("list tables").Should().NotContain("twill");
        host.Ip("route show proto 116").Should().BeEmpty();
    }

    [RequiresRootFact]
    public void An_upgrade_that_is_killed_leaves_a_host_that_works_and_is_finished_later()
    {
        using Lab lab = Lab.Create();
        LabHost host = lab.AddHost("host").Bare();
        host.Dpkg("--install", packages.Deb).OrThrow();
        host.Configure(SampleConf.Single());
        LabContainer first = host.AddContainer("first");
        string newer = NewerVersion(packages.Deb, host);
        for (int i = 1; i <= 8; i++)
        {
            // At the i-th file that dpkg puts in the place of another: each is a rename.
            host.Run(["strace", "-f", "-e", "trace=rename", "-e", $"inject=rename:signal=KILL:when={i * 6}", "dpkg", "--install", newer])
                .ExitCode.Should()
                .NotBe(0, "it was killed");

            LabContainer container = host.AddContainer($"c{i}");
            container.CanPing("10.244.0.1").Should().BeTrue();
            first.CanPing("10.244.0.1").Should().BeTrue();
            host.Cnitool("del", "twill", container).OrThrow();
        }

        host.Dpkg("--install", newer).OrThrow();
        host.Sh("dpkg-query -W -f '${Status} ${Version}' twill").Should().Be($"install ok installed {Newer}");
        host.Sh("dpkg --verify twill; find / -xdev -path /tmp -prune -o -name '*.dpkg-new' -path '*cni*' -print").Should().BeEmpty();
        host.Cnitool("del", "twill", first).OrThrow();
    }

    [RequiresRootFact]
    public void A_purge_on_another_root_leaves_this_hosts_network_alone()
    {
        using Lab lab = Lab.Create();
        LabHost host = lab.AddHost("host").Bare();
        host.Dpkg("--install", packages.Deb).OrThrow();
        host.Configure(SampleConf.Single());
        LabContainer container = host.AddContainer("c1");
        host.Cnitool("del", "twill", container).OrThrow();
        host.HasLink("twill0").Should().BeTrue();
        host.Sh("mv /run/twill /run/of-the-host"); // a root directory that is prepared for another system has no state of a running one

        host.Dpkg("--purge", "twill").OrThrow();

        host.HasLink("twill0").Should().BeTrue();
    }

    /// <summary>The same package under a higher number, uncompressed.</summary>
    private static string NewerVersion(string deb, LabHost host)
    {
        host.Sh(
            $"""
            set -e
            rm -rf /run/newer && dpkg-deb --raw-extract {deb} /run/newer
            sed -i 's/^Version: .*/Version: {Newer}/' /run/newer/DEBIAN/control
            dpkg-deb --root-owner-group -Znone --build /run/newer /run/newer.deb
            """
        );
        return "/run/newer.deb";
    }
}
