using System.Net.Sockets;
using Kernel.Tests.Host.Ports;
using Twill.Host.Forwarding;
using Twill.Linux.Nftables;
using Twill.Testing;
using static Kernel.Tests.Host.Ports.PortLab;
using static Kernel.Tests.Host.Ports.Responder;

namespace Kernel.Tests.Host.Forwarding;

/// <summary>Other programs' firewalls in the way of IPv6, which ip6tables has chains of its own for. Judged by traffic.</summary>
public sealed class IPv6ForwardingTests : IDisposable
{
    private readonly PortLab _lab = new(withIPv6: true);
    private readonly Responder _pod,
        _outside;

    public IPv6ForwardingTests()
    {
        (_pod, _outside) = (On(_lab.Pods[1], Tcp, 80, "pod", "::"), On(_lab.Outside, Tcp, 80, "outside", "::"));
        for (int i = 0; i < _lab.Pods.Count; i++)
        {
            _lab.Host.Sh($"ip link set pod{i} down; ip link set pod{i} name {VethOf($"c{i}")} up");
        }

        Eventually.True("they reach each other", Reached);
    }

    [RequiresIptablesTheory]
    [InlineData("ip6tables -P FORWARD DROP", "FORWARD")]
    [InlineData(
        "ip6tables -N DOCKER-USER; ip6tables -A DOCKER-USER -j RETURN; ip6tables -A FORWARD -j DOCKER-USER; ip6tables -P FORWARD DROP",
        "DOCKER-USER"
    )]
    [InlineData("ip6tables -A FORWARD -j REJECT", "FORWARD")]
    public void The_accept_stands_where_ip6tables_drops_and_in_its_own_form(string rules, string chain)
    {
        _lab.Host.Sh(rules);
        string before = Saved();
        Reached().Should().BeFalse();

        Do(IptablesAccept.Ensure).Should().Contain($"accept for containers put into chain {chain} of ip6tables, because ");

        Eventually.True("they reach each other", Reached);
        _lab.Host.Sh(
            $"ip6tables -C {chain} -s {Containers6} -i tw+ -m comment --comment twill-net1 -j ACCEPT; ip6tables -C {chain} -d "
                + $"{Containers6} -m comment --comment twill-net1 -j ACCEPT"
        );
        _lab.Host.Run("iptables", "-S", "FORWARD").Stdout.Should().NotContain("twill", "IPv4 needed nothing");
        Do(IptablesAccept.Ensure).Should().BeNull();
        Do(IptablesAccept.Keep).Should().BeNull();
        Do((nft, _) => string.Join('|', IptablesAccept.Describe(nft, Network)))
            .Should()
            .Be($"accept for containers in chain {chain} of ip6tables");
        Do(
            (nft, _) =>
            {
                IptablesAccept.Delete(nft, Network);
                return null;
            }
        );
        Saved().Should().Be(before);
    }

    [RequiresRootTheory]
    [InlineData(
        "nft add table inet filter; nft add chain inet filter forward '{ type filter hook forward priority 0; policy drop; }'; nft add "
            + "rule inet filter forward ip saddr 10.244.0.0/16 accept; nft add rule inet filter forward ip daddr 10.244.0.0/16 accept",
        "chain forward of nftables table inet filter (policy drop) drops packets from containers to the outside over IPv6"
    )]
    [InlineData(
        "nft add table ip6 mine; nft add chain ip6 mine last '{ type filter hook forward priority 50; }'; nft add rule ip6 mine last "
            + "ip6 saddr fd00::/8 drop",
        "by rule 2 of chain last (nft -a list table ip6 mine)"
    )]
    [InlineData(
        "nft add table inet mine; nft add chain inet mine last '{ type filter hook forward priority 50; }'; nft add rule inet mine "
            + "last ip6 daddr { fd00:244::/48, fd01::/48 } drop",
        "chain last of nftables table inet mine drops packets"
    )]
    public void Who_drops_only_ipv6_is_named_and_the_command_that_is_named_lets_through(string rules, string text)
    {
        Find().Should().BeEmpty();
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
    [InlineData("nft add table ip mine; nft add chain ip mine last '{ type filter hook forward priority 50; policy drop; }'")]
    [InlineData(
        "nft add table inet mine; nft add chain inet mine last '{ type filter hook forward priority 50; }'; nft add rule inet mine "
            + "last meta nfproto ipv4 drop"
    )]
    [InlineData(
        "nft add table ip6 mine; nft add chain ip6 mine last '{ type filter hook forward priority 50; }'; nft add rule ip6 mine last "
            + "ip6 saddr fd00:245::/64 drop"
    )]
    public void What_concerns_others_is_no_obstacle(string rules)
    {
        _lab.Host.Sh(rules);
        Find().Should().BeEmpty();
        Reached().Should().BeTrue();
    }

    public void Dispose()
    {
        _pod.Dispose();
        _outside.Dispose();
        _lab.Dispose();
    }

    private bool Reached() =>
        Ask(_lab.Pods[0], Tcp, OutsideAddress6, 80) is not null && Ask(_lab.Pods[0], Tcp, AddressOf6(1).ToString(), 80) is not null;

    private string Saved() => _lab.Host.Sh("ip6tables-save | grep -v '^#' | sed 's/ \\[.*//'");

    private List<BlockingChain> Find()
    {
        List<BlockingChain> found = [];
        Do(
            (nft, traffic) =>
            {
                found = BlockingChains.Find(nft, traffic);
                return null;
            }
        );
        return found;
    }

    /// <summary>With the network's IPv6 traffic, on the host.</summary>
    private string? Do(Func<NftSocket, ForwardTraffic, string?> action)
    {
        string? answer = null;
        _lab.OnHost(route =>
        {
            using NftSocket nft = NftSocket.Open();
            ForwardTraffic traffic = ForwardTraffic
                .Find(route, Network, Bridge, DualSpec.Local, hasOtherHosts: false, _ => null, "out0")
                .Single(one => one.Family == AddressFamily.InterNetworkV6);
            answer = action(nft, traffic);
        });
        return answer;
    }
}
