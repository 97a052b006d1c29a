using Kernel.Tests.Nftables;
using Twill.Host.Ports;
using Twill.Linux;
using Twill.Linux.Netlink;
using Twill.Linux.Nftables;
using Twill.Testing;
using static Kernel.Tests.Host.Ports.PortLab;

namespace Kernel.Tests.Host.Ports;

/// <summary>What ports cost in messages to the kernel, with few containers and with many.</summary>
public sealed class PortCostTests : IDisposable
{
    private const int Many = 200;

    private readonly PortLab _lab = new();

    [RequiresRootFact]
    public void The_two_hundredth_container_with_ports_costs_what_the_second_did()
    {
        List<Cost> published = [],
            released = [],
            without = [];
        for (ushort i = 0; i < Many; i++)
        {
            string id = $"c{i}";
            PublishedPort[] ports = [Port(Tcp, (ushort)(20000 + i), 0, 80), Port(Tcp, (ushort)(30000 + i), 0, 81, at: HostAddress)];
            published.Add(_lab.Do((_, route) => Count(nft => PortMaps.Publish(nft, route, Network, id, "eth0", ports))));
            without.Add(Count(nft => PortMaps.Release(nft, Network, VethOf("plain"))));
        }
        _lab.Elements("map", "published").Should().HaveCount(2 * Many);
        for (int i = Many - 1; i >= 0; i--)
        {
            released.Add(Count(nft => PortMaps.Release(nft, Network, VethOf($"c{i}"))));
        }

        published.Skip(1).Distinct().Should().ContainSingle().Which.Changes.Should().Be(1, "all of it is one transaction");
        released.Distinct().Should().ContainSingle().Which.Changes.Should().Be(1);
        without.Distinct().Should().Equal(new Cost(2, 0, 2)); // of each family one question
        _lab.Elements("map", "ports").Should().BeEmpty();
        _lab.Elements("set", "translated").Should().BeEmpty();
    }

    public void Dispose() => _lab.Dispose();

    private Cost Count(Action<NftSocket> action)
    {
        using NetNs ns = NetNs.Open(_lab.Host.Path);
        CountingChannel channel = new(ns.Run(() => KernelChannel.Open(NetlinkFamily.Netfilter)));
        using NftSocket nft = new(channel);
        action(nft);
        return new Cost(channel.Sent, channel.Batches, channel.Received);
    }

    private sealed record Cost(int Datagrams, int Changes, int Answers);
}
