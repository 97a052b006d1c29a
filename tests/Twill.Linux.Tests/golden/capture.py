#!/usr/bin/env python3
"""Writes the files beside it: what iproute2 sends for a command, and what the kernel answers, seen by strace.

usage: capture.py [CASE..]        as root; needs strace and iproute2. Without CASE all files are written anew.

Each command runs in a network and mount namespace of its own, which ends with it. Sequence numbers and port ids are written as 0.
A row "A => B  # why" has what iproute2 sends (A) and what twill sends instead (B).
"""
import os, re, struct, subprocess, sys

HERE = os.path.dirname(os.path.abspath(__file__))
NESTED = 0x8000

# name -> (commands that prepare, the command that is captured, type of the captured message, {attribute path: (ours, why)})
BR = "ip link add br0 index 10 type bridge"
VX = "ip link add vx0 index 11 type vxlan id 7 dstport 4789"
PORT = BR + "; ip link add tw0 index 12 master br0 type veth peer name tw1 index 13"
STATS = {"IFLA_EXT_MASK": ("08 00 00 00", "SKIP_STATS alone: no list of virtual functions either")}
IFB = "ip link add tb0 index 14 up type ifb"
NO_TABLE = {"TCA_TBF_RTAB": ("", "no table of transmission times, which kernels since 3.8 calculate themselves"),
            "rate.cell_log": ("00 01 00 00", "no table, no size of its cells"), "rate.cell_align": ("00 00 00 00", "no table")}
