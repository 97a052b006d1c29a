using System.Text.Json;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Cli;

/// <summary>Somebody breaks something: doctor names it, and nothing is left to say once it is whole again.</summary>
public sealed class DoctorTests(TwoHosts hosts) : IClassFixture<TwoHosts>
{
    private const string Record = "/var/lib/cni/twill/twill",
        State = "/run/twill/twill";

    private LabHost Host => hosts.Cluster.Hosts[0];

    [RequiresRootTheory]
    [InlineData("echo 0 >/proc/sys/net/ipv4/ip_forward", "", "forwarding", "net.ipv4.ip_forward is 0")]
    [InlineData(
        "echo 0 >/proc/sys/net/ipv4/conf/eth0/forwarding",
        "echo 1 >/proc/sys/net/ipv4/conf/eth0/forwarding",
        "forwarding",
        "net.ipv4.conf.eth0.forwarding is 0"
    )]
    [InlineData("ip link set twill0 down", "", "bridge", "bridge twill0 is down")]
    [InlineData(
        "ip link set twill0 address 02:00:00:00:00:99",
        "ip link set twill0 address $BRIDGE",
        "bridge",
        "hardware address 02:00:00:00:00:99"
    )]
    [InlineData("ip -4 address flush dev twill0", "", "bridge", "lacks the address $GATEWAY")]
    [InlineData("ip link set $END down", "ip link set $END up", "bridge", "host end $END (container")]
    [InlineData("ip link set $END nomaster", "ip link set $END master twill0", "bridge", "$END (container")]
    [InlineData("ip link delete twill.1", "", "overlay", "twill.1 is missing")]
    [InlineData("ip link set twill.1 down", "", "overlay", "it is down")]
    [InlineData("ip link set twill.1 address 02:00:00:00:00:99", "", "overlay", "its hardware address is 02:00:00:00:00:99")]
    [InlineData("ip link delete twill.1; ip link add twill.1 type vxlan id 7 dstport 4790", "", "overlay", "its VNI is 7, not 1")]
    [InlineData("ip address add 10.244.99.9/24 dev twill.1", "", "overlay", "it has the address 10.244.99.9/24")]
    [InlineData("ip link set twill.1 mtu 1300", "", "MTU", "twill.1 has MTU 1300, not 1450")]
    [InlineData("ip link set eth0 mtu 1400", "ip link set eth0 mtu 1500", "MTU", "not 1350 (eth0 has 1400 bytes, less 50 for vxlan)")]
    [InlineData(
        "ip link set $END mtu 1400",
        "ip link set $END mtu 1450; ip link set twill0 mtu 1450",
        "MTU",
        "another MTU than 1450: $END 1400"
    )]
    [InlineData("nft delete table inet twill-twill", "", "firewall", "table inet twill-twill is missing")]
    [InlineData("nft add table inet twill-twill '{ flags dormant; }'", "", "firewall", "table inet twill-twill is dormant")]
    [InlineData("nft flush set inet twill-twill peers", "", "firewall", "tunnel packets of peer ")]
    [InlineData(
        "echo 1 >/proc/sys/net/ipv6/conf/twill0/accept_ra",
        "echo 0 >/proc/sys/net/ipv6/conf/twill0/accept_ra",
        "bridge",
        "net.ipv6.conf.twill0.accept_ra is not 0"
    )]
    [InlineData(
        "echo 0 >/proc/sys/net/ipv6/conf/twill0/disable_ipv6",
        "echo 1 >/proc/sys/net/ipv6/conf/twill0/disable_ipv6",
        "bridge",
        "net.ipv6.conf.twill0.disable_ipv6 is not 1"
    )]
    [InlineData(
        "echo 1 >/proc/sys/net/ipv4/conf/twill0/route_localnet",
        "echo 0 >/proc/sys/net/ipv4/conf/twill0/route_localnet",
        "firewall",
        "twill0.route_localnet is 1"
    )]
    [InlineData("ip link set twill0 group 0", "ip link set twill0 group 117", "bridge", "bridge twill0 is in link group 0")]
    [InlineData(
        "nft flush chain inet twill-twill postrouting",
        "",
        "firewall",
        "chain postrouting of nftables table inet twill-twill lacks the rule '"
    )]
    [InlineData("nft flush set inet twill-twill local", "", "firewall", "set local of nftables table inet twill-twill lacks 10.244.0.0/16")]
    [InlineData(
        "echo 1 >/proc/sys/net/ipv4/conf/twill.1/rp_filter",
        "echo 0 >/proc/sys/net/ipv4/conf/twill.1/rp_filter",
        "rp_filter",
        "strict on twill.1"
    )]
    [InlineData(
        "echo 1 >/proc/sys/net/ipv4/conf/all/rp_filter",
        "echo 0 >/proc/sys/net/ipv4/conf/all/rp_filter",
        "rp_filter",
        "strict on eth0"
    )]
    [InlineData("ip route flush proto 116", "", "peers", "the way to $PEERNET is broken: route missing")]
    [InlineData("ip neigh del $NEXTHOP dev twill.1", "", "peers", "the way to $PEERNET is broken: neighbour missing")]
    [InlineData("bridge fdb del $PEER dev twill.1", "", "peers", "the way to $PEERNET is broken: FDB entry missing")]
    [InlineData("bridge fdb replace $PEER dev twill.1 dst 192.168.50.99", "", "peers", "FDB entry changed")]
    [InlineData("ip route add $NEXTHOP/25 via 192.168.50.254", "ip route del $NEXTHOP/25", "peers", "leave by eth0, not by twill.1")]
    [InlineData(
        "ip route flush proto 116; ip neigh flush dev twill.1 nud permanent; bridge fdb del $PEER dev twill.1",
        "",
        "peers",
        "the agent knows of 1 remote subnet, the kernel has the way to 0"
    )]
    [InlineData(
        $"sed 's/^boot: .*/boot: earlier/' {Record}/$ADDRESS >{Record}/10.244.0.250",
        $"rm {Record}/10.244.0.250",
        "leaks",
        "10.244.0.250 (container cnitool-"
    )]
    [InlineData(
        $"echo junk >{Record}/10.244.0.250",
        $"rm {Record}/10.244.0.250",
        "leaks",
        "address 10.244.0.250 is still recorded: the file is damaged"
    )]
    [InlineData($"mv {Record}/$ADDRESS /run/kept", $"mv /run/kept {Record}/$ADDRESS", "leaks", "host end $END (container cnitool-")]
    [InlineData(
        "ip link add name tb0123456789abc type ifb; ip link set tb0123456789abc alias 'twill twill c9 eth0'",
        "ip link delete tb0123456789abc",
        "leaks",
        "device tb0123456789abc (container c9, eth0) is left"
    )]
    [InlineData(
        "echo '{' >/etc/cni/net.d/99-bad.conflist",
        "rm /etc/cni/net.d/99-bad.conflist",
        "configuration",
        "99-bad.conflist: not valid JSON at line"
    )]
    [InlineData("mkdir /run/twill/old", "rmdir /run/twill/old", "leftovers", "network 'old' has left")]
    [InlineData(
        $"cp {State}/agent.json /run/kept; sed -i 's/\"bootTime\": [0-9.]*/\"bootTime\": 0/' {State}/agent.json",
        $"mv /run/kept {State}/agent.json",
        "agent",
        "has not reported for"
    )]
    [InlineData(
        $"cp {State}/subnet.json /run/kept; sed -i 's/\"deadline\": .*,/\"deadline\": 1,/' {State}/subnet.json",
        $"mv /run/kept {State}/subnet.json",
        "lease",
        "the lease ran out"
    )]
    [InlineData(
        $"cp {State}/subnet.json /run/kept; echo '{{' >{State}/subnet.json",
        $"mv /run/kept {State}/subnet.json",
        "configuration",
        "subnet.json: not valid JSON"
    )]
    public void What_is_broken_is_named(string damage, string undo, string check, string words)
    {
        string variables = Variables(out Func<string, string> filled);
        Host.Agent!.Send(Signal.Stop); // or it would mend before we have looked
        try
        {
            Host.Sh($"{variables}; {damage}");
            (int code, _) = Host.TwillJson("doctor");
            code.Should().Be(1);
            Host.Complaints().Should().Contain(c => c.Check == check && c.Text.Contains(filled(words)) && c.Remedy.Length > 0);
        }
        finally
        {
            Host.Sh($"{variables}; {(undo.Length > 0 ? undo : ":")}");
            Host.Agent!.Send(Signal.Cont);
        }

        Eventually.Pass(() => Host.Complaints().Should().BeEmpty(Host.Agent!.Log), TimeSpan.FromSeconds(20));
    }

