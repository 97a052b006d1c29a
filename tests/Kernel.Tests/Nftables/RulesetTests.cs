using System.Net;
using Twill.Linux.Nftables;
using Twill.Linux.Nftables.Expressions;
using Twill.Testing;

namespace Kernel.Tests.Nftables;

/// <summary>The rulesets that twill keeps on a host, written with this library and read back by `nft`.</summary>
public sealed class RulesetTests
{
    private static readonly TableId Table = NftTestNetns.Table;

    [RequiresRootFact]
    public void The_forward_and_masquerade_table_is_what_nft_would_have_made()
    {
        using NftTestNetns ns = new();
        NftSet local = new(Table, "local", NftType.Ipv4Addr) { Interval = true };
        NftSet exempt = new(Table, "exempt", NftType.Ipv4Addr) { Interval = true, Comment = "keeps its source address" };
        NftSet ports = new(Table, "ports", NftType.Concat(NftType.InetProto, NftType.InetService))
        {
            Data = NftType.Concat(NftType.Ipv4Addr, NftType.InetService),
        };

        ns.Socket.NewBatch()
            .Add(new NewTable(Table, "one table per network"))
            .Add(new NewSet(local))
            .Add(new NewSet(exempt))
            .Add(new NewSet(ports))
            .Add(new NewChain(Table, "forward", new BaseChain(ChainType.Filter, NftHook.Forward, ChainPriority.Filter, ChainPolicy.Accept)))
            .Add(new NewRule(Table, "forward", Rule.For(Table).SaddrIn(local).Accept()))
            .Add(new NewRule(Table, "forward", Rule.For(Table).DaddrIn(local).Accept().WithComment("to containers")))
            .Add(new NewChain(Table, "postrouting", new BaseChain(ChainType.Nat, NftHook.Postrouting, ChainPriority.Srcnat)))
            .Add(new NewRule(Table, "postrouting", Rule.For(Table).SaddrIn(local).DaddrNotIn(exempt).Masquerade(NatFlags.FullyRandom)))
            .Add(new NewChain(Table, "prerouting", new BaseChain(ChainType.Nat, NftHook.Prerouting, ChainPriority.Dstnat)))
            .Add(new NewRule(Table, "prerouting", Rule.For(Table).DaddrIsLocal().DnatBy(ports, KeyPart.L4Proto, KeyPart.Dport)))
            .AddElements(local, SetElement.Of(IPNetwork.Parse("10.244.7.0/24")), SetElement.Of(IPNetwork.Parse("10.244.9.0/24")))
            .AddElements(exempt, SetElement.Of(IPNetwork.Parse("10.244.0.0/16")), SetElement.Of(IPNetwork.Parse("224.0.0.0/4")))
            .AddElements(
                ports,
                SetElement.Of(NftData.Of(6), NftData.OfPort(8080)).To(NftData.Of(IPAddress.Parse("10.244.7.5")), NftData.OfPort(80))
            )
            .Send();

        ns.Ruleset.Trim()
            .Should()
            .Be(
                """
                table inet twill-a {
                	comment "one table per network"
                	set local {
                		type ipv4_addr
                		flags interval
                		elements = { 10.244.7.0/24, 10.244.9.0/24 }
                	}

                	set exempt {
                		type ipv4_addr
                		flags interval
                		comment "keeps its source address"
                		elements = { 10.244.0.0/16, 224.0.0.0/4 }
                	}

                	map ports {
                		type inet_proto . inet_service : ipv4_addr . inet_service
                		elements = { tcp . 8080 : 10.244.7.5 . 80 }
                	}

                	chain forward {
                		type filter hook forward priority filter; policy accept;
                		ip saddr @local accept
                		ip daddr @local accept comment "to containers"
                	}

                	chain postrouting {
                		type nat hook postrouting priority srcnat; policy accept;
                		ip saddr @local ip daddr != @exempt masquerade fully-random
                	}

                	chain prerouting {
                		type nat hook prerouting priority dstnat; policy accept;
                		fib daddr type local dnat ip to meta l4proto . th dport map @ports
                	}
                }
                """.Replace("            ", "", StringComparison.Ordinal)
            );
    }
}
