using System.Net;
using Kernel.Tests.Host.Ports;
using Twill.Host.Forwarding;
using Twill.Linux;
using Twill.Linux.Nftables;
using Twill.Testing;
using static Kernel.Tests.Host.Ports.PortLab;

namespace Kernel.Tests.Host.Forwarding;

/// <summary>Chains of others at the forward hook: what is said of them is what becomes of the traffic, and the command that is named
/// helps.</summary>
public sealed class BlockingChainsTests : IDisposable
{
    private const string Admin =
        "nft add table inet filter; nft add chain inet filter forward '{ type filter hook forward priority 0; policy drop; }'; "
        + "nft add rule inet filter forward ct state established,related accept; ";

    private readonly PortLab _lab = new();
    private readonly Responder _pod,
        _outside;

    public BlockingChainsTests()
    {
        (_pod, _outside) = (Responder.On(_lab.Pods[1], Tcp, 80, "pod"), Responder.On(_lab.Outside, Tcp, 80, "outside"));
        for (int i = 0; i < _lab.Pods.Count; i++)
        {
            _lab.Host.Sh($"ip link set pod{i} down; ip link set pod{i} name {VethOf($"c{i}")} up");
        }
    }

    [RequiresRootTheory]
    [InlineData(Admin, "chain forward of nftables table inet filter (policy drop) drops packets")]
    [InlineData(
        "nft add table ip mine; nft add chain ip mine last '{ type filter hook forward priority 50; }'; nft add rule ip mine last reject",
        "chain last of nftables table ip mine drops packets"
    )]
    [InlineData(
        "nft add table ip mine; nft add chain ip mine last '{ type filter hook forward priority 50; }'; nft add rule ip mine last ip "
            + "saddr 10.0.0.0/8 drop",
        "by rule 2 of chain last (nft -a list table ip mine)"
    )]
    [InlineData(
        "nft add table bridge mine; nft add chain bridge mine ports '{ type filter hook forward priority 0; policy drop; }'",
        "chain ports of nftables table bridge mine (policy drop) drops packets between containers of this host"
    )]
    [InlineData("iptables -A FORWARD -s 10.244.0.0/16 -j DROP", "chain FORWARD of nftables table ip filter drops packets")]
    [InlineData("iptables -t mangle -P FORWARD DROP", "chain FORWARD of nftables table ip mangle (policy drop) drops packets")]
    public void Who_drops_is_named_and_the_command_that_is_named_lets_through(string rules, string text)
    {
        Find().Should().BeEmpty();
        Eventually.True("they reach each other", Reached);
        _lab.Host.Sh(rules);
        Reached().Should().BeFalse();

        BlockingChain found = Find().Should().ContainSingle().Which;
        found.Text.Should().Contain(text);
        (found.IsCertain, found.IsMendedByUs).Should().Be((true, false));
        _lab.Host.Sh(found.Remedy);

        Find().Should().BeEmpty();
        Eventually.True("they reach each other", Reached);
    }

    [RequiresRootTheory]
    [InlineData("nft add rule inet filter forward iifname twill0 accept; nft add rule inet filter forward oifname twill0 accept")]
    [InlineData(
        "nft add rule inet filter forward iifname { \"twill0\", \"docker0\" } accept; nft add rule inet filter forward oifname "
            + "\"twill*\" accept"
    )]
    [InlineData(
        "nft add rule inet filter forward ip saddr { 10.244.0.0/16, 192.168.0.0/16 } accept; nft add rule inet filter forward ip daddr "
            + "10.0.0.0/8 ct state new accept"
    )]
    [InlineData(
        "nft add chain inet filter ours; nft add rule inet filter ours accept; nft add rule inet filter forward iifname vmap { twill0 "
            + ": jump ours, lo : drop }"
    )]
    [InlineData("nft add rule inet filter forward meta nfproto ipv4 accept")]
    [InlineData("nft add chain inet filter forward '{ policy accept; }'")]
    [InlineData("nft add table inet filter '{ flags dormant; }'")]
    public void What_an_administrator_lets_through_is_no_obstacle(string accept)
    {
        _lab.Host.Sh(Admin);
        Find().Should().ContainSingle();

        _lab.Host.Sh(accept);

        Find().Should().BeEmpty();
        Eventually.True("they reach each other", Reached);
    }