    [RequiresRootTheory]
    [InlineData(
        "nft add table inet admin; nft add chain inet admin gate '{ type filter hook forward priority 0; policy drop; }'",
        "nft delete table inet admin",
        "chain gate of nftables table inet admin (policy drop)"
    )]
    [InlineData(
        "nft add table ip admin; nft add chain ip admin gate '{ type filter hook forward priority -5; }'; nft add rule ip admin gate "
            + "ip saddr 10.0.0.0/8 reject",
        "nft delete table ip admin",
        "chain gate of nftables table ip admin drops"
    )]
    [InlineData("iptables -A FORWARD -s 10.0.0.0/8 -j DROP", "iptables -F", "chain FORWARD of nftables table ip filter drops")]
    public void Another_firewall_that_drops_is_named_and_the_recommended_command_lets_traffic_through(
        string damage,
        string undo,
        string words
    )
    {
        Eventually.True("the containers reach each other", () => hosts.From.CanPing(hosts.To.Address));
        try
        {
            Host.Sh(damage);
            hosts.From.CanPing(hosts.To.Address).Should().BeFalse("the damage is one");
            Complaint complaint = Host.Complaints().Should().ContainSingle().Subject;
            (complaint.Check, complaint.Outcome).Should().Be(("forward chains", "failed"));
            complaint.Text.Should().Contain(words);

            Host.Sh(complaint.Remedy);
            Host.Complaints().Should().BeEmpty();
            Eventually.True("the containers reach each other", () => hosts.From.CanPing(hosts.To.Address));
        }
        finally
        {
            Host.Sh(undo);
        }
    }

