using System.Net;
using Twill.Linux.Netlink;
using Twill.Linux.Nftables;
using Twill.System;
using Twill.Testing;

namespace Kernel.Tests.Nftables;

/// <summary>Changes that follow from what is there, and the single elements that one asks for on the way.</summary>
public sealed class ChangeTests : IDisposable
{
    private static readonly TableId Table = NftTestNetns.Table;

    private static readonly NftSet s_ports = new(Table, "ports", NftType.Concat(NftType.InetProto, NftType.InetService))
    {
        Data = NftType.Concat(NftType.Ipv4Addr, NftType.InetService),
    };

    private static readonly SetElement s_web = SetElement
        .Of(NftData.Of(6), NftData.OfPort(8080))
        .To(NftData.Of(IPAddress.Parse("10.244.7.5")), NftData.OfPort(80)) with
    {
        Comment = "eth0 of web",
    };

    private readonly NftTestNetns _ns = new();

    [RequiresRootFact]
    public void An_element_is_found_by_its_key_with_all_it_has()
    {
        _ns.Socket.NewBatch().Add(new NewTable(Table)).Add(new NewSet(s_ports)).AddElements(s_ports, s_web).Send();

        _ns.Socket.TryGetElement(s_ports, new SetElement(s_web.Key), out SetElement? found).Should().BeTrue();
        found.Should().Be(s_web);
        _ns.Socket.TryGetElement(s_ports, SetElement.Of(NftData.Of(6), NftData.OfPort(8081)), out _).Should().BeFalse("no such element");
        _ns.Socket.TryGetElement(s_ports with { Name = "other" }, s_web, out _).Should().BeFalse("no such map");
        _ns.Socket.TryGetElement(s_ports with { Table = Table with { Name = "other" } }, s_web, out _).Should().BeFalse("no such table");
    }

    [RequiresRootFact]
    public void A_change_is_thought_over_when_somebody_changed_the_rules_meanwhile()
    {
        _ns.Socket.NewBatch().Add(new NewTable(Table)).Add(new NewSet(s_ports)).Send();
        List<bool> seen = [];

        _ns.Socket.Change(batch =>
        {
            bool taken = _ns.Socket.TryGetElement(s_ports, s_web, out _);
            seen.Add(taken);
            if (!taken)
            {
                batch.AddElements(s_ports, s_web);
                _ns.Namespace.Nft($"add element {Table} ports {{ tcp . 8080 : 10.244.7.9 . 80 }}");
            }
        });

        seen.Should().Equal(false, true);
        _ns.Ruleset.Should().Contain("10.244.7.9 . 80").And.NotContain("10.244.7.5");
    }

    [RequiresRootFact]
    public void A_change_that_the_kernel_refuses_is_not_tried_again()
    {
        int tries = 0;

        FluentActions
            .Invoking(() =>
                _ns.Socket.Change(batch =>
                {
                    tries++;
                    batch.AddElements(s_ports, s_web);
                })
            )
            .Should()
            .Throw<NetlinkException>()
            .Which.Errno.Should()
            .Be(Errno.ENOENT);

        tries.Should().Be(1);
    }

    [RequiresRootFact]
    public void A_change_that_finds_nothing_to_do_sends_nothing()
    {
        uint before = _ns.Socket.GetGeneration();
        _ns.Socket.Change(_ => { });
        _ns.Socket.GetGeneration().Should().Be(before);
    }

    public void Dispose() => _ns.Dispose();
}
