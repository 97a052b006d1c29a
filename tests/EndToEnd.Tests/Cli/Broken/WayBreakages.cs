namespace Twill.EndToEnd.Tests.Cli.Broken;

/// <summary>What may be in the way between hosts. The agent is awake: it measures that the other host does not answer.</summary>
internal static class WayBreakages
{
    private const string Check = "reachability",
        There = "192.168.50.12"; // the other host

    internal static readonly Breakage[] All =
    [
        new(
            "the tunnel's port closed in INPUT",
            "nft 'table inet site { chain input { type filter hook input priority 0; policy drop; iifname lo accept; "
                + "ct state established,related accept; meta l4proto { tcp, icmp } accept; udp dport { 53, 67-68 } accept; }; }'",
            Check,
            "closed in INPUT of this host: chain input of nftables table inet site (policy drop) drops packets from other hosts to UDP "
                + "port 4789 of this host"
        )
        {
            AgentAwake = true,
            CleanUp = "nft delete table inet site",
        },
        new(
            "the tunnel's port closed for one host",
            "nft 'table ip site { chain input { type filter hook input priority 10; "
                + $"ip saddr {There} udp dport 4000-5000 reject; }}; }}'",
            Check,
            $"drops packets from {There} to UDP port 4789 of this host by rule "
        )
        {
            AgentAwake = true,
            CleanUp = "nft delete table ip site",
        },
        new(
            "the tunnel's port closed by iptables",
            "iptables -A INPUT -p udp --dport 4789 -j DROP",
            Check,
            "closed in INPUT of this host: chain INPUT of nftables table ip filter drops packets from other hosts to UDP port 4789"
        )
        {
            AgentAwake = true,
            CleanUp = "iptables -F INPUT",
        },
        new(
            "the tunnel's port closed before connection tracking",
            "iptables -t raw -A PREROUTING -p udp -m multiport --dports 4789,8472 -j DROP",
            Check,
            "chain PREROUTING of nftables table ip raw drops packets from other hosts to UDP port 4789"
        )
        {
            AgentAwake = true,
            CleanUp = "iptables -t raw -F PREROUTING",
        },
        new(
            "the tunnel's port closed by ufw",
            "iptables -N ufw-user-input; iptables -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT; iptables -A INPUT -p icmp "
                + "-j ACCEPT; iptables -A INPUT -p tcp -j ACCEPT; iptables -A INPUT -j ufw-user-input; iptables -P INPUT DROP",
            Check,
            "closed in INPUT of this host: chain INPUT of nftables table ip filter (policy drop)"
        )
        {
            AgentAwake = true,
            Advice = "ufw allow 4789/udp",
            Person = "iptables -A ufw-user-input -p udp --dport 4789 -j ACCEPT", // as that command does
            CleanUp = "iptables -P INPUT ACCEPT; iptables -F INPUT; iptables -F ufw-user-input; iptables -X ufw-user-input",
        },
        new(
            "the tunnel's port closed by firewalld",
            "nft 'table inet firewalld { chain filter_INPUT { type filter hook input priority filter + 10; policy accept; "
                + "ct state { established, related } accept; ct status dnat accept; iifname lo accept; ct state invalid drop; "
                + "jump filter_INPUT_ZONES; reject with icmpx admin-prohibited; }; "
                + "chain filter_INPUT_ZONES { iifname { \"eth0\", \"eth7\" } goto filter_IN_internal; goto filter_IN_public; }; "
                + "chain filter_IN_internal { jump filter_IN_internal_allow; meta l4proto { icmp, ipv6-icmp } accept; "
                + "reject with icmpx admin-prohibited; }; "
                + "chain filter_IN_internal_allow { tcp dport 22 ct state { new, untracked } accept; }; "
                + "chain filter_IN_public { reject with icmpx admin-prohibited; }; }'",
            Check,
            "closed in INPUT of this host: chain filter_INPUT of nftables table inet firewalld drops packets from other hosts"
        )
        {
            AgentAwake = true,
            Advice = "firewall-cmd --permanent --zone=internal --add-port=4789/udp && firewall-cmd --reload",
            Person = "nft add rule inet firewalld filter_IN_internal_allow udp dport 4789 accept", // as that command does
            CleanUp = "nft delete table inet firewalld",
        },
        new(
            "the tunnel's packets dropped in OUTPUT",
            "nft 'table inet site { chain output { type filter hook output priority 0; oifname eth0 udp dport 4789 drop; }; }'",
            Check,
            "closed in OUTPUT of this host: chain output of nftables table inet site drops packets to UDP port 4789 of other hosts by rule "
        )
        {
            AgentAwake = true,
            CleanUp = "nft delete table inet site",
        },
        new(
            "a rule that diverts containers' packets",
            "ip route add default via 192.168.50.254 table 77; ip rule add from 10.244.0.0/16 lookup 77 priority 100",
            "peers",
            "leave by eth0, not by twill.1: rule '100: from 10.244.0.0/16 lookup 77' leads them there"
        )
        {
            CleanUp = "ip rule del priority 99; ip rule del priority 100; ip route flush table 77",
        },
        new(
            "a rule that diverts all packets",
            "ip link add vpn0 type bridge; ip link set vpn0 up; ip route add 10.0.0.0/8 dev vpn0 table 52; "
                + "ip rule add not fwmark 0x80000/0xff0000 lookup 52 priority 5270",
            "peers",
            "leave by vpn0, not by twill.1: rule '5270: not from all fwmark 0x80000 mask 0xff0000 lookup 52' leads them there"
        )
        {
            CleanUp = "ip rule del priority 5269; ip rule del priority 5270; ip route flush table 52; ip link delete vpn0",
        },
        new(
            "a rule that diverts tunnel packets",
            $"ip link add vpn0 type bridge; ip link set vpn0 up; ip route add {There} dev vpn0 table 52; "
                + "ip rule add from all lookup 52 priority 5270",
            Check,
            $"packets to {There} leave by vpn0, not by eth0: rule '5270: from all lookup 52' leads them there"
        )
        {
            AgentAwake = true,
            CleanUp = "ip rule del priority 5269; ip rule del priority 5270; ip route flush table 52; ip link delete vpn0",
        },
        new("no route to the other host", $"ip route add unreachable {There}", Check, $"packets to {There} leave by nowhere")
        {
            AgentAwake = true,
            Advice = $"bring back the route to {There}, or remove the one that is in the way (ip route get {There}",
            Person = $"ip route del unreachable {There}",
        },
        new(
            "a way that carries small packets only",
            "nft 'table inet site { chain output { type filter hook postrouting priority 0; oifname eth0 meta length > 1400 drop; }; }'",
            Check,
            "packets of up to 1350 bytes reach $PEERNET"
        )
        {
            AgentAwake = true,
            Advice = "to 1350 on every host and restart the containers",
            Person = "nft delete table inet site",
        },
    ];
}
