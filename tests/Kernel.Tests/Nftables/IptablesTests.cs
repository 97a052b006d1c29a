using System.Net;
using Twill.Linux.Nftables;
using Twill.Testing;

namespace Kernel.Tests.Nftables;

/// <summary>
/// Where iptables (its nft variant) drops forwarded packets, only an accept in its own chain helps. It shows and keeps our rules as long as
/// they are of the form that it writes itself: addresses compared without sets, a counter, a verdict.
/// </summary>
public sealed class IptablesTests
{
    private static readonly TableId Filter = new(NftFamily.Ip, "filter");

    [RequiresIptablesFact]
    public void An_accept_put_into_the_chain_of_iptables_is_shown_and_kept_by_iptables_and_found_again()
    {
        using NftTestNetns ns = new();
        ns.Namespace.Sh("iptables -P FORWARD DROP; iptables -A FORWARD -s 192.0.2.0/24 -j DROP");
        Rule accept = Rule.For(Filter).Saddr(IPNetwork.Parse("10.244.0.0/16")).Counter().Accept();

        ns.Socket.NewBatch().Add(new InsertRule(Filter, "FORWARD", accept)).Send();
        ns.Namespace.Sh("iptables -A FORWARD -d 198.51.100.0/24 -j DROP");

        ns.Namespace.Sh("iptables -S FORWARD")
            .Trim()
            .Split('\n')
            .Should()
            .Equal(
                "-P FORWARD DROP",
                "-A FORWARD -s 10.244.0.0/16 -j ACCEPT",
                "-A FORWARD -s 192.0.2.0/24 -j DROP",
                "-A FORWARD -d 198.51.100.0/24 -j DROP"
            );
        NftRule found = ns.Socket.ListRules(Filter, "FORWARD").Should().ContainSingle(r => r.Rule.SameAs(accept)).Which;

        ns.Socket.NewBatch().Add(new DeleteRule(Filter, "FORWARD", found.Handle)).Send();

        ns.Namespace.Sh("iptables -S FORWARD").Should().NotContain("10.244.0.0/16").And.Contain("192.0.2.0/24");
    }

    [RequiresIptablesFact]
    public void A_chain_of_iptables_that_drops_is_recognised()
    {
        using NftTestNetns ns = new();
        ns.Namespace.Sh("iptables -P FORWARD DROP");

        ns.Socket.ListChains(Filter)
            .Should()
            .ContainSingle(c => c.Name == "FORWARD")
            .Which.Base.Should()
            .Be(new BaseChain(ChainType.Filter, NftHook.Forward, ChainPriority.Filter, ChainPolicy.Drop));
    }
}

/// <summary>A test beside iptables' nft variant: skipped, with the reason, where that is not installed or where it does not run as
/// root.</summary>
internal sealed class RequiresIptablesFactAttribute : FactAttribute
{
    public RequiresIptablesFactAttribute() =>
        Skip = new RequiresRootFactAttribute().Skip ?? (File.Exists("/usr/sbin/iptables-nft") ? null : "needs iptables (package iptables)");
}