REQUESTS = {
    "links/new-veth": ("ip netns add pod; " + BR, "ip link add tw0 index 77 address 02:00:00:00:00:01 mtu 1450 up master br0 type veth"
                       " peer index 88 address 02:00:00:00:00:02 mtu 1450 netns pod name eth0", 16, {}),
    "links/new-veth-group": ("true", "ip link add tw0 group 116 type veth peer name tw1", 16, {}),
    "links/set-link-group": (BR, "ip link set dev br0 group 116", 16, {}),
    "links/new-veth-plain": ("true", "ip link add tw0 type veth peer name tw1", 16, {}),
    "links/new-bridge": ("true", "ip link add br0 index 10 address 02:00:00:00:00:01 mtu 1450 up type bridge vlan_filtering 0 mcast_snooping 0", 16, {}),
    "links/new-bridge-plain": ("true", "ip link add br0 type bridge", 16, {}),
    "links/new-vxlan": ("true", "ip link add twill.1 address 02:00:00:00:00:01 mtu 1450 up type vxlan id 1 local 10.0.0.1 nolearning dstport 4789", 16, {}),
    "links/new-vxlan-ipv6": ("true", "ip link add twill.1 type vxlan id 16777215 local fd00::1 nolearning dstport 8472 udp6zerocsumtx udp6zerocsumrx gbp", 16, {}),
    "links/set-link-up": (BR, "ip link set dev br0 up", 16, {}),
    "links/set-link-down": (BR, "ip link set dev br0 down", 16, {}),
    "links/set-link-promisc": (BR, "ip link set dev br0 promisc on", 16, {}),
    "links/set-link-all": (PORT, "ip link set dev tw1 up address 02:00:00:00:00:03 mtu 1400 master br0 alias pod-7", 16, {}),
    "links/set-link-nomaster": (PORT, "ip link set dev tw0 nomaster", 16, {}),
    "links/set-link-name": (BR, "ip link set dev br0 name br1", 16, {}),
    "links/set-link-netns": ("ip netns add pod; " + PORT, "ip link set dev tw1 netns pod", 16, {}),
    "links/delete-link": (BR, "ip link del dev br0", 17, {}),
    "links/get-link": (BR, "ip addr add 10.0.0.1/24 dev br0", 18, STATS),
    "links/list-links": (PORT, "ip link show master br0 type veth", 18, STATS | {"ifi_family": ("00 00 00 00", "AF_UNSPEC, not AF_PACKET")}),
    "links/set-bridge-port": (PORT, "bridge link set dev tw0 hairpin on learning off flood off mcast_flood off neigh_suppress on isolated on", 19, {}),
    "addresses/new-address": (BR, "ip addr add 10.244.7.1/24 dev br0", 20, {}),
    "addresses/new-address-all": (BR, "ip addr add 10.244.7.1/24 brd 10.244.7.255 dev br0 label br0:1 scope link noprefixroute", 20, {}),
    "addresses/new-address-peer": (BR, "ip addr add 10.244.7.1 peer 10.244.7.5/32 dev br0", 20, {}),
    "addresses/new-address-ipv6": (BR, "ip addr add fd00::1/64 dev br0 nodad", 20, {}),
    "addresses/replace-address": (BR, "ip addr replace 10.244.7.1/32 dev br0", 20, {}),
    "addresses/delete-address": (BR + "; ip addr add 10.244.7.1/24 dev br0", "ip addr del 10.244.7.1/24 dev br0", 21, {}),
    "addresses/list-addresses": (BR, "ip -4 addr show dev br0", 22, {}),
    "routes/replace-route-onlink": (BR + "; ip link set br0 up; ip addr add 10.0.0.1/32 dev br0",
                                    "ip route replace 10.244.9.0/24 via 10.244.9.0 dev br0 onlink proto 116", 24, {}),
    "routes/new-route-all": (BR + "; ip link set br0 up; ip addr add 10.0.0.1/24 dev br0",
                             "ip route add 10.1.0.0/16 via 10.0.0.2 metric 7 table 300 src 10.0.0.1 dev br0 mtu 1400 advmss 1360", 24, {}),
    "routes/new-route-default": (BR + "; ip link set br0 up; ip addr add 10.0.0.1/24 dev br0", "ip route add default via 10.0.0.2", 24, {}),
    "routes/new-route-link": (BR + "; ip link set br0 up", "ip route add 10.1.0.0/16 dev br0 table 100", 24, {}),
    "routes/new-route-via-ipv6": (BR + "; ip link set br0 up", "ip route add 10.1.0.0/16 via inet6 fe80::1 dev br0", 24, {}),
    "routes/new-route-ipv6": (BR + "; ip link set br0 up", "ip -6 route add fd01::/48 via fe80::1 dev br0 proto 116", 24, {}),
    "routes/new-route-blackhole": ("true", "ip route add blackhole 10.1.0.0/16", 24, {}),
    "routes/prepend-route": (BR + "; ip link set br0 up; ip addr add 10.0.0.1/32 dev br0",
                             "ip route prepend 10.244.9.0/24 via 10.244.9.0 dev br0 onlink proto 116", 24, {}),
    "routes/append-route": (BR + "; ip link set br0 up", "ip route append 10.1.0.0/16 dev br0", 24, {}),
    "routes/prepend-route-nhid": (BR + "; ip link set br0 up; ip addr add 10.0.0.1/32 dev br0; ip nexthop add id 1946157061 via 10.244.9.0 dev br0 onlink",
                                  "ip route prepend 10.244.9.0/24 nhid 1946157061 proto 116", 24, {}),
    "routes/delete-route-nhid": (BR + "; ip link set br0 up; ip addr add 10.0.0.1/32 dev br0; ip nexthop add id 1946157061 via 10.244.9.0 dev br0 onlink;"
                                 " ip route add 10.244.9.0/24 nhid 1946157061 proto 116", "ip route del 10.244.9.0/24 nhid 1946157061 proto 116", 25, {}),
    "nexthops/new-nexthop": (BR + "; ip link set br0 up; ip addr add 10.0.0.1/32 dev br0", "ip nexthop add id 1946157061 via 10.244.9.0 dev br0 onlink proto 116", 104, {}),
    "nexthops/new-nexthop-ipv6": (BR + "; ip link set br0 up", "ip nexthop add id 7 via fe80::9 dev br0", 104, {}),
    "nexthops/delete-nexthop": (BR + "; ip link set br0 up; ip nexthop add id 7 via fe80::9 dev br0", "ip nexthop del id 7", 105, {}),
    "nexthops/list-nexthops": (BR, "ip nexthop show dev br0", 106, {}),
    "routes/delete-route": (BR + "; ip link set br0 up; ip route add 10.1.0.0/16 dev br0 proto 116 metric 7 table 300",
                            "ip route del 10.1.0.0/16 proto 116 metric 7 table 300 dev br0", 25, {}),
    "routes/list-routes": ("ip link add br0 index 10 type bridge; ip route add blackhole 10.9.0.0/16 table 300", "ip -4 route show table 300 proto 116 dev br0", 26, {}),
    "routes/get-route": ("ip link set lo up", "ip route get 127.0.0.9", 26, {}),
    "routes/get-route-of-packet": ("ip link set lo up; ip link add br0 index 10 up type bridge; ip addr add 10.0.0.1/24 dev br0; ip route add default via 10.0.0.2",
                                   "ip route get 10.244.9.1 from 10.0.0.9 iif br0 ipproto udp dport 4789", 26, {}),
    "rules/new-rule": ("true", "ip -4 rule add from 10.2.0.2/32 lookup 116003 proto 116", 32, {}),
    "rules/new-rule-ipv6": ("true", "ip -6 rule add from fd00:2::/64 lookup 100", 32, {}),
    "rules/delete-rule": ("ip -4 rule add from 10.2.0.2/32 lookup 116003 proto 116", "ip -4 rule del from 10.2.0.2/32 lookup 116003 proto 116", 33, {}),
    "rules/list-rules": ("ip link set lo up", "ip -6 rule show", 34, {}),
    "neighbours/replace-neighbour": (BR, "ip neigh replace 10.244.9.0 lladdr 02:00:00:00:00:09 dev br0 nud permanent protocol 116", 28, {}),
    "neighbours/new-neighbour-ipv6": (BR, "ip neigh add fd00::9 lladdr 02:00:00:00:00:09 dev br0 nud reachable", 28, {}),
    "neighbours/delete-neighbour": (BR + "; ip neigh add 10.244.9.0 lladdr 02:00:00:00:00:09 dev br0", "ip neigh del 10.244.9.0 dev br0", 29, {}),
    "neighbours/new-proxy": (BR, "ip neigh replace proxy fd00::9 dev br0 protocol 116", 28, {}),
    "neighbours/delete-proxy": (BR + "; ip neigh add proxy fd00::9 dev br0", "ip neigh del proxy fd00::9 dev br0", 29, {}),
    "neighbours/list-proxies": (BR, "ip -6 neigh show proxy", 30, {}),
    "neighbours/list-neighbours": (BR, "ip -4 neigh show dev br0", 30, {}),
    "neighbours/replace-fdb": (VX, "bridge fdb replace 02:00:00:00:00:09 dev vx0 dst 10.0.0.9 self permanent", 28, {}),
    "neighbours/replace-fdb-extern-learn": (VX, "bridge fdb replace 02:00:00:00:00:09 dev vx0 dst 10.0.0.9 self permanent extern_learn", 28, {}),
    "neighbours/append-fdb-all": (VX, "bridge fdb append 00:00:00:00:00:00 dev vx0 dst fd00::9 port 8472 vni 9 self permanent", 28, {}),
    "neighbours/new-fdb-bridge": (PORT, "bridge fdb replace 02:00:00:00:00:09 dev tw0 vlan 5 master static", 28, {}),
    "neighbours/delete-fdb": (VX + "; bridge fdb add 02:00:00:00:00:09 dev vx0 dst 10.0.0.9 self", "bridge fdb del 02:00:00:00:00:09 dev vx0 dst 10.0.0.9 self", 29, {}),
    "neighbours/list-fdb": (VX, "bridge fdb show dev vx0", 30, {}),
    "links/new-wireguard": ("true", "ip link add twill-wg.51820 mtu 1440 type wireguard", 16, {}),
    "links/new-ifb": ("true", "ip link add tb0 index 14 mtu 1450 up type ifb", 16, {}),
    "traffic-control/new-tbf": (IFB, "tc qdisc add dev tb0 root handle 1: tbf rate 20mbit burst 250000 limit 131072", 36, NO_TABLE),
    "traffic-control/new-tbf-fast": (IFB, "tc qdisc add dev tb0 root handle 1: tbf rate 40gbit burst 125000000 limit 125000000", 36,
                                     NO_TABLE | {"buffer": ("e1 f5 05 00", "reckoned with the rate of 64 bits; the kernel goes by TCA_TBF_BURST")}),
    "traffic-control/new-ingress": (PORT, "tc qdisc add dev tw0 ingress", 36, {}),
    "traffic-control/delete-root": (IFB + "; tc qdisc add dev tb0 root tbf rate 20mbit burst 250000 limit 131072", "tc qdisc del dev tb0 root", 37, {}),
    "traffic-control/delete-ingress": (PORT + "; tc qdisc add dev tw0 ingress", "tc qdisc del dev tw0 ingress", 37, {}),
    "traffic-control/new-redirect": (PORT + "; " + IFB + "; tc qdisc add dev tw0 ingress", "tc filter add dev tw0 parent ffff: protocol all prio 1 u32 match u32 0 0"
                                     " action mirred egress redirect dev tb0", 44, {}),
    "traffic-control/list-filters": (PORT + "; tc qdisc add dev tw0 ingress", "tc filter show dev tw0 parent ffff:", 46, {}),
}

