using System.Text.Json.Nodes;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Packages;

/// <summary>Packages on the systems that conf/INSTALL.md names, each with its own C library, OpenSSL, dpkg and shell.</summary>
[Trait("Programs", "further")]
public sealed class OtherSystemsTests(OtherSystemsTests.Packages packages) : IClassFixture<OtherSystemsTests.Packages>
{
    private const string Plugin = "/opt/cni/bin/twill";

    [RequiresRootTheory]
    [InlineData("debian-11", "11")]
    [InlineData("debian-12", "12")]
    [InlineData("debian-13", "13")]
    public void The_package_makes_a_host_of_every_Debian_part_of_a_network_over_TLS(string system, string version)
    {
        using Cluster cluster = Cluster.Start(0, etcd: new() { Tls = true, ClientCertificates = true });
        void Secure(JsonObject conf)
        {
            TestCertificates files = cluster.Etcd.Certificates!;
            conf.Ipam()["etcd"]!["caFile"] = files.CaFile;
            conf.Ipam()["etcd"]!["certFile"] = files.ClientCertFile;
            conf.Ipam()["etcd"]!["keyFile"] = files.ClientKeyFile;
            Cmd.Run("chmod", ["o-rwx", files.ClientKeyFile]).OrThrow(); // or the agent warns
        }

        LabHost other = cluster.Join("other", Secure),
            host = cluster.Lab.AddHost("host").Running(system);
        host.Sh("cat /etc/debian_version").Should().StartWith(version);
        host.Sh("ls /opt").Should().BeEmpty();

        host.Sh($"dpkg --install {packages.Deb} >&2");
        JsonObject conf = SampleConf.Cluster(cluster.Etcd.Endpoint);
        Secure(conf);
        host.Configure(conf);
        host.StartAgent();
        cluster.WaitUntilJoined();
        LabContainer here = host.AddContainer("here"),
            there = other.AddContainer("there");

        here.CanPing(there.Address).Should().BeTrue();
        there.CanPing(here.Address).Should().BeTrue();
        host.Cnitool("check", "twill", here).OrThrow();
        WaitUntilAllIsWell(host);
        host.Run("twill", "doctor").OrThrow();
        host.Cnitool("del", "twill", here).OrThrow();
        host.Agent!.Stop().Should().Be(0);
        host.Sh("rm /etc/cni/net.d/10-twill.conflist && dpkg --purge twill >&2");
        host.HasLink("twill0").Should().BeFalse();
        host.Run("ls", "/opt/cni", "/usr/bin/twill", "/usr/lib/cni").Stdout.Should().BeEmpty();
    }

    [RequiresRootFact]
    public void On_busybox_alone_twill_connects_containers_with_another_plugin_for_addresses()
    {
        using Lab lab = Lab.Create();
        LabHost host = lab.AddHost("host").Running("busybox");
        host.Sh("ls /lib").Should().BeEmpty("there is no C library");
        host.Sh($"mkdir -p /opt/cni/bin && tar -C /opt/cni/bin -xzf {packages.Tarball} ./twill");
        // A plugin for addresses that this system can run: it has one.
        host.Write(
            "/opt/cni/bin/one",
            """
            #!/bin/sh
            [ "$CNI_COMMAND" = ADD ] || exit 0
            echo '{"cniVersion":"1.0.0","ips":[{"address":"10.244.0.7/24","gateway":"10.244.0.1"}],"routes":[{"dst":"0.0.0.0/0"}]}'
            """
        );
        host.Sh("chmod +x /opt/cni/bin/one");
        string config = """{"cniVersion":"1.0.0","name":"twill","type":"twill","ipMasq":true,"ipam":{"type":"one"}}""";
        LabContainer container = NewContainer(host);
        CniProcess plugin = host.Plugin("twill", container) with { PluginPath = "/opt/cni/bin" };

        plugin.Run("VERSION", """{"cniVersion":"1.1.0"}""").OrThrow();
        plugin.Add(config).OrThrow();
        container.CanPing("10.244.0.1").Should().BeTrue();
        container.CanPing(Lab.OutsideAddress).Should().BeTrue();
        host.Run(Plugin, "status").Stdout.Should().Contain("/etc/cni/net.d", "it says where it looked for networks");
        plugin.Del(config).OrThrow();

        container.HasLink("eth0").Should().BeFalse();
    }

    [RequiresRootFact]
    public void Busybox_with_the_files_of_a_C_library_is_a_host_after_the_guides_commands()
    {
        using Cluster cluster = Cluster.Start(1);
        LabHost host = cluster.Lab.AddHost("host").Running("busybox-glibc");
        host.Sh("ls /lib").Split('\n', StringSplitOptions.RemoveEmptyEntries).Should().Equal(LibrariesOfTheGuide());
        string[] unpack = [.. CommandBlocks.Of("conf/INSTALL.md", "## Other distributions").TakeWhile(line => !line.StartsWith("ln "))];
        unpack.Should().HaveCount(3);

        host.Type(unpack, Path.GetDirectoryName(packages.Tarball)!);
        host.Configure(SampleConf.Cluster(cluster.Etcd.Endpoint));
        host.StartAgent();
        WaitUntilAllIsWell(host);
        LabContainer here = NewContainer(host);
        here.Result = host.Cnitool("add", "twill", here).OrThrow().Stdout;

        here.CanPing(cluster.Hosts[0].AddContainer("there").Address).Should().BeTrue();
        host.Cnitool("del", "twill", here).OrThrow();
        here.HasLink("eth0").Should().BeFalse();
    }

    private static void WaitUntilAllIsWell(LabHost host) =>
        Eventually.True(
            "all is well, which includes that the other host answers",
            () => host.Run(Plugin, "status").Stdout.EndsWith("all is well\n"),
            TimeSpan.FromSeconds(30),
            () => host.Run(Plugin, "status").Stdout + host.Agent!.Log
        );

    /// <summary>`ip netns add`, which busybox has not.</summary>
    private static LabContainer NewContainer(LabHost host)
    {
        host.Sh("mkdir -p /run/netns && : >/run/netns/c1 && unshare --net=/run/netns/c1 true");
        return host.Container("c1");
    }

    private static string[] LibrariesOfTheGuide()
    {
        string line = File.ReadLines(Path.Combine(RepoPaths.Conf, "INSTALL.md")).Single(line => line.StartsWith("`ld-linux-x86-64.so.2`"));
        return [.. line.Split('`').Where(word => word.Contains(".so.") && !word.Contains("aarch64")).Order(StringComparer.Ordinal)];
    }

    /// <summary>What build/package.sh makes for hosts: of its own, for the other tests of packages may run beside these.</summary>
    public sealed class Packages : IDisposable
    {
        private readonly Lazy<TempDir> _directory = new(() =>
        {
            TempDir directory = TempDir.Create();
            BuiltPackages.Build(directory.Path, "--arch amd64 --only deb,tgz");
            return directory;
        });

        internal string Deb => Directory.GetFiles(_directory.Value.Path, "*.deb").Single();

        internal string Tarball => Directory.GetFiles(_directory.Value.Path, "*.tgz").Single();

        public void Dispose()
        {
            if (_directory.IsValueCreated)
            {
                _directory.Value.Dispose();
            }
        }
    }
}
