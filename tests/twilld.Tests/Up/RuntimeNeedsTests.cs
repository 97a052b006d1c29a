using Twill.Agent.Up;
using Twill.Network.State;
using Twill.Testing;

namespace Twill.Agent.Tests.Up;

/// <summary>What container runtimes are found to need, by their configuration below a directory.</summary>
public sealed class RuntimeNeedsTests : IDisposable
{
    private const string Network = "/etc/cni/net.d/10-twill.conflist";

    /// <summary>Debian's, of containerd 1.6 and 1.7.</summary>
    private const string DebiansContainerd = """
        version = 2

        [plugins]
          [plugins."io.containerd.grpc.v1.cri"]
            [plugins."io.containerd.grpc.v1.cri".cni]
              bin_dir = "/usr/lib/cni"
              conf_dir = "/etc/cni/net.d"
        """;

    private readonly TempDir _root = TempDir.Create();

    public void Dispose() => _root.Dispose();

    [Theory]
    [InlineData("", "")]
    [InlineData("# network_backend = \"cni\"\n", "")]
    [InlineData("[network]\nnetwork_backend = \"netavark\"\n", "")]
    [InlineData("[network]\nnetwork_backend = \"cni\"\n", "[network]\nnetwork_backend=\"netavark\"\n")]
    public void Podman_with_another_backend_gets_a_file_that_says_cni(string packaged, string own)
    {
        Write("/usr/share/containers/containers.conf", packaged);
        Write("/etc/containers/containers.conf", own);

        RuntimeNeeds needs = PodmanNeeds.Find(_root.Path, "podman version 4.3.1");

        MadeFile file = needs.Files.Should().ContainSingle().Subject;
        file.Path.Should().Be("/etc/containers/containers.conf.d/twill.conf");
        file.Kind.Should().Be(MadeKind.File);
        Write(file.Path, file.Content);
        PodmanNeeds.Find(_root.Path, "podman version 4.3.1").Files.Should().BeEmpty("that is what it needed");
    }

    [Fact]
    public void A_later_file_of_podmans_that_says_otherwise_is_named()
    {
        Write("/etc/containers/containers.conf.d/zz-mine.conf", "[network]\nnetwork_backend = \"netavark\"\n");

        RuntimeNeeds needs = PodmanNeeds.Find(_root.Path, "podman version 4.9.0");

        needs.Files.Should().BeEmpty();
        needs.Todo.Should().ContainSingle().Which.Text.Should().Contain("zz-mine.conf says network_backend = \"netavark\"");
    }

    [Fact]
    public void Podman_5_is_told_to_know_no_CNI() =>
        PodmanNeeds
            .Find(_root.Path, "podman version 5.4.2")
            .Todo.Should()
            .ContainSingle()
            .Which.Text.Should()
            .Be("it is podman version 5.4.2, which knows no CNI and does not use this network");

    [Fact]
    public void Containerd_that_looks_elsewhere_for_plugins_gets_links_there()
    {
        Write("/etc/containerd/config.toml", DebiansContainerd);
        Write("/usr/lib/cni/loopback", "");

        RuntimeNeeds needs = ContainerdNeeds.Find(_root.Path, Network);

        needs
            .Files.Should()
            .Equal(
                new MadeFile(MadeKind.Link, "/usr/lib/cni/twill", "/opt/cni/bin/twill"),
                new MadeFile(MadeKind.Link, "/usr/lib/cni/twill-ipam", "/opt/cni/bin/twill-ipam")
            );
        needs.Todo.Should().BeEmpty();
        Write("/usr/lib/cni/twill", "");
        Write("/usr/lib/cni/twill-ipam", "");
        ContainerdNeeds
            .Find(_root.Path, Network)
            .Should()
            .BeEquivalentTo(
                new RuntimeNeeds([], "its CRI plugin looks for plugins in /usr/lib/cni, for networks in /etc/cni/net.d"),
                "the package has the links"
            );
    }

    [Fact]
    public void Containerd_without_a_configuration_looks_where_the_plugins_are_and_needs_loopback_there()
    {
        Write("/opt/cni/bin/twill", "");
        Write("/opt/cni/bin/twill-ipam", "");

        RuntimeNeeds without = ContainerdNeeds.Find(_root.Path, Network);
        without.Files.Should().BeEmpty();
        without
            .Todo.Should()
            .ContainSingle()
            .Which.Text.Should()
            .Be("its CRI plugin needs CNI's plugin loopback, which is not in /opt/cni/bin");

        Write("/usr/lib/cni/loopback", "");
        ContainerdNeeds
            .Find(_root.Path, Network)
            .Files.Should()
            .Equal(new MadeFile(MadeKind.Link, "/opt/cni/bin/loopback", "/usr/lib/cni/loopback"));
    }

    [Theory]
    [InlineData("bin_dirs = [\"/opt/cni/bin\", '/usr/lib/cni/']", "/opt/cni/bin, /usr/lib/cni")]
    [InlineData("  bin_dir='/usr/libexec/cni'", "/usr/libexec/cni")]
    [InlineData("# bin_dir = \"/usr/lib/cni\"", "/opt/cni/bin")]
    public void Its_configuration_is_read_as_versions_write_it(string line, string directories) =>
        ContainerdNeeds.Find(WithConfig(line), Network).Fine.Should().Contain($"plugins in {directories}, ");

    [Fact]
    public void Another_directory_of_networks_gets_a_link_to_this_one() =>
        ContainerdNeeds
            .Find(WithConfig("conf_dir = \"/etc/containerd/nets\""), Network)
            .Files.Should()
            .ContainEquivalentOf(new MadeFile(MadeKind.Link, "/etc/containerd/nets/10-twill.conflist", Network));

    [Theory]
    [InlineData("/run/NetworkManager/devices/2", "[device]\nmanaged=true\n", "NetworkManager")]
    [InlineData("/run/NetworkManager/devices/2", "[device]\nmanaged=false\n", null)]
    [InlineData("/run/systemd/netif/links/2", "ADMIN_STATE=configured\n", "systemd-networkd")]
    [InlineData("/run/systemd/netif/links/2", "ADMIN_STATE=unmanaged\n", null)]
    [InlineData("/run/network/ifstate", "lo=lo\neth0=eth0\n", "ifupdown")]
    [InlineData("/run/network/ifstate", "lo=lo\n", null)]
    public void Who_configures_an_interface_is_known_by_the_marks_that_it_leaves(string file, string content, string? manager)
    {
        Write(file, content);

        InterfaceManager.Of(_root.Path, "eth0", 2).Should().Be(manager);
    }

    private string WithConfig(string line)
    {
        Write("/etc/containerd/config.toml", $"{line}\n");
        return _root.Path;
    }

    private void Write(string path, string content)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(_root.Path + path)!);
        File.WriteAllText(_root.Path + path, content);
    }
}