# name -> (commands that prepare, the command whose answer is captured, type of the captured messages)
REPLIES = {
    "replies/veth-on-bridge": ("ip netns add pod; " + BR + "; ip link add tw0 index 77 mtu 1450 address 02:00:00:00:00:01 up master br0 type veth peer name eth0"
                               " index 88 netns pod; bridge link set dev tw0 hairpin on learning off; ip link set tw0 alias pod-7", "ip -d link show dev tw0", 16),
    "replies/bridge": ("ip link add br0 index 10 address 02:00:00:00:00:01 type bridge mcast_snooping 0", "ip -d link show dev br0", 16),
    "replies/bridge-proxy-arp": ("ip link add br0 index 10 type bridge; echo 1 >/proc/sys/net/ipv4/conf/br0/proxy_arp", "ip link show dev br0", 16),
    "replies/vxlan": ("ip link add twill.1 index 11 address 02:00:00:00:00:01 mtu 1450 up type vxlan id 1 local 10.0.0.1 nolearning dstport 4789", "ip -d link show dev twill.1", 16),
    "replies/vxlan-lower-ipv6": ("ip link add lower index 14 type bridge; ip link add vx6 index 11 type vxlan id 9 local fd00::1 dev lower dstport 8472 udp6zerocsumrx gbp",
                                 "ip -d link show dev vx6", 16),
    "replies/links": (PORT, "ip link show", 16),
    "replies/addresses": (BR + "; ip link set lo up; ip addr add 10.244.7.1/24 brd + dev br0 label br0:1; ip addr add 10.0.0.1 peer 10.0.0.2/32 dev br0; ip addr add fd00::1/64 dev br0 nodad",
                          "ip addr show", 20),
    "replies/routes": (BR + "; ip link set br0 up; ip addr add 10.0.0.1/24 dev br0; ip route add 10.1.0.0/16 via 10.0.0.2 metric 7 src 10.0.0.1 mtu 1400 advmss 1360 proto 116;"
                       " ip route add 10.244.9.0/24 via 10.244.9.0 dev br0 onlink proto 116; ip route add default nexthop via 10.0.0.3 dev br0 weight 2 nexthop via 10.0.0.4 dev br0;"
                       " ip route add 10.3.0.0/16 via inet6 fe80::1 dev br0; ip route add blackhole 10.4.0.0/16 table 300", "ip -4 route show table all", 24),
    "replies/routes-ipv6": (BR + "; ip link set br0 up; ip addr add fd00::1/64 dev br0 nodad; ip route add fd01::/48 via fd00::2 proto 116", "ip -6 route show table all", 24),
    "replies/routes-nhid": (BR + "; ip link set br0 up; ip addr add 10.0.0.1/32 dev br0; ip nexthop add id 1946157061 via 10.244.9.0 dev br0 onlink proto 116;"
                            " ip route add 10.244.9.0/24 nhid 1946157061 proto 116", "ip -4 route show", 24),
    "replies/routes-nhid-alone": (BR + "; ip link set br0 up; ip addr add 10.0.0.1/32 dev br0; echo 0 >/proc/sys/net/ipv4/nexthop_compat_mode; ip nexthop add id 1946157061 via 10.244.9.0 dev br0 onlink proto 116;"
                                  " ip route add 10.244.9.0/24 nhid 1946157061 proto 116", "ip -4 route show", 24),
    "replies/nexthops": (VX + "; ip link set lo up; ip link set vx0 up; ip addr add 10.0.0.1/32 dev vx0; ip nexthop add id 1946157061 via 10.244.9.0 dev vx0 onlink proto 116;"
                         " ip nexthop add id 7 via fe80::9 dev vx0; ip nexthop add id 8 blackhole; ip nexthop add id 9 group 7", "ip nexthop show", 104),
    "replies/rules": ("ip rule add from 10.244.0.0/16 to 10.9.0.0/16 iif br0 lookup 300 priority 10; ip rule add not fwmark 0x80000/0xff0000 oif eth9 lookup 52 priority 5270;"
                      " ip rule add to 10.8.0.0/16 prohibit priority 11", "ip -4 rule show", 32),
    "replies/neighbours": (BR + "; ip neigh add 10.244.9.0 lladdr 02:00:00:00:00:09 dev br0 nud permanent protocol 116; ip neigh add fd00::9 lladdr 02:00:00:00:00:0a dev br0 nud stale",
                           "ip neigh show", 28),
    "replies/fdb": (VX + "; bridge fdb replace 02:00:00:00:00:09 dev vx0 dst 10.0.0.9 self permanent; bridge fdb append 00:00:00:00:00:00 dev vx0 dst 10.0.0.8 port 8472 vni 9 self permanent",
                    "bridge fdb show dev vx0", 28),
    "replies/fdb-bridge": (BR + "; ip link add tw0 index 12 address 02:00:00:00:00:0c master br0 type veth peer name tw1 index 13;"
                           " bridge fdb replace 02:00:00:00:00:09 dev tw0 master static", "bridge fdb show br br0", 28),
    "replies/qdiscs": (PORT + "; " + IFB + "; tc qdisc add dev tb0 root handle 1: tbf rate 40gbit burst 125000000 limit 125000000; tc qdisc add dev tw0 ingress;"
                       " tc qdisc add dev tw0 root handle 1: tbf rate 20mbit burst 250000 limit 131072", "tc qdisc show", 36),
    "replies/filters": (PORT + "; " + IFB + "; tc qdisc add dev tw0 ingress; tc filter add dev tw0 parent ffff: protocol all prio 1 u32 match u32 0 0"
                        " action mirred egress redirect dev tb0", "tc filter show dev tw0 parent ffff:", 44),
    "replies/error-with-text": (VX, "ip link add vx1 type vxlan id 7 dstport 4789", 2),
    "replies/error-plain": (BR, "ip link add br0 type bridge", 2),
}

