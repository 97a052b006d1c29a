namespace Twill.EndToEnd.Tests.Cli.Broken;

/// <summary>What somebody may do to a host's kernel.</summary>
internal static class KernelBreakages
{
    internal static readonly Breakage[] All =
    [
        new("forwarding off", "echo 0 >/proc/sys/net/ipv4/ip_forward", "forwarding", "net.ipv4.ip_forward is 0"),
        new(
            "forwarding off on the underlay",
            "echo 0 >/proc/sys/net/ipv4/conf/eth0/forwarding",
            "forwarding",
            "net.ipv4.conf.eth0.forwarding is 0"
        ),
        new("bridge down", "ip link set twill0 down", "bridge", "bridge twill0 is down"),
        new("bridge deleted", "ip link delete twill0", "bridge", "bridge twill0 is missing"),
        new(
            "another hardware address on the bridge",
            "ip link set twill0 address 02:00:00:00:00:99",
            "bridge",
            "hardware address 02:00:00:00:00:99"
        ),
        new("no gateway address", "ip -4 address flush dev twill0", "bridge", "lacks the address $GATEWAY"),
        new("host end down", "ip link set $END down", "bridge", "host end $END (container"),
        new("host end off the bridge", "ip link set $END nomaster", "bridge", "$END (container"),
        new("interface down inside", "$INSIDE ip link set eth0 down", "containers", "interface eth0 is down"),
        new("address removed inside", "$INSIDE ip address flush dev eth0", "containers", "interface eth0 lacks its address $ADDRESS"),
        new("default route removed inside", "$INSIDE ip route del default", "containers", "leave by nowhere (no route), not by eth0"),
        new(
            "a fixed neighbour for a container's address",
            "ip neigh replace $ADDRESS lladdr 02:00:00:00:00:99 dev twill0 nud permanent",
            "containers",
            "fixed hardware address 02:00:00:00:00:99 for $ADDRESS"
        ),
        new(
            "a route that takes the container's packets",
            "ip route add $ADDRESS/32 via 192.168.50.254",
            "containers",
            "packets from the host to $ADDRESS (container"
        )
        {
            AgentAwake = true,
            Advice = "ip route get",
            Person = "ip route del $ADDRESS/32",
        },
        new("overlay device deleted", "ip link delete twill.1", "overlay", "twill.1 is missing"),
        new("overlay device down", "ip link set twill.1 down", "overlay", "it is down"),
        new(
            "another hardware address on the overlay",
            "ip link set twill.1 address 02:00:00:00:00:99",
            "overlay",
            "its hardware address is 02:00:00:00:00:99"
        ),
        new(
            "overlay device with another VNI",
            "ip link delete twill.1; ip link add twill.1 type vxlan id 7 dstport 4790",
            "overlay",
            "its VNI is 7, not 1"
        ),
        new(
            "overlay device with another port",
            "ip link delete twill.1; ip link add twill.1 type vxlan id 1 dstport 4790",
            "overlay",
            "its UDP port is 4790, not 4789"
        ),
        new("overlay device that learns", "ip link set twill.1 type vxlan learning", "overlay", "it learns addresses from packets"),
        new("overlay device of another address", "ip link set twill.1 type vxlan local 192.168.50.99", "overlay", "its local address is"),
        new("overlay device with a default host", "ip link set twill.1 type vxlan remote 192.168.50.99", "overlay", "it sends to"),
        new("overlay device with one hop", "ip link set twill.1 type vxlan ttl 1", "overlay", "at most 1 hops"),
        new("a foreign address on the overlay", "ip address add 10.244.99.9/24 dev twill.1", "overlay", "the address 10.244.99.9/24"),
        new("no address on the overlay", "ip address flush dev twill.1", "overlay", "it lacks the address"),
        new("small MTU on the overlay", "ip link set twill.1 mtu 1300", "MTU", "twill.1 has MTU 1300, not 1450"),
        new("small MTU on the bridge", "ip link set twill0 mtu 1300", "MTU", "twill0 has MTU 1300, not 1450"),
        new("small MTU on the underlay", "ip link set eth0 mtu 1400", "MTU", "not 1350 (eth0 has 1400 bytes, less 50 for vxlan)")
        {
            CleanUp = "ip link set eth0 mtu 1500", // or the containers would follow
        },
        new("small MTU at a host end", "ip link set $END mtu 1400", "MTU", "another MTU than 1450: $END 1400")
        {
            Advice = "restart them",
            Person = "ip link set $END mtu 1450; ip link set twill0 mtu 1450", // as its ADD would
        },
        new(
            "router announcements taken by the bridge",
            "echo 1 >/proc/sys/net/ipv6/conf/twill0/accept_ra",
            "bridge",
            "net.ipv6.conf.twill0.accept_ra is not 0"
        ),
        new(
            "IPv6 on the bridge of an IPv4 network",
            "echo 0 >/proc/sys/net/ipv6/conf/twill0/disable_ipv6",
            "bridge",
            "net.ipv6.conf.twill0.disable_ipv6 is not 1"
        ),
        new(
            "loopback addresses routed",
            "echo 1 >/proc/sys/net/ipv4/conf/twill0/route_localnet",
            "firewall",
            "twill0.route_localnet is 1"
        ),
        new("bridge in another link group", "ip link set twill0 group 0", "bridge", "bridge twill0 is in link group 0"),
        new("table dormant", "nft add table inet twill-twill '{ flags dormant; }'", "firewall", "table inet twill-twill is dormant"),
        new("peers missing in the firewall", "nft flush set inet twill-twill peers", "firewall", "tunnel packets of peer "),
        new("table deleted", "nft delete table inet twill-twill", "firewall", "table inet twill-twill is missing"),
        new("all tables deleted", "nft flush ruleset", "firewall", "table inet twill-twill is missing"),
        new(
            "masquerading flushed",
            "nft flush chain inet twill-twill postrouting",
            "firewall",
            "chain postrouting of nftables table inet twill-twill lacks the rule '"
        ),
        new(
            "cluster network missing in the firewall",
            "nft flush set inet twill-twill local",
            "firewall",
            "set local of nftables table inet twill-twill lacks 10.244.0.0/16"
        ),
        new("strict reverse path filter on the overlay", "echo 1 >/proc/sys/net/ipv4/conf/twill.1/rp_filter", "rp_filter", "on twill.1"),
        new("strict reverse path filter", "echo 1 >/proc/sys/net/ipv4/conf/eth0/rp_filter", "rp_filter", "strict on eth0")
        {
            CleanUp = "echo 0 >/proc/sys/net/ipv4/conf/eth0/rp_filter; echo 0 >/proc/sys/net/ipv4/conf/twill.1/rp_filter",
        },
        new("strict reverse path filter everywhere", "echo 1 >/proc/sys/net/ipv4/conf/all/rp_filter", "rp_filter", "strict on eth0")
        {
            CleanUp = "echo 0 >/proc/sys/net/ipv4/conf/all/rp_filter",
        },
        new("route to the other host deleted", "ip route del $PEERNET", "peers", "the way to $PEERNET is broken: route missing"),
        new(
            "nexthop object of the other host deleted",
            "ip nexthop flush proto 116",
            "peers",
            "the way to $PEERNET is broken: route missing"
        ),
        new(
            "route to the other host by somebody else's nexthop object",
            "ip nexthop add id 9 via $NEXTHOP dev twill.1 onlink; ip route replace $PEERNET nhid 9 proto 116",
            "peers",
            "the way to $PEERNET is broken: route changed"
        )
        {
            CleanUp = "ip nexthop del id 9",
        },
        new(
            "neighbour of the other host deleted",
            "ip neigh del $NEXTHOP dev twill.1",
            "peers",
            "the way to $PEERNET is broken: neighbour missing"
        ),
        new("FDB entry deleted", "bridge fdb del $PEER dev twill.1", "peers", "the way to $PEERNET is broken: FDB entry missing"),
        new(
            "FDB entry to another host",
            "bridge fdb replace $PEER dev twill.1 dst 192.168.50.99",
            "peers",
            "FDB entry changed"
        ),
        new(
            "FDB entry to another port",
            "bridge fdb replace $PEER dev twill.1 dst 192.168.50.12 port 4790 self permanent extern_learn",
            "peers",
            "FDB entry changed"
        ),
        new(
            "FDB entry with another VNI",
            "bridge fdb replace $PEER dev twill.1 dst 192.168.50.12 vni 9 self permanent extern_learn",
            "peers",
            "FDB entry changed"
        ),
        new("a route in the way", "ip route add $NEXTHOP/25 via 192.168.50.254", "peers", "leave by eth0, not by twill.1")
        {
            Advice = "find the route or rule that is in the way (ip route get",
            Person = "ip route del $NEXTHOP/25",
        },
        new("a blackhole in the way", "ip route add blackhole $NEXTHOP/25", "peers", "leave by nowhere")
        {
            Advice = "find the route or rule that is in the way (ip route get",
            Person = "ip route del blackhole $NEXTHOP/25",
        },
        new("a rule in the way", "ip rule add to 10.244.0.0/16 prohibit priority 10", "peers", "leave by nowhere")
        {
            Advice = "find the route or rule that is in the way (ip route get",
            Person = "ip rule del priority 10",
        },
        new(
            "all entries for the other host deleted",
            "ip nexthop flush proto 116; ip neigh flush dev twill.1 nud permanent; bridge fdb del $PEER dev twill.1",
            "peers",
            "the agent knows of 1 remote subnet, the kernel has the way to 0"
        ),
        new(
            "a limiting device left behind",
            "ip link add name tb0123456789abc type ifb; ip link set tb0123456789abc alias 'twill twill c9 eth0'",
            "leaks",
            "device tb0123456789abc (container c9, eth0) is left"
        ),
        new("default route of the host deleted", "ip route del default", "underlay", "no IPv4 default route")
        {
            AgentAwake = true,
            Advice = "bring the interface up, or set $.backend.interface",
            Person = "ip route add default via 192.168.50.254",
        },
        new("default policy of iptables", "iptables -P FORWARD DROP", "forward chains", "chain FORWARD of nftables table ip filter")
        {
            CleanUp = "iptables -P FORWARD ACCEPT; iptables -F",
        },
    ];
}
