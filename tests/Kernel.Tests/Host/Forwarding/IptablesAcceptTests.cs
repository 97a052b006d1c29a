using System.Net;
using Kernel.Tests.Host.Ports;
using Kernel.Tests.Nftables;
using Twill.Host.Forwarding;
using Twill.Linux;
using Twill.Linux.Nftables;
using Twill.Testing;
using static Kernel.Tests.Host.Ports.PortLab;
using static Kernel.Tests.Host.Ports.Responder;

namespace Kernel.Tests.Host.Forwarding;

/// <summary>Beside Docker's, ufw's and people's iptables: who reaches whom, judged by traffic, and what `iptables` itself says of our
/// rules.</summary>
public sealed class IptablesAcceptTests : IDisposable
{
    private const string From = "-s 10.244.0.0/16 -i tw+ -m comment --comment twill-net1 -j ACCEPT",
        To = "-d 10.244.0.0/16 -m comment --comment twill-net1 -j ACCEPT";

    private static readonly ForwardTraffic s_traffic = new(Network, new InterfaceRef(Bridge), IPNetwork.Parse("10.244.0.0/16"));

    private readonly PortLab _lab = new();

    [RequiresIptablesTheory]
    [InlineData("iptables -P FORWARD DROP")]
    [InlineData(OtherPeoplesRules.Docker)]
    [InlineData(OtherPeoplesRules.Ufw)]
    [InlineData(OtherPeoplesRules.RejectAtTheEnd)]
    public void Containers_reach_each_other_and_the_outside_and_the_outside_reaches_published_ports(string rules)
    {
        using Responder pod = On(_lab.Pods[0], Tcp, 80, "pod"),
            outside = On(_lab.Outside, Tcp, 81, "outside");
        _lab.Publish("c0", Port(Tcp, 8080, 0, 80));
        Eventually.Pass(() => Reached().Should().Equal("pod", "outside", "pod", "pod"));
        _lab.Host.Sh(rules);
        string before = Saved();
        Reached().Should().Equal("nobody", "nobody", "nobody", "nobody");

        Do(IptablesAccept.Ensure).Should().Contain("would drop packets");

        Eventually.Pass(() => Reached().Should().Equal("pod", "outside", "pod", "pod"));
        string after = Saved();
        after.Split('\n').Where(line => line.Contains("twill")).Should().HaveCount(2);
        Do(IptablesAccept.Ensure).Should().BeNull();
        Do(IptablesAccept.Keep).Should().BeNull();
        Saved().Should().Be(after, "it is written once");

        Delete();
        Delete();
        Saved().Should().Be(before);
    }

    [RequiresIptablesFact]
    public void Iptables_takes_the_rules_for_its_own()
    {
        _lab.Host.Sh("iptables -P FORWARD DROP");
        Do(IptablesAccept.Ensure);

        _lab.Host.Sh("iptables -S FORWARD").Trim().Split('\n').Should().Equal("-P FORWARD DROP", $"-A FORWARD {From}", $"-A FORWARD {To}");
        _lab.Host.Sh("iptables -nvL FORWARD").Should().Contain("/* twill-net1 */").And.NotContain("incompatible");
        _lab.Host.Sh($"iptables -C FORWARD {From}; iptables -C FORWARD {To}");
        _lab.Host.Sh("iptables-save > /tmp/twill-$$; iptables-restore < /tmp/twill-$$; rm /tmp/twill-$$");
        Do(IptablesAccept.Ensure).Should().BeNull("they are recognised in the form in which iptables restores them");
        Do(IptablesAccept.Keep).Should().BeNull();
        Do((nft, _) => string.Join('|', IptablesAccept.Networks(nft))).Should().Be("net1|net1");

        _lab.Host.Sh($"iptables -D FORWARD {From}");
        Do(IptablesAccept.FindDifference).Should().Contain("FORWARD (policy drop) would drop packets from containers to the outside");
        Do(IptablesAccept.Ensure).Should().NotBeNull();
        _lab.Host.Sh("iptables -S FORWARD").Trim().Split('\n').Should().Equal("-P FORWARD DROP", $"-A FORWARD {From}", $"-A FORWARD {To}");
        Delete();
        _lab.Host.Sh("iptables -S FORWARD").Trim().Should().Be("-P FORWARD DROP");
    }