LINKINFO = {1: "IFLA_INFO_KIND", 2: "IFLA_INFO_DATA", 4: "IFLA_INFO_SLAVE_KIND", 5: "IFLA_INFO_SLAVE_DATA"}
IFLA = {1: "IFLA_ADDRESS", 2: "IFLA_BROADCAST", 3: "IFLA_IFNAME", 4: "IFLA_MTU", 5: "IFLA_LINK", 6: "IFLA_QDISC", 10: "IFLA_MASTER", 12: "IFLA_PROTINFO", 13: "IFLA_TXQLEN",
        14: "IFLA_MAP", 16: "IFLA_OPERSTATE", 17: "IFLA_LINKMODE", 18: "IFLA_LINKINFO", 20: "IFLA_IFALIAS", 26: "IFLA_AF_SPEC", 27: "IFLA_GROUP", 28: "IFLA_NET_NS_FD", 29: "IFLA_EXT_MASK",
        30: "IFLA_PROMISCUITY", 31: "IFLA_NUM_TX_QUEUES", 32: "IFLA_NUM_RX_QUEUES", 33: "IFLA_CARRIER", 37: "IFLA_LINK_NETNSID", 53: "IFLA_ALT_IFNAME"}
VXLAN = {1: "IFLA_VXLAN_ID", 3: "IFLA_VXLAN_LINK", 4: "IFLA_VXLAN_LOCAL", 7: "IFLA_VXLAN_LEARNING", 15: "IFLA_VXLAN_PORT", 17: "IFLA_VXLAN_LOCAL6", 18: "IFLA_VXLAN_UDP_CSUM",
         19: "IFLA_VXLAN_UDP_ZERO_CSUM6_TX", 20: "IFLA_VXLAN_UDP_ZERO_CSUM6_RX", 23: "IFLA_VXLAN_GBP", 25: "IFLA_VXLAN_COLLECT_METADATA"}
