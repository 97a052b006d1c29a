using Twill.EndToEnd.Tests.Ports;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Runtimes;

/// <summary>Two hosts with a containerd each, joined by VXLAN, their subnets leased from an etcd.</summary>
public sealed class PodsAcrossHostsTests
{
    [RequiresRootFact]
    public void Pods_and_podman_containers_of_two_hosts_reach_each_other_by_their_own_addresses()
    {
        using Cluster cluster = Cluster.Start(2);
        using RuntimeNamespaces placeA = RuntimeNamespaces.On(cluster.Hosts[0]),
            placeB = RuntimeNamespaces.On(cluster.Hosts[1]);
        using Containerd containerdA = new(placeA),
            containerdB = new(placeB);
        (RuntimeContainer a, string addressA) = Run(placeA, containerdA, "a");
        (RuntimeContainer b, string addressB) = Run(placeB, containerdB, "b");
        Podman podman = new(placeB);
        RuntimeContainer c = podman.Run("c");

        addressA.Split('.')[2].Should().NotBe(addressB.Split('.')[2], "each host has a subnet of its own");
        Eventually.True($"a reaches {addressB}", () => a.CanPing(addressB));
        b.CanPing(addressA).Should().BeTrue();
        a.CanPing(podman.Address("c")).Should().BeTrue();
        using Server server = Server.On(b, "tcp", 80, "b");
        Server.Ask(a, "tcp", addressB, 80).Should().Be($"b {addressA}", "nothing translates addresses on the way");
        Server.Ask(c, "tcp", addressB, 80).Should().Be($"b {podman.Address("c")}");
        podman.Remove("c");
    }

    private static (RuntimeContainer Inside, string Address) Run(RuntimeNamespaces place, Containerd containerd, string name)
    {
        Eventually.True("containerd has read the network", () => containerd.Cri.NetworkReady().IsReady, onFailure: () => containerd.Log);
        PodStatus pod = containerd.Cri.PodSandboxStatus(containerd.Cri.RunPodSandbox(new(name)));
        return (place.Container(pod.NetnsPath), pod.Address);
    }
}
