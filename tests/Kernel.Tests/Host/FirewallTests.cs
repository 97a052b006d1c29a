using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;
using Twill.Host;
using Twill.Linux;
using Twill.Linux.Nftables;
using Twill.Testing;

namespace Kernel.Tests.Host;

public sealed class FirewallTests : IDisposable
{
    private static readonly FirewallSpec s_spec = new(
        "net1",
        "twill0",
        Masquerade: true,
        [IPNetwork.Parse("10.90.0.0/16")],
        [IPNetwork.Parse("192.0.2.0/24")]
    );

    private readonly TestNetns _ns = TestNetns.Create();

    [RequiresRootFact]
    public void Is_written_once_and_then_recognised()
    {
        Do(nft => Firewall.Ensure(nft, s_spec)).Should().BeTrue();
        string written = Ruleset();
        Do(nft => Firewall.Ensure(nft, s_spec)).Should().BeFalse();

        Ruleset().Should().Be(written);
        written
            .Should()
            .Contain("table inet twill-net1 {")
            .And.Contain("elements = { 10.90.0.0/16 }")
            .And.Contain("elements = { 192.0.2.0/24, 224.0.0.0/4,")
            .And.Contain("255.255.255.255 }")
            .And.Contain("ip saddr @local ip daddr != @local ip daddr != @exempt masquerade fully-random")
            .And.Contain("ip saddr @local accept")
            .And.Contain("ip daddr @local accept");
        Do(nft => Firewall.FindDifference(nft, s_spec, [])).Should().BeNull();
    }

    [RequiresRootFact]
    public void Another_configuration_replaces_the_table_whole()
    {
        Do(nft => Firewall.Ensure(nft, s_spec));
        Do(nft => Firewall.Ensure(nft, s_spec with { Masquerade = false })).Should().BeTrue();

        Ruleset().Should().NotContain("masquerade fully-random").And.Contain("ip saddr @local accept");
    }

    [RequiresRootFact]
    public void Tables_of_others_and_of_other_networks_are_left_alone()
    {
        _ns.Run("nft", "add table inet mine { chain c { type filter hook forward priority 0; counter accept; } ; }").OrThrow();
        Do(nft => Firewall.Ensure(nft, s_spec));
        Do(nft => Firewall.Ensure(nft, s_spec with { Network = "net2" }));

        Do(nft =>
        {
            Firewall.Delete(nft, "net1");
            return true;
        });
        Do(nft =>
        {
            Firewall.Delete(nft, "net1");
            return true;
        });

        Ruleset().Should().Contain("table inet mine").And.Contain("table inet twill-net2").And.NotContain("twill-net1");
    }

    [RequiresRootTheory]
    [InlineData("delete table inet twill-net1", "nftables table inet twill-net1 is missing")]
    [InlineData("flush chain inet twill-net1 postrouting", "lacks the rule 'published ports, asked for by containers'")]
    [InlineData("flush chain inet twill-net1 loopback", "lacks the rule 'spoofed loopback source'")]
    [InlineData("flush chain inet twill-net1 prerouting", "lacks the rule 'ports published at one address'")]
    [InlineData("flush chain inet twill-net1 output", "lacks the rule 'ports published at one address'")]
    [InlineData("flush chain inet twill-net1 forward", "lacks the rule 'out of the cluster network, of no connection'")]
    [InlineData("add table inet twill-net1 { flags dormant; }", "nftables table inet twill-net1 is dormant")]
    [InlineData("delete element inet twill-net1 local { 10.90.0.0/16 }", "set local of nftables table inet twill-net1 lacks 10.90.0.0/16")]
    [InlineData("delete element inet twill-net1 exempt { 224.0.0.0/4 }", "set exempt of nftables table inet twill-net1 lacks 224.0.0.0/4")]
    [InlineData("add chain inet twill-net1 forward { policy drop; }", "chain forward of nftables table inet twill-net1 is missing, or")]
    public void What_was_taken_away_is_named(string damage, string told)
    {
        Do(nft => Firewall.Ensure(nft, s_spec));
        _ns.Run("nft", damage).OrThrow();

        Do(nft => Firewall.FindDifference(nft, s_spec, [])).Should().Contain(told);
    }

