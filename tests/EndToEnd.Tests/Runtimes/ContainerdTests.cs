using System.Text.Json;
using System.Text.Json.Nodes;
using Twill.EndToEnd.Tests.Ports;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Runtimes;

/// <summary>Pod sandboxes of containerd's CRI plugin, asked for as a kubelet does.</summary>
public sealed class ContainerdTests(ContainerdHost node) : IClassFixture<ContainerdHost>
{
    private LabHost Host => node.Host;

    private CriClient Cri => node.Cri;

    [RequiresRootFact]
    public void Pods_reach_each_other_and_the_outside_and_leave_nothing()
    {
        IReadOnlyList<string> before = Leftovers.Of(Host);
        PodStatus a = Run(new("a")),
            b = Run(new("b"));

        a.Address.Should().StartWith("10.244.0.").And.NotBe(b.Address);
        Inside(a).Ip("-4 address show dev eth0").Should().Contain(a.Address);
        Inside(a).CanPing(b.Address).Should().BeTrue();
        Inside(b).CanPing(a.Address).Should().BeTrue();
        Inside(a).CanPing(Lab.OutsideAddress).Should().BeTrue();
        Leftovers.Records(Host).Should().Contain([a.Address, b.Address]);

        End(a);
        End(b);
        Leftovers.Of(Host).Should().BeEquivalentTo(before);
    }

    [RequiresRootFact]
    public void Many_pods_at_once_get_addresses_of_their_own_and_leave_nothing()
    {
        IReadOnlyList<string> before = Leftovers.Of(Host);
        PodStatus[] pods = new PodStatus[12];
        Parallel.For(0, pods.Length, i => pods[i] = Run(new($"many{i}")));
        pods.Select(p => p.Address).Should().OnlyHaveUniqueItems();
        Inside(pods[0]).CanPing(pods[^1].Address).Should().BeTrue();
        Parallel.ForEach(pods, End);
        Leftovers.Of(Host).Should().BeEquivalentTo(before);
    }

    [RequiresRootFact]
    public void Host_ports_lead_to_the_pod_until_it_is_stopped()
    {
        PodSpec spec = new("ports")
        {
            Ports = [new(18080, 80), new(18053, 53, "udp"), new(18081, 80, HostIp: Host.Address), new(18082, 80, HostIp: "127.0.0.1")],
        };
        PodStatus pod = Run(spec);
        using (Server.On(Inside(pod), "tcp", 80, "web"))
        using (Server.On(Inside(pod), "udp", 53, "dns"))
        {
            Ask("tcp", 18080).Should().StartWith("web ");
            Ask("udp", 18053).Should().StartWith("dns ");
            Ask("tcp", 18081).Should().StartWith("web ");
            Ask("tcp", 18082).Should().BeEmpty("that one is published on the host itself alone");
            Server.Ask(Host, "tcp", "127.0.0.1", 18082).Should().StartWith("web ");
        }

        End(pod);
        Host.Published().Should().BeEmpty();

        string Ask(string protocol, int port) => Server.Ask(node.Outside, protocol, Host.Address, port);
    }

    [RequiresRootFact]
    public void Bandwidth_annotations_become_limits_that_go_with_the_pod()
    {
        IReadOnlyList<string> before = Leftovers.Of(Host);
        PodStatus pod = Run(new("slow") { Annotations = Limits("20M", "10M") });
        JsonElement[] shapers = [.. Shapers()];

        shapers.Select(s => s.GetProperty("options").GetProperty("rate").GetInt64() * 8).Should().BeEquivalentTo([20_000_000, 10_000_000]);
        Inside(pod).CanPing(Lab.OutsideAddress).Should().BeTrue();

        End(pod);
        Leftovers.Of(Host).Should().BeEquivalentTo(before);
    }

    [RequiresRootFact]
    public void A_pod_joins_a_second_network_by_its_name_or_id()
    {
        JsonObject second = SampleConf.Single();
        second["name"] = "second";
        second.Plugin()["bridge"] = "twill1";
        second.Ipam()["subnet"] = "10.245.0.0/24";
        Host.Write("/run/second/second.conflist", second.ToJsonString());
        IReadOnlyList<string> before = Leftovers.Of(Host);
        PodStatus pod = Run(new("joins")),
            named = Run(new("named") { Labels = new Dictionary<string, string> { ["io.kubernetes.pod.name"] = "my-pod" } });
        CmdResult Twill(params string[] args) => node.Place.Run(["/opt/cni/bin/twill", .. args, "--conf-dir", "/run/second"]);

        string told = Twill("attach", "second", pod.Id[..10], "--ip", "10.245.0.9").OrThrow().Stdout;
        told.Should().Contain("is in network second: eth1, 10.245.0.9/24");
        Twill("attach", "second", "containerd:my-pod").OrThrow().Stdout.Should().Contain("containerd my-pod is in network second: eth1");
        Inside(named).CanPing("10.245.0.9").Should().BeTrue();
        Twill("detach", "second", pod.Id).OrThrow();
        Twill("detach", "second", "my-pod").OrThrow();
        Inside(pod).HasLink("eth1").Should().BeFalse();
        Inside(pod).CanPing(Lab.OutsideAddress).Should().BeTrue();

        End(pod);
        End(named);
        Leftovers.Of(Host).Should().BeEquivalentTo(before);
    }

    [RequiresRootFact]
    public void Stopping_and_removing_twice_is_fine()
    {
        IReadOnlyList<string> before = Leftovers.Of(Host);
        PodStatus pod = Run(new("twice") { Ports = [new(18090, 80)], Annotations = Limits("20M", "10M") });
        for (int i = 0; i < 2; i++)
        {
            Cri.StopPodSandbox(pod.Id);
            Leftovers.Of(Host).Should().BeEquivalentTo(before);
            Host.Published().Should().BeEmpty();
        }

        for (int i = 0; i < 2; i++)
        {
            Cri.RemovePodSandbox(pod.Id);
        }
    }