    [RequiresIptablesTheory]
    [InlineData(null, "nobody uses iptables")]
    [InlineData("iptables -A FORWARD -o docker0 -j DROP", "nothing that is ours is dropped")]
    [InlineData("iptables -t nat -A POSTROUTING -s 172.17.0.0/16 -j MASQUERADE", "there is no FORWARD chain")]
    [InlineData(
        "iptables -P FORWARD DROP; iptables -A FORWARD -s 10.0.0.0/8 -j ACCEPT; iptables -A FORWARD -d 10.0.0.0/8 -j ACCEPT",
        "somebody lets them through already"
    )]
    [InlineData("iptables -P FORWARD DROP; nft add set ip filter s '{ type ipv4_addr; }'", "the table is not iptables'")]
    [InlineData(
        "nft add table inet filter; nft add chain inet filter forward '{ type filter hook forward priority 0; policy drop; }'",
        "the table is not iptables'"
    )]
    [InlineData("iptables -A FORWARD -s 10.244.0.0/16 -j DROP", "somebody meant just these")]
    public void Nothing_is_written_where_nothing_is_to_be_mended(string? rules, string because)
    {
        _lab.Host.Sh(rules ?? ":");
        string before = _lab.Ruleset();

        Do(IptablesAccept.Ensure).Should().BeNull(because);
        Do(IptablesAccept.Keep).Should().BeNull(because);

        _lab.Ruleset().Should().Be(before);
    }

    /// <summary>Docker comes, drops nothing yet, and goes: the rules are where they belong, once.</summary>
    [RequiresIptablesFact]
    public void The_rules_follow_Docker()
    {
        _lab.Host.Sh("iptables -P FORWARD DROP");
        Do(IptablesAccept.Keep).Should().NotBeNull();
        _lab.Host.Sh("iptables -N DOCKER-USER; iptables -A DOCKER-USER -j RETURN; iptables -I FORWARD -j DOCKER-USER");
        Do(IptablesAccept.Keep).Should().Contain("chain DOCKER-USER");
        Do(IptablesAccept.Keep).Should().BeNull();
        _lab.Host.Sh("iptables -S FORWARD").Should().NotContain("twill");

        _lab.Host.Sh("iptables -D FORWARD -j DOCKER-USER");
        Do(IptablesAccept.Keep).Should().Contain("chain FORWARD");
        Do(IptablesAccept.Keep).Should().BeNull();

        Saved().Split('\n').Where(line => line.Contains("twill")).Should().Equal($"-A FORWARD {From}", $"-A FORWARD {To}");
    }

    /// <summary>An administrator's own filters in DOCKER-USER go first, and Docker may restart or be started later.</summary>
    [RequiresIptablesFact]
    public void The_rules_go_into_DOCKER_USER_behind_an_administrators_filters()
    {
        _lab.Host.Sh("iptables -P FORWARD DROP");
        Do(IptablesAccept.Ensure);
        _lab.Host.Sh(OtherPeoplesRules.Docker);
        _lab.Host.Sh("iptables -I DOCKER-USER -i out0 -s 198.51.100.0/24 -j DROP; iptables -P FORWARD ACCEPT");

        Do(IptablesAccept.Ensure).Should().Contain("chain DOCKER-USER of iptables, because Docker is about");

        _lab.Host.Sh("iptables -S DOCKER-USER")
            .Trim()
            .Split('\n')
            .Should()
            .Equal(
                "-N DOCKER-USER",
                "-A DOCKER-USER -s 198.51.100.0/24 -i out0 -j DROP",
                $"-A DOCKER-USER {From}",
                $"-A DOCKER-USER {To}",
                "-A DOCKER-USER -j RETURN"
            );
        Do(IptablesAccept.Ensure).Should().BeNull();
        _lab.Host.Sh("iptables -P FORWARD DROP; iptables -A FORWARD -d 203.0.113.0/24 -j DROP");
        Do(IptablesAccept.Keep).Should().BeNull("the policy is Docker's to turn, and the rules are where it does not matter");
    }