    [RequiresRootTheory]
    [InlineData("flush ruleset")]
    [InlineData("delete table inet twill-net1")]
    [InlineData("flush table inet twill-net1")]
    [InlineData("flush chain inet twill-net1 forward")]
    [InlineData("flush chain inet twill-net1 output; delete chain inet twill-net1 output")]
    [InlineData("add chain inet twill-net1 forward { policy drop; }")]
    [InlineData("add table inet twill-net1 { flags dormant; }")]
    [InlineData("delete rule inet twill-net1 postrouting handle $HANDLE")]
    public void The_next_ensure_writes_what_is_missing_once(string damage)
    {
        Do(nft => Firewall.Ensure(nft, s_spec));
        string written = Ruleset();
        string handle = _ns.Sh("nft -a list chain inet twill-net1 postrouting | sed -n 's/.*fully-random.*# handle //p'").Trim();
        _ns.Run("nft", damage.Replace("$HANDLE", handle)).OrThrow();

        Do(nft => Firewall.Ensure(nft, s_spec)).Should().BeTrue();

        Ruleset().Should().Be(written);
        Do(nft => Firewall.Ensure(nft, s_spec)).Should().BeFalse();
    }

    [RequiresRootFact]
    public void A_rule_in_another_place_than_its_own_is_named()
    {
        Do(nft => Firewall.Ensure(nft, s_spec));
        _ns.Sh(
            "nft -a list chain inet twill-net1 forward | sed -n 's/.*invalid.*# handle //p' "
                + "| xargs nft delete rule inet twill-net1 forward handle"
        );
        _ns.Sh(
            "nft add rule inet twill-net1 forward ct state invalid ip saddr @local ip daddr != @local "
                + "ip daddr != @exempt drop"
        );

        Do(nft => Firewall.FindDifference(nft, s_spec, []))
            .Should()
            .Contain("lacks the rule 'from containers' in its place", "what is accepted before is not dropped any more");
    }

    [RequiresRootFact]
    public void Rules_that_somebody_added_are_left_where_they_are()
    {
        Do(nft => Firewall.Ensure(nft, s_spec));
        _ns.Run("nft", "add rule inet twill-net1 forward counter").OrThrow();

        Do(nft => Firewall.Ensure(nft, s_spec)).Should().BeFalse();
        Ruleset().Should().Contain("counter packets");
    }

    [RequiresRootFact]
    public void Prefixes_that_only_the_ipam_plugin_knew_are_added_once()
    {
        FirewallSpec spec = s_spec with { Local = [] };
        IPNetwork prefix = IPNetwork.Parse("10.91.0.0/24");
        Do(nft => Firewall.Ensure(nft, spec));
        Do(nft => Firewall.FindDifference(nft, spec, [prefix])).Should().Contain("lacks 10.91.0.0/24");

        for (int i = 0; i < 2; i++)
        {
            Do(nft =>
            {
                Firewall.AddLocal(nft, "net1", prefix);
                return true;
            });
        }

        Do(nft => Firewall.FindDifference(nft, spec, [prefix])).Should().BeNull();
        Ruleset().Should().Contain("elements = { 10.91.0.0/24 }");
    }

    [RequiresRootFact]
    public void Prefixes_inside_or_around_those_that_are_there_are_no_error_and_all_are_covered()
    {
        FirewallSpec spec = s_spec with { Local = [], Exempt = [IPNetwork.Parse("10.0.0.0/8"), IPNetwork.Parse("192.0.2.77/32")] };
        IPNetwork[] prefixes =
        [
            .. new[] { "10.91.0.0/25", "10.91.0.128/25", "10.91.0.0/24", "10.91.0.64/26", "192.0.2.0/24" }.Select(IPNetwork.Parse),
        ];
        Do(nft => Firewall.Ensure(nft, spec));

        foreach (IPNetwork prefix in prefixes)
        {
            Do(nft =>
            {
                Firewall.AddLocal(nft, "net1", prefix);
                return true;
            });
        }

        Do(nft => Firewall.FindDifference(nft, spec, prefixes)).Should().BeNull();
        Ruleset().Should().Contain("elements = { 10.91.0.0/24, 192.0.2.0/24 }");
    }