    [RequiresRootTheory]
    [InlineData("tcp dport { 22, 443 } accept", "for one port only")]
    [InlineData("ct status dnat accept", "for published ports only")]
    [InlineData("iifname { eth7, eth8 } accept", "for others")]
    [InlineData("ip saddr @others accept", "for others")]
    [InlineData("ct state { established, invalid } accept", "for answers only")]
    public void What_is_accepted_for_others_or_in_part_helps_nobody(string rule, string because)
    {
        _lab.Host.Sh(
            $"{Admin} nft add set inet filter others '{{ type ipv4_addr; flags interval; elements = {{ 10.1.0.0/16 }} ; }}'; nft 'add "
                + $"rule inet filter forward {rule}'"
        );

        Find().Should().ContainSingle().Which.IsCertain.Should().BeTrue(because);
        Reached().Should().BeFalse();
    }

    [RequiresRootFact]
    public void What_is_not_understood_is_not_called_certain()
    {
        _lab.Host.Sh($"{Admin} nft add rule inet filter forward meta mark and 0x10 == 0 accept");

        Find()
            .Should()
            .ContainSingle()
            .Which.Should()
            .Match<BlockingChain>(found => !found.IsCertain && found.Text.Contains("does not understand"));
        Reached().Should().BeTrue();
    }

    [RequiresRootFact]
    public void The_reject_at_the_end_of_firewalld_is_an_obstacle_until_the_containers_are_trusted()
    {
        _lab.Host.Sh(OtherPeoplesRules.Firewalld);
        Reached().Should().BeFalse();
        BlockingChain found = Find().Should().ContainSingle().Which;
        found
            .Text.Should()
            .Contain("chain filter_FORWARD of nftables table inet firewalld drops packets from containers to the outside")
            .And.Contain("of chain filter_FWD_public (nft -a list table inet firewalld)")
            .And.NotContain("answer");
        found.Remedy.Should().Be("firewall-cmd --permanent --zone=trusted --add-source=10.244.0.0/16 && firewall-cmd --reload");

        // as that command does
        _lab.Host.Sh("nft insert rule inet firewalld filter_FORWARD_ZONES ip saddr 10.244.0.0/16 goto filter_FWD_trusted");

        Find().Should().BeEmpty();
        Eventually.True("they reach each other", Reached);
    }

    /// <summary>Where iptables drops everything an ADD or the agent puts the accept; nothing is left to be said then.</summary>
    [RequiresIptablesTheory]
    [InlineData(
        "iptables -P FORWARD DROP",
        "iptables -I FORWARD -s 10.244.0.0/16 -j ACCEPT && iptables -I FORWARD -d 10.244.0.0/16 -j ACCEPT"
    )]
    [InlineData(
        OtherPeoplesRules.Docker,
        "iptables -I DOCKER-USER -s 10.244.0.0/16 -j ACCEPT && iptables -I DOCKER-USER -d 10.244.0.0/16 -j ACCEPT"
    )]
    public void What_we_mend_ourselves_is_told_apart(string rules, string remedy)
    {
        _lab.Host.Sh(rules);
        BlockingChain found = Find().Should().ContainSingle().Which;
        (found.IsCertain, found.IsMendedByUs, found.Remedy).Should().Be((true, true, remedy));

        OnHost((nft, traffic) => IptablesAccept.Keep(nft, traffic)).Should().NotBeNull();

        Find().Should().BeEmpty();
        Eventually.True("they reach each other", Reached);
    }

    public void Dispose()
    {
        _pod.Dispose();
        _outside.Dispose();
        _lab.Dispose();
    }

    /// <summary>A container the outside, and, over the bridge alone, another one.</summary>
    private bool Reached() =>
        Responder.Ask(_lab.Pods[0], Tcp, AddressOf(1).ToString(), 80) is not null
        && Responder.Ask(_lab.Pods[0], Tcp, OutsideAddress, 80) is not null;

    private List<BlockingChain> Find() => OnHost((nft, traffic) => BlockingChains.Find(nft, traffic));

    private T OnHost<T>(Func<NftSocket, ForwardTraffic, T> action)
    {
        using NetNs ns = NetNs.Open(_lab.Host.Path);
        return ns.Run(() =>
        {
            using RouteSocket route = RouteSocket.Open();
            using NftSocket nft = NftSocket.Open();
            return action(
                nft,
                ForwardTraffic.Find(route, Network, Bridge, [IPNetwork.Parse("10.244.0.0/16")], hasOtherHosts: false, _ => null, "out0")[0]
            );
        });
    }
}
