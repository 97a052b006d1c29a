namespace Twill.EndToEnd.Tests.Cli.Broken;

/// <summary>Addresses that are somebody else's already, and keys in etcd that lead to no host.</summary>
internal static class OverlapBreakages
{
    private const string File = "/etc/cni/net.d/10-twill.conflist",
        Etcdctl = "etcdctl --endpoints=http://192.168.50.200:2379",
        Subnets = "/twill/twill/subnets",
        Mend = "mend what it names",
        Lan2 = "ip link add lan2 up type bridge";

    internal static readonly Breakage[] All =
    [
        new(
            "an address of the host in the containers' subnet",
            $"{Lan2}; ip address add ${{GATEWAY%.*}}.200/28 dev lan2",
            "overlap",
            "this host's own address on lan2"
        )
        {
            Advice = "take that address or route off this host",
            Person = "ip link delete lan2",
        },
        new(
            "an address of the host in another host's subnet",
            $"{Lan2}; ip address add ${{NEXTHOP%.*}}.200/28 dev lan2",
            "keys",
            "none of the leases of other hosts can be used"
        )
        {
            AgentAwake = true,
            Advice = Mend,
            Person = "ip link delete lan2",
        },
        new(
            "a key that is no subnet of the network",
            $"{Etcdctl} put {Subnets}/0.0.0.0-0 '{{\"PublicIP\":\"192.168.50.77\"}}'",
            "keys",
            "0.0.0.0-0 does not count: 0.0.0.0/0 is not inside the network"
        )
        {
            AgentAwake = true,
        },
        new(
            "a key that says nothing",
            $"{Etcdctl} put {Subnets}/10.244.0.0-24 nonsense",
            "keys",
            "10.244.0.0-24 does not count: "
        )
        {
            AgentAwake = true,
        },
        new(
            "a host with another backend",
            $"{Etcdctl} put {Subnets}/10.244.0.0-24 '{{\"PublicIP\":\"192.168.50.77\",\"BackendType\":\"host-gw\"}}'",
            "keys",
            "10.244.0.0-24 does not count: it uses the backend \"host-gw\", this host \"vxlan\""
        )
        {
            AgentAwake = true,
        },
        new(
            "another host with the same address",
            $"{Etcdctl} put {Subnets}/10.244.0.0-24 "
                + "'{\"PublicIP\":\"192.168.50.11\",\"BackendType\":\"vxlan\","
                + "\"BackendData\":{\"VNI\":1,\"VtepMAC\":\"02:00:00:00:00:15\"}}'",
            "keys",
            "another node publishes this host's address 192.168.50.11"
        )
        {
            AgentAwake = true,
            Advice = Mend,
            Person = $"{Etcdctl} del {Subnets}/10.244.0.0-24",
        },
        new(
            "a host with the address of a third",
            $"{Etcdctl} put {Subnets}/10.244.0.0-24 "
                + "'{\"PublicIP\":\"192.168.50.12\",\"BackendType\":\"vxlan\","
                + "\"BackendData\":{\"VNI\":1,\"VtepMAC\":\"02:00:00:00:00:15\"}}'",
            "keys",
            "two hosts publish the address 192.168.50.12"
        )
        {
            AgentAwake = true,
            Advice = Mend,
            Person = $"{Etcdctl} del {Subnets}/10.244.0.0-24",
        },
        new(
            "twill's own bridge as the underlay",
            $"cp {File} /run/kept; sed -i 's/\"type\": *\"vxlan\"/&, \"interface\": \"twill0\"/' {File}",
            "underlay",
            "is twill's own"
        )
        {
            AgentAwake = true,
            Advice = "set $.backend.interface",
            Person = $"mv /run/kept {File}",
        },
    ];
}