    [RequiresRootFact]
    public void With_a_tunnel_what_would_go_from_host_to_host_beside_it_is_dropped_both_ways()
    {
        FirewallSpec clear = s_spec with { Local = [IPNetwork.Parse("10.90.0.0/16"), IPNetwork.Parse("fc00:90::/48")] };
        using TestNetns pod = TestNetns.Create(),
            far = TestNetns.Create();
        Join(pod, "twill0", "10.90.1.1/24 fc00:90:0:1::1/64", "10.90.1.5/24 fc00:90:0:1::5/64", bridge: true);
        Join(far, "eth0", "192.0.2.1/24 fd00:2::1/64", "192.0.2.2/24 fd00:2::2/64 10.90.2.5/32 fc00:90:0:2::5/128", bridge: false);
        pod.Sh("ip route add default via 10.90.1.1; ip -6 route add default via fc00:90:0:1::1");
        far.Sh("ip route add 10.90.1.0/24 via 192.0.2.1 src 10.90.2.5; ip -6 route add fc00:90:0:1::/64 via fd00:2::1 src fc00:90:0:2::5");
        _ns.Sh(
            "ip route add 10.90.2.0/24 via 192.0.2.2; ip -6 route add fc00:90:0:2::/64 via fd00:2::2; sysctl -qw net.ipv4.ip_forward=1 "
                + "net.ipv6.conf.all.forwarding=1"
        );
        far.Run(
                "nft",
                "add table inet seen; add chain inet seen in { type filter hook prerouting priority raw; }; "
                    + "add rule inet seen in iifname eth0 ip saddr 10.90.0.0/16 counter; add rule inet seen in iifname eth0 ip6 saddr "
                    + "fc00:90::/48 counter"
            )
            .OrThrow();

        Do(nft => Firewall.Ensure(nft, clear));
        Eventually.True("what goes in clear arrives", () =>
            pod.CanPing("10.90.2.5") && pod.CanPing("fc00:90:0:2::5") && far.CanPing("10.90.1.5") && far.CanPing("fc00:90:0:1::5")
        );

        Do(nft => Firewall.Ensure(nft, clear with { Tunnel = "twill-wg.51820" }));
        Do(nft => Firewall.FindDifference(nft, clear with { Tunnel = "twill-wg.51820" }, [])).Should().BeNull();
        int[] seen = Seen(far);
        seen.Should().OnlyContain(count => count > 0);
        pod.CanPing("10.90.2.5").Should().BeFalse();
        pod.CanPing("fc00:90:0:2::5").Should().BeFalse();
        far.CanPing("10.90.1.5").Should().BeFalse();
        far.CanPing("fc00:90:0:1::5").Should().BeFalse();
        _ns.CanPing("10.90.2.5").Should().BeFalse("the host itself sends nothing in clear either");
        Seen(far).Should().Equal(seen);
        pod.CanPing("192.0.2.2").Should().BeTrue("the way out of the cluster network is as before");
        _ns.CanPing("10.90.1.5").Should().BeTrue("the way to its own containers is as before");
        far.Run("nft", "flush table inet seen").OrThrow();

        Do(nft => Firewall.Ensure(nft, clear with { Tunnel = "eth0" }));
        pod.CanPing("10.90.2.5").Should().BeTrue("that device is the tunnel now");
        far.CanPing("fc00:90:0:1::5").Should().BeTrue();
    }

    [RequiresRootTheory]
    [InlineData("flush chain inet twill-net1 arriving", "lacks the rule 'from other hosts in clear'")]
    [InlineData("flush chain inet twill-net1 leaving", "lacks the rule 'to other hosts in clear'")]
    [InlineData("add table inet twill-net1 { flags dormant; }", "is dormant")]
    public void What_was_taken_away_from_a_tunnels_protection_is_named_and_put_back(string damage, string told)
    {
        FirewallSpec spec = s_spec with { Tunnel = "twill-wg.51820" };
        Do(nft => Firewall.Ensure(nft, spec));
        string written = Ruleset();
        _ns.Run("nft", damage).OrThrow();

        Do(nft => Firewall.FindDifference(nft, spec, [])).Should().Contain(told);
        Do(nft => Firewall.Ensure(nft, spec)).Should().BeTrue();

        Ruleset()
            .Should()
            .Be(written)
            .And.Contain("ip saddr @local iifname != \"twill0\" iifname != \"twill-wg.51820\" iifname != \"lo\" iifgroup != 116 drop")
            .And.Contain("ip daddr @local oifname != \"twill0\" oifname != \"twill-wg.51820\" oifname != \"lo\" oifgroup != 116 drop");
    }

    [RequiresRootFact]
    public void IPv6_comes_behind_what_is_there_without_it_and_is_recognised()
    {
        Do(nft => Firewall.Ensure(nft, s_spec));
        string[] four = Lines();
        FirewallSpec dual = s_spec with
        {
            Local = [.. s_spec.Local, IPNetwork.Parse("fd00:90::/48")],
            Exempt = [.. s_spec.Exempt, IPNetwork.Parse("2001:db8::/32")],
        };

        Do(nft => Firewall.Ensure(nft, dual)).Should().BeTrue();

        string written = Ruleset();
        Do(nft => Firewall.Ensure(nft, dual)).Should().BeFalse();
        Ruleset().Should().Be(written);
        written
            .Should()
            .Contain("elements = { fd00:90::/48 }")
            .And.Contain("2001:db8::/32")
            .And.Contain("fe80::/10,")
            .And.Contain("ff00::/8 }")
            .And.Contain("ip6 saddr @local6 ip6 daddr != @local6 ip6 daddr != @exempt6 masquerade fully-random")
            .And.Contain("ip6 saddr @local6 accept")
            .And.Contain("ip6 daddr @local6 accept");
        Lines().Should().Contain(four.Where(line => !line.Contains("made anew")));
        Do(nft => Firewall.FindDifference(nft, dual, [])).Should().BeNull();
        Do(nft => Firewall.Ensure(nft, s_spec)).Should().BeTrue();
        Lines().Should().Equal(four, "without IPv6 there is nothing of it");

        string[] Lines() => Ruleset().Split('\n');
    }

