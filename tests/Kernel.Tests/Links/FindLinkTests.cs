using Twill.Linux;
using Twill.Linux.Links;
using Twill.Linux.Netlink;
using Twill.Testing;

namespace Kernel.Tests.Links;

public sealed class FindLinkTests
{
    [RequiresRootFact]
    public void A_link_is_found_by_name_by_index_and_by_alternative_name()
    {
        using TestNetns ns = TestNetns.Create();
        ns.Ip("link add br0 type bridge");
        ns.Ip("link property add dev br0 altname an-alternative-name-of-a-bridge");
        using RouteSocket route = Netns.OpenRouteSocket(ns);
        int index = ns.IndexOf("br0");

        route.TryGetLink("br0", out Link? byName).Should().BeTrue();
        route.TryGetLink(index, out Link? byIndex).Should().BeTrue();
        route.TryGetLink("an-alternative-name-of-a-bridge", out Link? byAltName).Should().BeTrue();

        new[] { byName!, byIndex!, byAltName! }.Should().OnlyContain(l => l.Index == index && l.Name == "br0" && l.Kind == "bridge");
    }

    [RequiresRootFact]
    public void A_link_that_is_not_there_is_no_error_but_false()
    {
        using TestNetns ns = TestNetns.Create();
        using RouteSocket route = Netns.OpenRouteSocket(ns);

        route.TryGetLink("nosuch", out Link? link).Should().BeFalse();
        route.TryGetLink(12345, out _).Should().BeFalse();
        route.DeleteLinkIfPresent("nosuch").Should().BeFalse();
        link.Should().BeNull();
        route
            .Invoking(r => r.GetLink("nosuch"))
            .Should()
            .Throw<NetlinkException>()
            .WithMessage("get link nosuch: No such device (errno 19)");
    }

    [RequiresRootFact]
    public void Lists_hold_what_was_asked_for()
    {
        using TestNetns ns = TestNetns.Create();
        ns.Ip("link add br0 type bridge");
        ns.Ip("link add br1 type bridge");
        ns.Ip("link add tw0 master br0 type veth peer name tw1");
        ns.Ip("link add vx0 master br0 type vxlan id 7 dstport 4789");
        using RouteSocket route = Netns.OpenRouteSocket(ns);

        route.ListLinks().Select(l => l.Name).Should().BeEquivalentTo("lo", "br0", "br1", "tw0", "tw1", "vx0");
        route.ListLinks(kind: "bridge").Select(l => l.Name).Should().BeEquivalentTo("br0", "br1");
        route.ListLinks(master: ns.IndexOf("br0")).Select(l => l.Name).Should().BeEquivalentTo("tw0", "vx0");
        route.ListLinks(ns.IndexOf("br0"), "vxlan").Select(l => l.Name).Should().BeEquivalentTo("vx0");
        route.ListLinks(master: ns.IndexOf("br1")).Should().BeEmpty();
    }

    [RequiresRootFact]
    public void Hundreds_of_links_fill_many_datagrams_and_none_is_lost()
    {
        const int pairs = 150;
        using TestNetns ns = TestNetns.Create();
        using RouteSocket route = Netns.OpenRouteSocket(ns);
        route.Execute(new NewBridge("br0") { Index = 1000, Up = true });
        RouteBatch batch = route.NewBatch();
        for (int i = 0; i < pairs; i++)
        {
            batch.Add(
                new NewVeth($"a{i}", $"b{i}")
                {
                    Index = 2000 + 2 * i,
                    PeerIndex = 2001 + 2 * i,
                    Master = 1000,
                    Up = true,
                }
            );
            batch.Add(new SetBridgePort(2000 + 2 * i) { Hairpin = true });
        }

        batch.Send();

        ns.BridgeJson("link show").EnumerateArray().Count(p => p.GetProperty("hairpin").GetBoolean()).Should().Be(pairs);
        route.ListLinks().Should().HaveCount(2 * pairs + 2);
        List<Link> ports = route.ListLinks(master: 1000);
        ports.Should().HaveCount(pairs).And.OnlyContain(l => l.BridgePort!.Hairpin && l.IsUp && l.LinkIndex == l.Index + 1);
    }
}
