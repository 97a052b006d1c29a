using System.Text.Json.Nodes;
using Twill.EndToEnd.Tests.Ports;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Runtimes;

/// <summary>Two hosts of a network, one of them with Docker, whose network `mynet` it is.</summary>
public sealed class DockerCluster : IDisposable
{
    public DockerCluster()
    {
        if (!Environment.IsPrivilegedProcess)
        {
            return;
        }

        Cluster = Cluster.Start(1);
        try
        {
            Host = Cluster.NewHost("docker");
            Near = Host.NewContainer("near"); // seen from where Docker is, too
            Place = RuntimeNamespaces.On(Host);
            Docker = new DockerEngine(Place);
            Cluster.WaitUntilJoined();
            Docker.Do(
                "network",
                "create",
                "--driver=twill",
                "--ipam-driver=twill",
                "--ipam-opt=network=twill",
                "--opt=network=twill",
                "--subnet=10.244.0.0/16", // Docker takes --ip only where it was told the addresses
                "mynet"
            );
            Near.Result = Host.Cnitool("add", "twill", Near).OrThrow().Stdout;
            There = Cluster.Hosts[0].AddContainer("there");
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    internal Cluster Cluster { get; } = null!;

    internal LabHost Host { get; } = null!;

    internal RuntimeNamespaces Place { get; } = null!;

    internal DockerEngine Docker { get; } = null!;

    /// <summary>A container of cnitool's on the same host.</summary>
    internal LabContainer Near { get; } = null!;

    /// <summary>A container of cnitool's on the other host.</summary>
    internal LabContainer There { get; } = null!;

    public void Dispose()
    {
        Docker?.Dispose();
        Place?.Dispose();
        Cluster?.Dispose();
    }
}

/// <summary>`docker run --network`, with the real Docker: its containers are in the network as those of CNI runtimes are.</summary>
public sealed class DockerNetworkTests(DockerCluster cluster) : IClassFixture<DockerCluster>
{
    private DockerEngine Docker => cluster.Docker;

    private LabHost Host => cluster.Host;

    [RequiresRootFact]
    public void Containers_of_Docker_and_of_CNI_reach_each_other_and_are_seen_alike()
    {
        string wanted = cluster.Cluster.LeaseOf(Host)!.Replace(".0/24", ".200", StringComparison.Ordinal);
        RuntimeContainer a = Docker.Run("one", "--network=mynet");
        RuntimeContainer b = Docker.Run("two", "--network=mynet", $"--ip={wanted}", "--publish=8080:80");
        string address = Docker.Address("one");
        Docker.Address("two").Should().Be(wanted);
        string mac = Docker.Inspect("two", "{{.NetworkSettings.Networks.mynet.MacAddress}}");
        b.Ip("address show dev eth0").Should().Contain($"link/ether {mac} ").And.Contain($"inet {wanted}/24").And.Contain("mtu 1450");

        foreach (string other in new[] { wanted, cluster.Near.Address, cluster.There.Address, Lab.OutsideAddress })
        {
            a.CanPing(other).Should().BeTrue($"a reaches {other}");
        }

        cluster.Near.CanPing(address).Should().BeTrue();
        cluster.There.CanPing(wanted).Should().BeTrue();
        using (Server.On(b, "tcp", 80, "b"))
        {
            Server.Ask(cluster.Cluster.Lab.Outside, "tcp", Host.Address, 8080).Should().StartWith("b ");
        }

        // Nobody else's address, though Docker's containers may set any.
        a.Ip("address add 10.244.99.99/32 dev eth0");
        a.Run("ping", "-n", "-q", "-c", "1", "-W", "1", "-I", "10.244.99.99", wanted).ExitCode.Should().NotBe(0);
        a.Ip("address del 10.244.99.99/32 dev eth0");

        string netns = Docker.Inspect("one", "{{.NetworkSettings.SandboxKey}}");
        Eventually.Pass(() => Record(address).Should().Contain("container: docker-").And.Contain($"netns: {netns}\n"));
        Eventually.Pass(() => Record(wanted).Should().NotContain("inode: -"));
        CmdResult taken = Docker.Try("run", "--network=mynet", $"--ip={wanted}", BusyboxImage.Name);
        taken.Stderr.Should().Contain("it is taken by container docker-");
        GarbageCollection();
        a.CanPing(cluster.There.Address).Should().BeTrue("another runtime's list does not name Docker's containers");
        DoctorFindsNothing();

        Docker.Do("rm", "--force", "one", "two");

        Host.Run("test", "-e", RecordPath(address)).ExitCode.Should().NotBe(0);
        LeavesNothing();
        Server.Ask(cluster.Cluster.Lab.Outside, "tcp", Host.Address, 8080).Should().BeEmpty();
    }

    [RequiresRootFact]
    public void A_running_container_is_connected_and_disconnected_and_connected_again()
    {
        Docker.Do("network", "create", "local");
        RuntimeContainer c = Docker.Run("three", "--network=local");
        for (int i = 0; i < 2; i++)
        {
            Docker.Do("network", "connect", "mynet", "three");
            c.CanPing(cluster.There.Address).Should().BeTrue();
            cluster.There.CanPing(Docker.Address("three")).Should().BeTrue();
            Eventually.Pass(() => Record(Docker.Address("three")).Should().Contain("netns: /"));
            DoctorFindsNothing(); // though the interface is eth1 there

            Docker.Do("network", "disconnect", "mynet", "three");
            c.HasLink("eth1").Should().BeFalse();
            LeavesNothing();
        }

        Docker.Do("rm", "--force", "three");
        Docker.Do("network", "rm", "local");
    }

    [RequiresRootFact]
    public void What_dies_while_the_agent_or_Docker_is_down_leaks_nothing_and_what_lives_goes_on()
    {
        RuntimeContainer lives = Docker.Run("lives", "--network=mynet");
        Docker.Run("dies", "--network=mynet", "--publish=8081:80");
        (string living, string dead) = (Docker.Address("lives"), Docker.Address("dies"));
        Eventually.Pass(() => Record(dead).Should().NotContain("inode: -"));

        Docker.KillAgent();
        Docker.Vanish("dies"); // and with it dockerd
        Docker.StartAgent();

        bool IsFree() => Host.Run("test", "-e", RecordPath(dead)).ExitCode != 0;
        Eventually.True("its address is free", IsFree, onFailure: () => Docker.AgentLog);
        lives.CanPing(cluster.There.Address).Should().BeTrue("neither of both is needed for that");
        Record(living).Should().Contain("container: docker-");

        Docker.StartDocker();

        Docker.Do("rm", "--force", "dies");
        Docker.Run("next", "--network=mynet", "--publish=8081:80");
        Docker.Do("start", "lives");
        Docker.Inside("lives").CanPing(cluster.There.Address).Should().BeTrue();
        Docker.Do("rm", "--force", "lives", "next");
        LeavesNothing();
        DoctorFindsNothing();
    }

    [RequiresRootFact]
    public void A_container_outside_of_the_network_is_attached_by_name_and_taken_out_when_it_dies()
    {
        Docker.Do("network", "create", "side");
        RuntimeContainer c = Docker.Run("four", "--network=side");
        Docker.Run("stopped", "--network=none");
        Docker.Do("stop", "--time", "0", "stopped");
        Docker.Run("hosts", "--network=host");

        JsonNode made = JsonNode.Parse(Twill("attach", "twill", "four", "--json").OrThrow().Stdout)!;
        ((string?)made["interface"]).Should().Be("eth1");
        string id = (string)made["container"]!,
            address = ((string)made["addresses"]![0]!).Split('/')[0];
        id.Should().Be(Docker.Inspect("four", "{{.Id}}"));
        c.Ip("-4 address show dev eth1").Should().Contain($"inet {address}/24 ");
        cluster.There.CanPing(address).Should().BeTrue();
        cluster.Near.CanPing(address).Should().BeTrue();
        Record(address).Should().Contain($"container: {id}\n").And.Contain("interface: eth1\n");
        GarbageCollection();
        DoctorFindsNothing();
        CmdResult again = Twill("attach", "twill", id[..12]);
        again.ExitCode.Should().Be(1);
        again.Stderr.Should().Contain($"docker four is in network twill already: eth1, {address}/24; CHECK of its plugins finds all");
        Twill("attach", "twill", "stopped").Stderr.Should().Contain("container stopped of docker does not run");
        Twill("attach", "twill", "hosts").Stderr.Should().Contain("docker hosts has no network of its own");
        Twill("attach", "twill", "docker:four2").Stderr.Should().Contain("no container 'four2' on this host; asked were docker (3 ");

        Twill("detach", "twill", id[..12]).OrThrow().Stdout.Should().Be("docker four is out of network twill\n");
        c.HasLink("eth1").Should().BeFalse();
        LeavesNothing();

        Twill("attach", "twill", "four").OrThrow();
        Docker.Do("rm", "--force", "four", "stopped", "hosts");
        Eventually.Pass(() => Host.Sh("ls /run/twill/twill/attached").Should().BeEmpty(Docker.AgentLog));
        LeavesNothing();
        Docker.Do("network", "rm", "side");
    }

    [RequiresRootFact]
    public void What_cannot_be_is_told_by_docker_in_twills_words()
    {
        Docker
            .Try("network", "create", "--driver=twill", "--ipam-driver=twill", "--ipam-opt=network=none", "other")
            .Stderr.Should()
            .Contain("twill: there is no network 'none' on this host; network: expected one of twill");
        Docker
            .Try("network", "create", "--driver=twill", "--opt=network=twill", "other")
            .Stderr.Should()
            .Contain("expected 10.244.0.0/16").And.Contain("create it with --ipam-driver twill");
    }

    /// <summary>A GC of another runtime, which knows the container of cnitool only. That names it itself.</summary>
    private void GarbageCollection()
    {
        string near = Record(cluster.Near.Address).Split('\n')[0]["container: ".Length..];
        JsonObject conf = SampleConf.Cluster(cluster.Cluster.Etcd.Endpoint).ForPlugin();
        conf["cniVersion"] = "1.1.0";
        conf["cni.dev/valid-attachments"] = new JsonArray(new JsonObject { ["containerID"] = near, ["ifname"] = "eth0" });
        Host.Plugin("twill").Run("GC", conf.ToJsonString()).OrThrow();
    }

    private CmdResult Twill(params string[] args) => cluster.Place.Run(["/opt/cni/bin/twill", .. args]);

    /// <summary>Where Docker's namespaces are to be seen.</summary>
    private void DoctorFindsNothing()
    {
        JsonNode report = JsonNode.Parse(Twill("doctor", "--json").Stdout)!;
        report["checks"]!.AsArray().Where(check => (string?)check!["outcome"] != "ok").Should().BeEmpty(report.ToJsonString());
    }

    private string Record(string address) => Host.Sh($"cat {RecordPath(address)}");

    private static string RecordPath(string address) => $"/var/lib/cni/twill/twill/{address}";

    /// <summary>Only the container of cnitool is left.</summary>
    private void LeavesNothing()
    {
        Host.Sh("cd /run/twill/twill; ls docker ports 2>/dev/null || true").Should().NotContain("docker-").And.NotContain("tw");
        Host.Sh("ls /run/twill/twill/attachments").Trim().Split('\n').Should().ContainSingle();
        Host.Sh("ls /var/lib/cni/twill/twill | grep -c ^10").Trim().Should().Be("1");
        Host.Sh("ip -o link show type veth").Split('\n').Count(line => line.Contains(": t")).Should().Be(1);
    }
}