    /// <summary>What rp_filter drops is a connection of the other host itself, from its address on the underlay.</summary>
    [RequiresRootFact]
    public void Strict_reverse_path_filtering_drops_what_doctor_says_and_its_remedy_helps()
    {
        LabHost other = hosts.Cluster.Hosts[1];
        bool Reaches() => other.Run("ping", "-n", "-q", "-c", "1", "-W", "1", "-I", other.Address, hosts.From.Address).ExitCode == 0;
        Eventually.True("the other host reaches the container", Reaches);
        try
        {
            Host.Sh("echo 1 >/proc/sys/net/ipv4/conf/twill.1/rp_filter");
            Reaches().Should().BeFalse();
            Host.Sh(Host.Complaints().Should().ContainSingle().Subject.Remedy.Split(" (")[0]);
            Eventually.True("the other host reaches the container", Reaches);
            Host.Complaints().Should().BeEmpty();
        }
        finally
        {
            Host.Sh("echo 0 >/proc/sys/net/ipv4/conf/twill.1/rp_filter");
        }
    }

    [RequiresRootFact]
    public void A_plugin_that_is_missing_beside_twill_is_named()
    {
        Host.Sh("mkdir /run/alone && cp /opt/cni/bin/twill /run/alone");
        CmdResult doctor = Host.Run("/run/alone/twill", "doctor");
        doctor.ExitCode.Should().Be(1);
        doctor.Stdout.Should().Contain("twill-ipam is not in /run/alone: every ADD fails");

        Host.Sh("cp /opt/cni/bin/twill-ipam /run/alone && chmod -x /run/alone/twill-ipam");
        Host.Run("/run/alone/twill", "doctor").Stdout.Should().Contain("/run/alone/twill-ipam is not executable").And.Contain("chmod 755");
    }

    [RequiresRootFact]
    public void An_agent_that_is_gone_is_named_by_doctor_and_status()
    {
        Host.Agent!.Kill();
        Host.Complaints().Should().ContainSingle().Which.Text.Should().Contain("the agent (twilld) is not running");
        CmdResult status = Host.Twill("status");
        status.ExitCode.Should().Be(1);
        status.Stdout.Should().Contain("problem   the agent (twilld) is not running");

        Host.StartAgent();
        Eventually.Pass(() => Host.Complaints().Should().BeEmpty(Host.Agent!.Log), TimeSpan.FromSeconds(20));
    }

    /// <summary>What damages and words refer to: the container's host end and address, the bridge, and the entries for the other
    /// host.</summary>
    private string Variables(out Func<string, string> filled)
    {
        JsonElement peer = Host.IpJson("neigh show dev twill.1 nud permanent")[0];
        Dictionary<string, string> values = new()
        {
            ["END"] = Leftovers.Links(Host)[0],
            ["ADDRESS"] = hosts.From.Address,
            ["BRIDGE"] = Host.IpJson("link show dev twill0")[0].GetProperty("address").GetString()!,
            ["GATEWAY"] = Host.IpJson("-4 address show dev twill0")[0].GetProperty("addr_info")[0].GetProperty("local").GetString()!,
            ["NEXTHOP"] = peer.GetProperty("dst").GetString()!,
            ["PEERNET"] = $"{peer.GetProperty("dst").GetString()}/24",
            ["PEER"] = peer.GetProperty("lladdr").GetString()!,
        };
        filled = text => values.OrderByDescending(v => v.Key.Length).Aggregate(text, (t, v) => t.Replace($"${v.Key}", v.Value));
        return string.Join("; ", values.Select(v => $"{v.Key}={v.Value}"));
    }
}