BRIDGE = {7: "IFLA_BR_VLAN_FILTERING", 23: "IFLA_BR_MCAST_SNOOPING"}
BRPORT = {4: "IFLA_BRPORT_MODE (hairpin)", 8: "IFLA_BRPORT_LEARNING", 9: "IFLA_BRPORT_UNICAST_FLOOD", 27: "IFLA_BRPORT_MCAST_FLOOD", 32: "IFLA_BRPORT_NEIGH_SUPPRESS", 33: "IFLA_BRPORT_ISOLATED"}
IFA = {1: "IFA_ADDRESS", 2: "IFA_LOCAL", 3: "IFA_LABEL", 4: "IFA_BROADCAST", 6: "IFA_CACHEINFO", 8: "IFA_FLAGS"}
FRA = {1: "FRA_DST", 2: "FRA_SRC", 3: "FRA_IIFNAME", 6: "FRA_PRIORITY", 10: "FRA_FWMARK", 14: "FRA_SUPPRESS_PREFIXLEN", 15: "FRA_TABLE", 16: "FRA_FWMASK", 17: "FRA_OIFNAME", 21: "FRA_PROTOCOL"}
RTA = {1: "RTA_DST", 2: "RTA_SRC", 3: "RTA_IIF", 27: "RTA_IP_PROTO", 29: "RTA_DPORT", 4: "RTA_OIF", 5: "RTA_GATEWAY", 6: "RTA_PRIORITY", 7: "RTA_PREFSRC", 8: "RTA_METRICS", 9: "RTA_MULTIPATH", 12: "RTA_CACHEINFO", 15: "RTA_TABLE", 18: "RTA_VIA", 20: "RTA_PREF", 30: "RTA_NH_ID"}
NHA = {1: "NHA_ID", 2: "NHA_GROUP", 3: "NHA_GROUP_TYPE", 4: "NHA_BLACKHOLE", 5: "NHA_OIF", 6: "NHA_GATEWAY"}
RTAX = {2: "RTAX_MTU", 8: "RTAX_ADVMSS"}
NDA = {1: "NDA_DST", 2: "NDA_LLADDR", 3: "NDA_CACHEINFO", 4: "NDA_PROBES", 5: "NDA_VLAN", 6: "NDA_PORT", 7: "NDA_VNI", 8: "NDA_IFINDEX", 9: "NDA_MASTER", 12: "NDA_PROTOCOL", 15: "NDA_FLAGS_EXT"}
TCA = {1: "TCA_KIND", 2: "TCA_OPTIONS", 3: "TCA_STATS", 4: "TCA_XSTATS", 7: "TCA_STATS2", 11: "TCA_CHAIN", 12: "TCA_HW_OFFLOAD"}
TBF = {1: "TCA_TBF_PARMS", 2: "TCA_TBF_RTAB", 4: "TCA_TBF_RATE64", 6: "TCA_TBF_BURST"}
U32 = {1: "TCA_U32_CLASSID", 2: "TCA_U32_HASH", 3: "TCA_U32_LINK", 4: "TCA_U32_DIVISOR", 5: "TCA_U32_SEL", 7: "TCA_U32_ACT", 9: "TCA_U32_PCNT", 11: "TCA_U32_FLAGS"}
ACT = {1: "TCA_ACT_KIND", 2: "TCA_ACT_OPTIONS", 3: "TCA_ACT_INDEX", 4: "TCA_ACT_STATS", 10: "TCA_ACT_IN_HW_COUNT"}
MIRRED = {1: "TCA_MIRRED_TM", 2: "TCA_MIRRED_PARMS"}
STRUCTS = {"TCA_TBF_PARMS": ["rate.cell_log, linklayer, overhead", "rate.cell_align, mpu", "rate.rate", "peakrate", "", "", "limit", "buffer", "mtu"],
           "TCA_U32_SEL": ["flags, offshift, nkeys", "offmask, off", "offoff, hoff", "hmask", "key: mask", "val", "off", "offmask"],
           "TCA_MIRRED_PARMS": ["index", "capab", "action", "refcnt", "bindcnt", "eaction", "ifindex"]}