    [RequiresRootTheory]
    [InlineData(
        "delete element inet twill-net1 local6 { fd00:90::/48 }",
        "set local6 of nftables table inet twill-net1 lacks fd00:90::/48"
    )]
    [InlineData("delete element inet twill-net1 exempt6 { ff00::/8 }", "set exempt6 of nftables table inet twill-net1 lacks ff00::/8")]
    [InlineData(
        "delete rule inet twill-net1 forward handle $HANDLE",
        "chain forward of nftables table inet twill-net1 lacks the rule 'to containers (IPv6)'"
    )]
    public void What_was_taken_away_of_ipv6_is_named(string damage, string told)
    {
        FirewallSpec dual = s_spec with { Local = [.. s_spec.Local, IPNetwork.Parse("fd00:90::/48")] };
        Do(nft => Firewall.Ensure(nft, dual));
        string handle = _ns.Sh("nft -a list chain inet twill-net1 forward | sed -n 's/.*daddr @local6 .*# handle //p'").Trim();
        _ns.Run("nft", damage.Replace("$HANDLE", handle)).OrThrow();

        Do(nft => Firewall.FindDifference(nft, dual, [])).Should().Contain(told);
    }

    [RequiresRootFact]
    public void IPv6_prefixes_that_only_the_ipam_plugin_knew_are_added_and_everything_may_be_exempt()
    {
        FirewallSpec spec = s_spec with { Local = [], Exempt = [IPNetwork.Parse("::/0")], MayHaveIPv6 = true };
        IPNetwork prefix = IPNetwork.Parse("fd00:91::/64");
        Do(nft => Firewall.Ensure(nft, spec));
        for (int i = 0; i < 2; i++)
        {
            Do(nft =>
            {
                Firewall.AddLocal(nft, "net1", prefix);
                return true;
            });
        }

        Do(nft => Firewall.FindDifference(nft, spec, [prefix, IPNetwork.Parse("10.91.0.0/24")]))
            .Should()
            .Contain("set local of nftables table inet twill-net1 lacks 10.91.0.0/24");
        Do(nft => Firewall.FindDifference(nft, spec, [prefix])).Should().BeNull();
        Ruleset().Should().Contain("elements = { fd00:91::/64 }").And.Contain("elements = { ::/0 }");
    }

    public void Dispose() => _ns.Dispose();

    /// <summary>Joins another namespace by a veth whose end here is a bridge's port or stands for itself.</summary>
    private void Join(TestNetns other, string name, string addresses, string others, bool bridge)
    {
        string end = bridge ? "port" : name;
        _ns.Sh($"ip link add {end} type veth peer name peer; ip link set peer netns {other.Name} name eth0; ip link set {end} up");
        if (bridge)
        {
            _ns.Sh($"ip link add {name} type bridge; ip link set {end} master {name}; ip link set {name} up");
        }

        other.Sh("ip link set eth0 up");
        foreach (string address in addresses.Split(' '))
        {
            _ns.Sh($"ip address add {address} dev {name} {(address.Contains(':') ? "nodad" : "")}");
        }

        foreach (string address in others.Split(' '))
        {
            other.Sh($"ip address add {address} dev eth0 {(address.Contains(':') ? "nodad" : "")}");
        }
    }

    /// <summary>Packets from the cluster networks that arrived, of IPv4 and of IPv6.</summary>
    private static int[] Seen(TestNetns ns) =>
        [
            .. Regex
                .Matches(ns.Nft("list table inet seen"), "counter packets ([0-9]+)")
                .Select(m => int.Parse(m.Groups[1].Value, CultureInfo.InvariantCulture)),
        ];

    private string Ruleset() => _ns.Run("nft", "list", "ruleset").OrThrow().Stdout;

    private T Do<T>(Func<NftSocket, T> action)
    {
        using NetNs ns = NetNs.Open(_ns.Path);
        using NftSocket nft = ns.Run(NftSocket.Open);
        return action(nft);
    }
}
