using System.Text.Json.Nodes;
using Twill.EndToEnd.Tests.Packages;
using Twill.EndToEnd.Tests.Runtimes;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Kubernetes;

/// <summary>conf/kubernetes on two nodes, whose kubelet is played with containerd's CRI.</summary>
public sealed class KubernetesTests(BuiltPackages packages) : IClassFixture<BuiltPackages>
{
    [RequiresRootFact]
    public void The_manifests_make_nodes_ready_and_another_agent_in_the_place_of_one_loses_no_packet()
    {
        using Cluster cluster = Cluster.Start(0, etcd: new() { Tls = true, ClientCertificates = true });
        Manifests manifests = Manifests.Read(cluster.Etcd.Certificates!.Directory);
        ((string)manifests.Pod["spec"]!["containers"]![0]!["image"]!).Should().EndWith($":{BuiltPackages.Version}");
        using Node a = new(cluster.Lab.AddHost("a"), manifests, packages.Directory),
            b = new(cluster.Lab.AddHost("b"), manifests, packages.Directory);
        a.Place.Sh("echo of-somebody >/opt/cni/bin/other");
        Node[] nodes = [a, b];

        Parallel.ForEach(nodes, node => node.Kubelet.Start());

        foreach (Node node in nodes)
        {
            node.WaitUntilReady();
            node.Place.Sh("stat -c %a /opt/cni/bin/twill /opt/cni/bin/twill-ipam /etc/cni/net.d/twill.d/client-key.pem")
                .Should()
                .Be("755\n755\n400\n");
            node.Place.Sh("cat /proc/sys/net/ipv4/ip_forward").Should().Be("1\n", "the agent can write what it has to");
        }

        a.Place.Sh("cat /opt/cni/bin/other").Should().Be("of-somebody\n");
        (RuntimeContainer first, string _) = a.Run("first");
        (RuntimeContainer second, string address) = b.Run("second");
        Eventually.True("pods reach each other", () => first.CanPing(address), onFailure: () => a.Kubelet.Log);
        b.Host.Ip("link set eth0 mtu 1400");
        Eventually.Pass(() => second.Ip("link show dev eth0").Should().Contain("mtu 1350", "the agent enters pods that came after it"));
        using Traffic traffic = Traffic.Start(first, address);

        a.Kubelet.Stop();
        (RuntimeContainer meanwhile, string _) = a.Run("meanwhile");
        meanwhile.CanPing(address).Should().BeTrue("a pod needs no agent to start");
        string programs = a.Place.Sh("stat -c %i /opt/cni/bin/twill");
        a.Place.Sh("printf old >/opt/cni/bin/twill-ipam.old && mv /opt/cni/bin/twill-ipam.old /opt/cni/bin/twill-ipam");
        a.Kubelet.Start();
        a.WaitUntilReady();
        traffic.WaitForMore(25);

        traffic.Lost().Should().BeEmpty();
        a.Place.Sh("stat -c %i /opt/cni/bin/twill").Should().Be(programs, "what is there is not written again");
        a.Run("last").Inside.CanPing(address).Should().BeTrue("and what was another version is replaced");
        Figures.Report("Kubernetes: agent's pod replaced under traffic", $"{traffic.Lost().Count} pings lost");
    }

    /// <summary>Nothing of the cluster's is asked for, so nothing is granted.</summary>
    [RequiresRootFact]
    public void The_agents_capabilities_are_those_of_the_unit_and_nothing_may_ask_the_API_server()
    {
        using TempDir keys = TempDir.Create();
        Cmd.Sh($"touch {keys.At("ca.pem")} {keys.At("client.pem")} {keys.At("client-key.pem")}");
        Manifests manifests = Manifests.Read(keys.Path);
        JsonNode spec = manifests.Pod["spec"]!;
        string unit = File.ReadLines(Path.Combine(RepoPaths.Conf, "twilld.service"))
            .Single(line => line.StartsWith("CapabilityBoundingSet=", StringComparison.Ordinal));

        IEnumerable<string> added = spec["containers"]![0]!["securityContext"]!["capabilities"]!["add"]!.AsArray().Select(c => $"CAP_{c}");

        added.Should().BeEquivalentTo(unit.Split('=')[1].Split(' '));
        ((bool?)spec["automountServiceAccountToken"]).Should().BeFalse();
        ((string?)spec["serviceAccountName"]).Should().Be((string?)manifests.Single("ServiceAccount")["metadata"]!["name"]);
    }

    private sealed class Node : IDisposable
    {
        private readonly Containerd _containerd;

        internal Node(LabHost host, Manifests manifests, string packages)
        {
            Host = host;
            host.Sh("rm -f /opt/cni/bin/*");
            Place = RuntimeNamespaces.On(host);
            Place.Sh("mount --make-rshared /"); // as systemd does
            _containerd = new Containerd(Place);
            string load = CommandBlocks.Of(Manifests.Guide, "## Install").Single(line => line.Contains("images import"));
            Place.RunFor(TimeSpan.FromMinutes(1), "sh", "-c", $"cd {packages} && {load}").OrThrow();
            Kubelet = new Kubelet(Place, _containerd.Cri, manifests);
        }

        internal LabHost Host { get; }

        internal RuntimeNamespaces Place { get; }

        internal Kubelet Kubelet { get; }

        internal void WaitUntilReady()
        {
            string answer = "";
            bool IsWell() => (answer = Kubelet.Probe("readinessProbe")).EndsWith("\n200", StringComparison.Ordinal);
            Eventually.True("the readiness probe is answered", IsWell, TimeSpan.FromSeconds(30), () => $"{answer}\n{Kubelet.Log}");
            Kubelet.Probe("livenessProbe").Should().EndWith("\n200");
            bool IsReady() => _containerd.Cri.NetworkReady().IsReady;
            Eventually.True("containerd has read the network", IsReady, onFailure: () => _containerd.Log);
        }

        internal (RuntimeContainer Inside, string Address) Run(string name)
        {
            PodStatus pod = _containerd.Cri.PodSandboxStatus(_containerd.Cri.RunPodSandbox(new PodSpec(name)));
            return (Place.Container(pod.NetnsPath), pod.Address);
        }

        public void Dispose()
        {
            _containerd.Dispose();
            Place.Dispose();
        }
    }
}