TYPES = {2: "NLMSG_ERROR", 3: "NLMSG_DONE", 16: "RTM_NEWLINK", 17: "RTM_DELLINK", 18: "RTM_GETLINK", 19: "RTM_SETLINK", 20: "RTM_NEWADDR", 21: "RTM_DELADDR", 22: "RTM_GETADDR",
         24: "RTM_NEWROUTE", 25: "RTM_DELROUTE", 26: "RTM_GETROUTE", 28: "RTM_NEWNEIGH", 29: "RTM_DELNEIGH", 30: "RTM_GETNEIGH", 32: "RTM_NEWRULE", 34: "RTM_GETRULE",
         36: "RTM_NEWQDISC", 37: "RTM_DELQDISC", 38: "RTM_GETQDISC", 44: "RTM_NEWTFILTER", 45: "RTM_DELTFILTER", 46: "RTM_GETTFILTER",
         104: "RTM_NEWNEXTHOP", 105: "RTM_DELNEXTHOP", 106: "RTM_GETNEXTHOP"}
TCMSG = (20, TCA, ["tcm_family, -", "tcm_ifindex", "tcm_handle", "tcm_parent", "tcm_info"])
HEADERS = {4: (16, IFLA, ["ifi_family, -, ifi_type", "ifi_index", "ifi_flags", "ifi_change"]), 5: (8, IFA, ["ifa_family, prefixlen, flags, scope", "ifa_index"]),
           6: (12, RTA, ["rtm_family, dst_len, src_len, tos", "rtm_table, protocol, scope, type", "rtm_flags"]),
           8: (12, FRA, ["family, dst_len, src_len, tos", "table, -, -, action", "flags"]),
           7: (12, NDA, ["ndm_family, -", "ndm_ifindex", "ndm_state, flags, type"]), 9: TCMSG, 11: TCMSG, 26: (8, NHA, ["nh_family, scope, protocol, -", "nh_flags"])}