    [RequiresIptablesTheory]
    [InlineData("iptables -F FORWARD")]
    [InlineData("iptables -F DOCKER-USER; iptables -A DOCKER-USER -j RETURN")]
    [InlineData("iptables -F; iptables -X")]
    [InlineData("iptables -I DOCKER-USER -j RETURN")]
    [InlineData("iptables -I FORWARD -j REJECT")]
    [InlineData("iptables -I FORWARD -j DROP; iptables -I DOCKER-USER -j DROP")]
    public void What_others_rewrite_is_put_right(string change)
    {
        using Responder pod = On(_lab.Pods[0], Tcp, 80, "pod"),
            outside = On(_lab.Outside, Tcp, 81, "outside");
        _lab.Publish("c0", Port(Tcp, 8080, 0, 80));
        _lab.Host.Sh(OtherPeoplesRules.Docker);
        Do(IptablesAccept.Ensure);
        _lab.Host.Sh(change);
        Do(IptablesAccept.FindDifference).Should().Contain("would drop packets");
        Reached().Should().Contain("nobody");

        Do(IptablesAccept.Keep).Should().NotBeNull();

        Eventually.Pass(() => Reached().Should().Equal("pod", "outside", "pod", "pod"));
        Saved().Split('\n').Where(line => line.Contains("twill")).Should().HaveCount(2);
        Do(IptablesAccept.Keep).Should().BeNull();
    }

    [RequiresIptablesFact]
    public void Every_network_has_its_own_and_another_configuration_replaces_them()
    {
        ForwardTraffic other = new("net2", new InterfaceRef("second0"), null);
        _lab.Host.Sh("iptables -P FORWARD DROP");
        Do(IptablesAccept.Ensure);
        Do((nft, _) => IptablesAccept.Ensure(nft, other));
        Do((nft, _) => IptablesAccept.Ensure(nft, other)).Should().BeNull();
        _lab.Host.Sh("iptables -S FORWARD")
            .Trim()
            .Split('\n')[3..]
            .Should()
            .Equal(
                new[] { "-i tw+", "-i second0", "-o tw+", "-o second0" }.Select(door =>
                    $"-A FORWARD {door} -m comment --comment twill-net2 -j ACCEPT"
                ),
                "whose addresses only the IPAM plugin knows"
            );

        Do((nft, traffic) => IptablesAccept.Ensure(nft, traffic with { Containers = IPNetwork.Parse("10.88.0.0/14") }));

        string rules = _lab.Host.Sh("iptables -S FORWARD");
        rules.Should().Contain("-d 10.88.0.0/14 -m comment --comment twill-net1").And.NotContain("10.244.0.0/16").And.Contain("twill-net2");
        Delete();
        _lab.Host.Sh("iptables -S FORWARD").Should().NotContain("twill-net1").And.Contain("twill-net2");
    }

