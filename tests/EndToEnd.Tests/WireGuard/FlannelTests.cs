using Twill.Testing;

namespace Twill.EndToEnd.Tests.WireGuard;

/// <summary>A host beside ours that is flannel's in device, keys and routes, made by hand as flannel's wireguard backend makes
/// them.</summary>
public sealed class FlannelTests
{
    private const string Device = "flannel-wg";

    [RequiresRootFact]
    public void Containers_of_both_reach_each_other()
    {
        using WireGuardCluster cluster = WireGuardCluster.Start(1);
        using WireGuardPrograms programs = new();
        LabHost ours = cluster.Hosts[0],
            flannel = cluster.Cluster.Lab.AddHost("flannel");
        programs.Start(flannel, Device);
        string key = flannel
            .Sh($"umask 077; wg genkey >/run/wgkey; wg set {Device} listen-port 51820 private-key /run/wgkey; wg show {Device} public-key")
            .Trim();
        flannel.Sh(
            $"ip address add 10.244.99.0/32 dev {Device}; ip link set {Device} mtu 1420 up; ip route add 10.244.0.0/16 dev {Device} "
                + $"scope link; sysctl -qw net.ipv4.ip_forward=1"
        );
        flannel.Sh(
            "ip netns add pod; ip link add cni0 type veth peer name eth0 netns pod; ip address add 10.244.99.1/24 dev cni0; ip link "
                + "set cni0 up"
        );
        flannel.Sh(
            "ip netns exec pod sh -c 'ip address add 10.244.99.5/24 dev eth0; ip link set eth0 up; ip route add default via 10.244.99.1'"
        );
        LabContainer pod = flannel.Container("pod"),
            one = ours.AddContainer("one");

        cluster.Cluster.Etcd.PutLeased(
            $"{Cluster.Subnets}10.244.99.0-24",
            $$$"""{"PublicIP":"{{{flannel.Address}}}","PublicIPv6":null,"BackendType":"wireguard","BackendData":{"PublicKey":"{{{key}}}","Port":51820}}"""
        );
        flannel.Sh(
            $"wg set {Device} peer {WireGuardCluster.PublicKey(ours)} endpoint {ours.Address}:51820 allowed-ips "
                + $"{cluster.Cluster.LeaseOf(ours)}"
        );

        Eventually.True(
            "ours has flannel's host for a peer",
            () => WireGuardCluster.Peers(ours).Contains(key),
            onFailure: () => ours.Agent!.Log
        );
        Eventually.True("from ours to flannel's", () => Wiretap.Ping(one, "10.244.99.5"), onFailure: () => ours.Agent!.Log);
        Wiretap.Ping(pod, one.Address).Should().BeTrue();
    }
}