    [RequiresRootFact]
    public void A_running_pod_that_is_removed_without_a_stop_leaves_nothing()
    {
        IReadOnlyList<string> before = Leftovers.Of(Host);
        PodStatus pod = Run(new("removed"));
        Cri.RemovePodSandbox(pod.Id);
        Leftovers.Of(Host).Should().BeEquivalentTo(before);
    }

    [RequiresRootFact]
    public void A_pod_whose_namespace_vanished_is_stopped_and_leaves_nothing()
    {
        IReadOnlyList<string> before = Leftovers.Of(Host);
        PodStatus pod = Run(new("vanished") { Ports = [new(18100, 80)], Annotations = Limits("20M", "10M") });
        node.Place.Sh($"umount {pod.NetnsPath} && rm {pod.NetnsPath}");
        node.Place.Sh($"ctr --namespace k8s.io tasks kill --signal KILL {pod.Id}");
        Eventually.True("the namespace is gone with its last process", () => Leftovers.Links(Host).All(before.Append(Ifb()).Contains));

        End(pod);
        Leftovers.Of(Host).Should().BeEquivalentTo(before);
        Host.Published().Should().BeEmpty();

        string Ifb() => Leftovers.Links(Host).FirstOrDefault(name => name.StartsWith("tb", StringComparison.Ordinal)) ?? "";
    }

    [RequiresRootTheory]
    [InlineData(Signal.Term)]
    [InlineData(Signal.Kill)]
    public void A_containerd_that_comes_back_stops_the_pods_it_ran_before(Signal end)
    {
        IReadOnlyList<string> before = Leftovers.Of(Host);
        PodStatus pod = Run(new($"restart{end}") { Ports = [new(18110, 80)] });
        RuntimeContainer inside = Inside(pod);

        node.Containerd.Stop(end);
        inside.CanPing(Lab.OutsideAddress).Should().BeTrue("the network needs no runtime");
        node.Containerd.Start();
        Eventually.True("containerd has read the network", () => Cri.NetworkReady().IsReady, onFailure: () => node.Containerd.Log);

        Cri.PodSandboxStatus(pod.Id).Should().Be(pod);
        End(pod);
        Leftovers.Of(Host).Should().BeEquivalentTo(before);
        Host.Published().Should().BeEmpty();
    }

    [RequiresRootFact]
    public void A_pod_that_cannot_have_its_port_says_why_and_leaves_nothing()
    {
        PodStatus first = Run(new("first") { Ports = [new(18120, 80)] });
        IReadOnlyList<string> before = [.. Leftovers.Of(Host), .. Host.Published()];

        Action second = () => Run(new("second") { Ports = [new(18121, 80), new(18120, 80)], Annotations = Limits("20M", "10M") });

        second.Should().Throw<GrpcException>().WithMessage("*18120/tcp*").WithMessage($"*{first.Id}*");
        new[] { Leftovers.Of(Host), Host.Published() }.SelectMany(l => l).Should().BeEquivalentTo(before);
        End(first);
        PodStatus again = Run(new("second") { Ports = [new(18120, 80)] });
        End(again);
    }

    [RequiresRootFact]
    public void The_network_is_ready_as_long_as_it_is_configured()
    {
        const string Conf = "/etc/cni/net.d/10-twill.conflist";
        string text = File.ReadAllText(Host.At(Conf));
        Cri.NetworkReady().IsReady.Should().BeTrue();
        File.Delete(Host.At(Conf));
        Eventually.True("NetworkReady is false", () => !Cri.NetworkReady().IsReady);
        Cri.NetworkReady().Message.Should().Contain("cni");
        Host.Write(Conf, text);
        Eventually.True("NetworkReady is true again", () => Cri.NetworkReady().IsReady);
    }

    [RequiresRootFact]
    public void A_container_of_ctr_has_an_address_while_it_runs()
    {
        IReadOnlyList<string> before = Leftovers.Of(Host);
        string[] run = ["ctr", "run", "--rm", "--cni", "--snapshotter", "native", BusyboxImage.Name, "by-hand", "sh", "-c"];
        CmdResult result = node.Place.Run([.. run, $"ip -4 address show dev eth0; ping -c 1 {Lab.OutsideAddress}"]).OrThrow();
        result.Stdout.Should().Contain("inet 10.244.0.").And.Contain("1 packets received");
        Leftovers.Of(Host).Should().BeEquivalentTo(before);
    }

    private static Dictionary<string, string> Limits(string ingress, string egress) =>
        new() { ["kubernetes.io/ingress-bandwidth"] = ingress, ["kubernetes.io/egress-bandwidth"] = egress };

    private PodStatus Run(PodSpec pod) => Cri.PodSandboxStatus(Cri.RunPodSandbox(pod));

    private void End(PodStatus pod)
    {
        Cri.StopPodSandbox(pod.Id);
        Cri.RemovePodSandbox(pod.Id);
    }

    private RuntimeContainer Inside(PodStatus pod) => node.Place.Container(pod.NetnsPath);

    private IEnumerable<JsonElement> Shapers()
    {
        using JsonDocument document = JsonDocument.Parse(Host.Run("tc", "-j", "qdisc", "show").OrThrow().Stdout);
        return [.. document.RootElement.EnumerateArray().Where(q => q.GetProperty("kind").GetString() == "tbf").Select(q => q.Clone())];
    }
}