def datagrams(prepare, command, direction):
    """What the command sent ('write') or received ('read') on its sockets: a list of byte strings."""
    capture = f"strace -qq -e trace=sendmsg,sendto,recvmsg -e {direction}=3,4,5 -e signal=none sh -c 'exec \"$@\"' - {command.split(';')[-1]}"
    before = "; ".join([prepare] + command.split(";")[:-1])
    script = f"set -e; mount -t tmpfs none /run; {before}; {capture} || true"
    out = subprocess.run(["unshare", "--net", "--mount", "bash", "-c", script], capture_output=True, text=True)
    found, current = [], None
    for line in out.stderr.splitlines():
        row = re.match(r" \| [0-9a-f]{5}  ((?:[0-9a-f]{2} {1,2})+)", line)
        if not row:
            current = None
            continue
        if current is None:
            found.append(b"")
            current = True
        found[-1] += bytes.fromhex(row.group(1).replace(" ", ""))
    if not found:
        sys.exit(f"nothing captured for: {command}\n{out.stderr}{out.stdout}")
    return found


def messages(datagram):
    while len(datagram) >= 16:
        length, = struct.unpack_from("=I", datagram)
        if length < 16:     # iproute2 sends a little more than the message
            return
        yield datagram[:length]
        datagram = datagram[(length + 3) & ~3:]


class Rows(list):
    def __init__(self, differences, wide):
        super().__init__()
        self.differences, self.wide = differences, wide

    def put(self, data, comment, ours=None):
        hexed = data.hex(" ")
        self.append(f"{hexed + (f' => {ours}' if ours is not None else ''):<{28 if self.differences is not None else 50}}  # {comment}".rstrip(" #") if comment or ours is not None else hexed)

    def value(self, data, comment, ours=None):
        step = 32 if self.wide or ours == "" else 4
        for at in range(0, len(data), step):
            self.put(data[at:at + step], comment if at == 0 else "", ours if at == 0 or ours == "" else None)


def readable(name, value):
    if re.search(r"NAME|KIND|LABEL|ALIAS|QDISC", name):
        return repr(value.rstrip(b"\0").decode())
    if re.search(r"LLADDR|IFLA_ADDRESS|IFLA_BROADCAST", name):
        return value.hex(":")
    if re.search(r"_DST|_SRC|GATEWAY|LOCAL|IFA_ADDRESS|IFA_BROADCAST|PREFSRC", name):
        return ".".join(map(str, value)) if len(value) == 4 else value.hex(":", 2)
    if "PORT" in name and len(value) == 2:
        return str(struct.unpack(">H", value)[0])
    return str(int.from_bytes(value, sys.byteorder)) if len(value) in (1, 2, 4) else ""


def nested(name, kind):
    return {"IFLA_LINKINFO": LINKINFO, "IFLA_PROTINFO": BRPORT, "RTA_METRICS": RTAX, "IFLA_INFO_SLAVE_DATA": BRPORT,
            "IFLA_INFO_DATA": {"vxlan": VXLAN, "bridge": BRIDGE, "veth": {1: "VETH_INFO_PEER"}}.get(kind),
            "TCA_OPTIONS": {"tbf": TBF, "u32": U32}.get(kind), "TCA_U32_ACT": {1: "action 1"}, "action 1": ACT,
            "TCA_ACT_OPTIONS": {"mirred": MIRRED}.get(kind)}.get(name)


def left_out(data, names, differences, kind=None):
    """Bytes of the attributes that twill does not send, being "" in the differences."""
    total = 0
    while data:
        length, number = struct.unpack_from("=HH", data)
        name, value = names.get(number & 0x3fff, ""), data[4:length]
        kind = value.rstrip(b"\0").decode() if name in ("TCA_KIND", "TCA_ACT_KIND") else kind
        if differences.get(name, (None,))[0] == "":
            total += (length + 3) & ~3
        elif name.startswith("TC") and nested(name, kind):
            total += left_out(value, nested(name, kind), differences, kind)
        data = data[(length + 3) & ~3:]
    return total