    /// <summary>A packet with the address of a container that comes in from outside is not let through to anywhere.</summary>
    [RequiresIptablesFact]
    public void Who_forges_a_containers_address_is_not_forwarded()
    {
        using TestNetns elsewhere = TestNetns.Create();
        _lab.Host.Ip($"link add far0 type veth peer name eth0 netns {elsewhere.Name}");
        _lab.Host.Sh(
            "ip addr add 203.0.113.1/24 dev far0; ip link set far0 up; echo 0 > /proc/sys/net/ipv4/conf/all/rp_filter; echo 0 > "
                + "/proc/sys/net/ipv4/conf/out0/rp_filter"
        );
        elsewhere.Sh(
            "ip addr add 203.0.113.2/24 dev eth0; ip link set eth0 up; ip route add default via 203.0.113.1; nft add table ip seen; "
                + "nft add chain ip seen in '{ type filter hook input priority 0; }'; nft add rule ip seen in icmp type echo-request "
                + "counter"
        );
        _lab.Host.WaitForCarrier("far0");
        elsewhere.WaitForCarrier("eth0");
        _lab.Outside.Sh("ip addr add 10.244.9.9/32 dev lo; ip route add 203.0.113.0/24 via 192.0.2.1");
        void Forge() => _lab.Outside.Run("ping", "-c", "1", "-W", "1", "-I", "10.244.9.9", "203.0.113.2");
        Forge();
        elsewhere.Nft("list table ip seen").Should().Contain("packets 1 ", "the way is there");
        _lab.Host.Sh("iptables -P FORWARD DROP");
        Do(IptablesAccept.Ensure);

        Forge();

        elsewhere.Nft("list table ip seen").Should().Contain("packets 1 ");
    }

    [RequiresIptablesTheory]
    [InlineData(null, 1)]
    [InlineData("iptables -P FORWARD DROP", 2)]
    [InlineData(OtherPeoplesRules.Docker, 3)]
    public void An_ADD_asks_little_where_all_is_in_place(string? rules, int questions)
    {
        _lab.Host.Sh(rules ?? ":");
        Do(IptablesAccept.Ensure);

        Do((nft, traffic) => IptablesAccept.Ensure(nft, traffic), out int sent).Should().BeNull();

        sent.Should().Be(questions);
    }

    public void Dispose() => _lab.Dispose();

    /// <summary>Who answers: a container another one, the outside a container, a published port the outside, a published port a
    /// container.</summary>
    private string[] Reached() =>
        AtOnce.Ask(
            () => Name(Ask(_lab.Pods[1], Tcp, AddressOf(0).ToString(), 80)),
            () => Name(Ask(_lab.Pods[1], Tcp, OutsideAddress, 81)),
            () => Name(Ask(_lab.Outside, Tcp, HostAddress, 8080)),
            () => Name(Ask(_lab.Pods[1], Tcp, HostAddress, 8080))
        );

    private static string Name(string? answer) => answer?.Split(' ')[0] ?? "nobody";

    /// <summary>`iptables-save` without what counters and clocks change.</summary>
    private string Saved() => _lab.Host.Sh("iptables-save | grep -v '^#' | sed 's/ \\[.*//'");

    private void Delete() =>
        Do(
            (nft, _) =>
            {
                IptablesAccept.Delete(nft, Network);
                return "";
            }
        );

    private string? Do(Func<NftSocket, ForwardTraffic, string?> action) => Do(action, out _);

    /// <summary>On a thread that is on the host: what br_netfilter does is read there.</summary>
    private string? Do(Func<NftSocket, ForwardTraffic, string?> action, out int sent)
    {
        using NetNs ns = NetNs.Open(_lab.Host.Path);
        (string? result, sent) = ns.Run(() =>
        {
            CountingChannel channel = new(Twill.Linux.Netlink.KernelChannel.Open(Twill.Linux.Netlink.NetlinkFamily.Netfilter));
            using NftSocket nft = new(channel);
            return (action(nft, s_traffic), channel.Sent);
        });
        return result;
    }
}

/// <summary>Cases beside iptables' nft variant: skipped, with the reason, where that is not installed or where they do not run as
/// root.</summary>
internal sealed class RequiresIptablesTheoryAttribute : TheoryAttribute
{
    public RequiresIptablesTheoryAttribute() => Skip = new RequiresIptablesFactAttribute().Skip;
}
