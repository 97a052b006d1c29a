namespace Kernel.Tests.Host.Forwarding;

/// <summary>Firewalls as other programs make them.</summary>
internal static class OtherPeoplesRules
{
    /// <summary>`iptables-save` on a host where dockerd 20.10.24 turned on forwarding itself, less what it has for translations.</summary>
    internal const string Docker = """
        iptables-restore <<'END'
        *filter
        :INPUT ACCEPT [0:0]
        :FORWARD DROP [0:0]
        :OUTPUT ACCEPT [0:0]
        :DOCKER - [0:0]
        :DOCKER-ISOLATION-STAGE-1 - [0:0]
        :DOCKER-ISOLATION-STAGE-2 - [0:0]
        :DOCKER-USER - [0:0]
        -A FORWARD -j DOCKER-USER
        -A FORWARD -j DOCKER-ISOLATION-STAGE-1
        -A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
        -A FORWARD -o docker0 -j DOCKER
        -A FORWARD -i docker0 ! -o docker0 -j ACCEPT
        -A FORWARD -i docker0 -o docker0 -j ACCEPT
        -A DOCKER-ISOLATION-STAGE-1 -i docker0 ! -o docker0 -j DOCKER-ISOLATION-STAGE-2
        -A DOCKER-ISOLATION-STAGE-1 -j RETURN
        -A DOCKER-ISOLATION-STAGE-2 -o docker0 -j DROP
        -A DOCKER-ISOLATION-STAGE-2 -j RETURN
        -A DOCKER-USER -j RETURN
        COMMIT
        *nat
        :PREROUTING ACCEPT [0:0]
        :INPUT ACCEPT [0:0]
        :OUTPUT ACCEPT [0:0]
        :POSTROUTING ACCEPT [0:0]
        :DOCKER - [0:0]
        -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
        -A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER
        -A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
        -A DOCKER -i docker0 -j RETURN
        COMMIT
        END
        """;

    /// <summary>A REJECT at the end of chains that everything is led through, as ufw has it with `default reject routed`.</summary>
    internal const string Ufw = """
        iptables -P FORWARD DROP
        for c in before reject track; do iptables -N ufw-$c-forward; done
        iptables -A FORWARD -j ufw-before-forward; iptables -A FORWARD -j ufw-reject-forward; iptables -A FORWARD -j ufw-track-forward
        iptables -A ufw-before-forward -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
        iptables -A ufw-before-forward -p icmp --icmp-type time-exceeded -j ACCEPT
        iptables -A ufw-reject-forward -j REJECT
        """;

    /// <summary>What distributions ship in /etc/sysconfig/iptables.</summary>
    internal const string RejectAtTheEnd = "iptables -A FORWARD -j REJECT --reject-with icmp-host-prohibited";

    /// <summary>The chains of firewalld 1.3 that a forwarded packet passes, of zone public: the base chain accepts and ends in a
    /// reject.</summary>
    internal const string Firewalld = """
        nft -f - <<'END'
        table inet firewalld {
          chain filter_FORWARD {
            type filter hook forward priority filter + 10; policy accept;
            ct state { established, related } accept
            ct status dnat accept
            iifname "lo" accept
            ct state invalid drop
            ip6 daddr { ::/96, fe80::/10 } reject with icmpv6 addr-unreachable
            jump filter_FORWARD_ZONES
            reject with icmpx admin-prohibited
          }
          chain filter_FORWARD_ZONES {
            ip saddr { 192.168.77.0/24 } goto filter_FWD_trusted
            iifname { "out0", "eth0" } goto filter_FWD_public
            goto filter_FWD_public
          }
          chain filter_FWD_trusted { accept; }
          chain filter_FWD_public { jump filter_FWD_public_allow; reject with icmpx admin-prohibited; }
          chain filter_FWD_public_allow { tcp dport 22 accept; meta l4proto { icmp, ipv6-icmp } accept; }
        }
        END
        """;
}
