using System.Text.Json.Nodes;
using Twill.EndToEnd.Tests.Cli;
using Twill.Testing;

namespace Twill.EndToEnd.Tests;

/// <summary>`twilld --release`: a host leaves, and what it held is free.</summary>
public sealed class ReleaseTests : IDisposable
{
    private const string Nodes = "/twill/twill/twill/nodes/",
        Only = "10.244.7.0";

    private readonly Cluster _cluster = Cluster.Start(1, OneSubnet);

    private LabHost Host => _cluster.Hosts[0];

    [RequiresRootFact]
    public void Another_host_has_the_subnet_at_once_and_etcd_remembers_nothing()
    {
        LabHost other = _cluster.NewHost("other", OneSubnet);
        CniAnswer full = AddTo(other, "early");
        full.ErrorCode.Should().Be(11);
        full.ErrorText.Should().Contain("all 1 subnets").And.Contain("twilld --release");
        LabContainer container = Host.AddContainer("c1");
        Host.Cnitool("del", "twill", container).OrThrow();
        Host.Agent!.Kill();

        CmdResult released = Release(Host);

        released.ExitCode.Should().Be(0, released.ToString());
        released.Stderr.Should().Contain($"given back: {Only}/24");
        _cluster.Etcd.List(Cluster.Subnets).Should().BeEmpty();
        _cluster.Etcd.List(Nodes).Should().BeEmpty();
        LabContainer.AddressOf(AddTo(other, "late").OrThrow().Stdout).Should().StartWith("10.244.7.");
        Release(Host).ExitCode.Should().Be(0, "there is nothing left to give back");
        _cluster.LeaseOf(other).Should().Be($"{Only}/24", "what is another host's is not touched");
        AddTo(Host, "again").ErrorCode.Should().Be(11, "it is the other's now");
    }

    [RequiresRootFact]
    public void A_running_agent_or_container_is_in_the_way_and_nothing_changes()
    {
        LabContainer container = Host.AddContainer("c1");
        string before = State();
        CmdResult refused = Release(Host, "--force");
        refused.ExitCode.Should().Be(1);
        refused.Stderr.Should().Contain($"twilld, pid {Host.Agent!.Pid}").And.Contain("stop it first");
        State().Should().Be(before);

        Host.Agent.Kill();
        refused = Release(Host);
        refused.ExitCode.Should().Be(1);
        refused.Stderr.Should().Contain(container.Address).And.Contain("--force");
        State().Should().Be(before);
        _cluster.Etcd.Stop();
        AddTo(Host, "c2").OrThrow();
        _cluster.Etcd.Start();

        Release(Host, "--force").OrThrow();
        _cluster.Etcd.List(Cluster.Subnets).Should().BeEmpty();
        container.CanPing(Host.Address).Should().BeTrue("nothing in the kernel is touched");
    }

    [RequiresRootFact]
    public void Without_etcd_nothing_is_lost()
    {
        Host.Agent!.Kill();
        string before = State();
        _cluster.Etcd.Stop();

        CmdResult failed = Release(Host);

        failed.ExitCode.Should().Be(1);
        failed.Stderr.Should().Contain(_cluster.Etcd.Endpoint).And.Contain("run this again");
        AddTo(Host, "c1").OrThrow();
        _cluster.Etcd.Start();
        State().Should().Be(before);
    }

    [RequiresRootFact]
    public void After_cleanup_and_with_records_of_an_earlier_boot_it_works_as_well()
    {
        LabContainer container = Host.AddContainer("c1");
        Host.Agent!.Kill();
        Host.Twill("cleanup --yes --force").OrThrow();
        Host.Run("ls", "/run/twill/twill/subnet.json").ExitCode.Should().NotBe(0);
        Host.Sh($"sed -i 's/^boot: .*/boot: 00000000-0000-4000-8000-000000000000/' /var/lib/cni/twill/twill/{container.Address}");

        Release(Host).OrThrow();

        _cluster.Etcd.List(Cluster.Subnets).Should().BeEmpty();
        _cluster.Etcd.List(Nodes).Should().BeEmpty();
    }

    public void Dispose() => _cluster.Dispose();

    private static void OneSubnet(JsonObject conf) => (conf.Ipam()["subnetMin"], conf.Ipam()["subnetMax"]) = (Only, Only);

    private static CmdResult Release(LabHost host, params string[] more) => host.Run(["/opt/cni/bin/twilld", "--release", .. more]);

    private CniAnswer AddTo(LabHost host, string name) => host.Plugin("twill", host.NewContainer(name)).Add(Configuration());

    private string Configuration()
    {
        JsonObject conf = SampleConf.Cluster(_cluster.Etcd.Endpoint);
        OneSubnet(conf);
        return conf.ForPlugin().ToJsonString();
    }

    /// <summary>The lease's key and its owner's memory in etcd, and what the host knows of it.</summary>
    private string State()
    {
        JsonNode file = JsonNode.Parse(Host.Sh("cat /run/twill/twill/subnet.json"))!;
        string subnets = string.Join('\n', _cluster.Etcd.List(Cluster.Subnets)),
            nodes = string.Join('\n', _cluster.Etcd.List(Nodes));
        return $"{subnets}\n{nodes}\n{file["subnets"]!.ToJsonString()} {file["leaseId"]}";
    }
}