def attributes(rows, data, names, indent, request, kind=None):
    while data:
        length, number = struct.unpack_from("=HH", data)
        name = names.get(number & 0x3fff, f"attribute {number & 0x3fff}")
        value, padded = data[4:length], data[4:(length + 3) & ~3]
        inside = nested(name, kind)
        if inside or name == "VETH_INFO_PEER":
            flagless = request and not number & NESTED
            ours = struct.pack("=HH", length - (left_out(value, inside, rows.differences or {}, kind) if name.startswith("TC") else 0), number | NESTED if request else number)
            rows.put(data[:4], f"{indent}{name}{{{' twill says NLA_F_NESTED' if flagless else ''}".replace("{", " {"),
                     ours.hex(" ") if ours != data[:4] else None)
            if name == "VETH_INFO_PEER":
                for i, field in enumerate(HEADERS[4][2]):
                    rows.put(value[4 * i:4 * i + 4], f"{indent}  {field}")
                value, inside = value[16:], IFLA
            attributes(rows, value, inside, indent + "  ", request, kind)
        else:
            ours, why = rows.differences.get(name, (None, "")) if rows.differences else (None, "")
            rows.put(data[:4], indent + name, ours if ours == "" else None)
            if name in STRUCTS:
                for at in range(0, len(value), 4):
                    field = STRUCTS[name][at // 4] if at // 4 < len(STRUCTS[name]) else ""
                    ours, why = rows.differences.get(field.split(",")[0], (None, "")) if rows.differences else (None, "")
                    rows.put(value[at:at + 4], f"{indent}  {field}" + (f"; twill: {why}" if why else ""), ours)
                data = data[(length + 3) & ~3:]
                continue
            rows.value(padded, f"{indent}  {readable(name, value)}" + (f"; twill: {why}" if why else ""), ours)
            if name in ("IFLA_INFO_KIND", "IFLA_INFO_SLAVE_KIND", "TCA_KIND", "TCA_ACT_KIND"):
                kind = value.rstrip(b"\0").decode()
        data = data[(length + 3) & ~3:]


def message(rows, data, request):
    length, kind, flags, _, _ = struct.unpack_from("=IHHII", data)
    left = left_out(data[16 + TCMSG[0]:], TCA, rows.differences) if rows.differences and HEADERS[kind // 4] is TCMSG else 0
    rows.put(data[:4], f"nlmsg_len {length}", struct.pack("=I", length - left).hex(" ") if left else None)
    rows.put(data[4:8], f"{TYPES.get(kind, kind)}, nlmsg_flags {flags:#x}")
    rows.put(bytes(4), "nlmsg_seq")
    rows.put(bytes(4), "nlmsg_pid")
    body = data[16:]
    if kind in (2, 3):
        rows.put(body[:4], f"error {struct.unpack_from('=i', body)[0]}")
        rows.value(body[4:12] + bytes(8) + body[20:] if kind == 2 else body[4:], "the request, and what the kernel says of it" if kind == 2 else "")
        return
    size, names, fields = HEADERS[kind // 4]
    for i, field in enumerate(fields):
        ours, why = (rows.differences or {}).get(field.split(",")[0], (None, ""))
        rows.put(body[4 * i:4 * i + 4], field + (f"; twill: {why}" if why else ""), ours)
    attributes(rows, body[size:], names, "", request)


def write(name, text):
    path = os.path.join(HERE, name + ".hex")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        f.write(text)
    print(name)


def main():
    wanted = sys.argv[1:]
    if wanted and wanted[0] in ("-h", "--help"):
        print(__doc__)
        return
    version = subprocess.run(["ip", "-V"], capture_output=True, text=True).stdout.split(",")[1].strip()
    for name, (prepare, command, kind, differences) in REQUESTS.items():
        if wanted and name not in wanted:
            continue
        sent = [m for d in datagrams(prepare, command, "write") for m in messages(d) if struct.unpack_from("=H", m, 4)[0] == kind]
        if "/list-" in name and kind != 46:
            sent = [m for m in sent if struct.unpack_from("=H", m, 6)[0] & 0x300 == 0x300]
        # The first requests of some commands only find out what ip needs to know.
        rows = Rows(differences, False)
        message(rows, sent[-1], True)
        write(name, f"# {command}\n# {version} sends this (seen by strace, see capture.py), after: {prepare}\n" + "\n".join(rows) + "\n")
    for name, (prepare, command, kind) in REPLIES.items():
        if wanted and name not in wanted:
            continue
        received = [m for d in datagrams(prepare, command, "read") for m in messages(d) if struct.unpack_from("=H", m, 4)[0] in (kind, 3)]
        if "link show dev" in command:     # ip also asks for the links that this one refers to
            received = [m for m in received if m[4] == kind and m[32:].startswith(b"%c\0\3\0%s\0" % (5 + len(command.split()[-1]), command.split()[-1].encode()))]
        if "/error" in name or "link show dev" in command:
            received = received[-1:]
        rows = Rows(None, True)
        for m in received:
            rows.append("")
            message(rows, m, False)
        write(name, f"# {command}\n# Linux {os.uname().release.split('-')[0]} answers this (seen by strace, see capture.py), after: {prepare}\n" + "\n".join(rows) + "\n")


main()
