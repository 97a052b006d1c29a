using Twill.Linux;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Spoofing;

/// <summary>
/// What a container with every capability in its own namespace tries against its neighbours: it succeeds where <c>antiSpoof</c> is off, and
/// fails where nothing is said about it. Judged from outside.
/// </summary>
public sealed class SpoofingTests(SpoofingLab lab) : IClassFixture<SpoofingLab>
{
    [RequiresRootTheory]
    [InlineData("own", true, true)]
    [InlineData("neighbour", true, false)]
    [InlineData("nobody", true, false)]
    [InlineData("elsewhere", true, false)]
    public void Source_addresses(string whose, bool open, bool kept)
    {
        foreach (bool isRouted in new[] { false, true })
        {
            foreach (bool isV6 in new[] { false, true })
            {
                string what = $"{whose}, {(isRouted ? "past the bridge" : "on the bridge")}, IPv{(isV6 ? 6 : 4)}";
                Arrives(lab.Open, isRouted, isV6, whose).Should().Be(open, what);
                Arrives(lab.Kept, isRouted, isV6, whose).Should().Be(kept, what);
            }
        }
    }

    /// <summary>A kernel takes tags of VLAN 0 off, one as well as several, and takes what is behind them for untagged.</summary>
    [RequiresRootTheory]
    [InlineData("81000000")]
    [InlineData("8100000081000000")]
    [InlineData("88a8000081000000")]
    [InlineData("810000008100000081000000")]
    public void Source_addresses_behind_tags_of_VLAN_0(string tags)
    {
        foreach (bool isV6 in new[] { false, true })
        {
            Arrives(lab.Open, isRouted: false, isV6, "elsewhere", tags).Should().BeTrue();
            Arrives(lab.Kept, isRouted: false, isV6, "elsewhere", tags).Should().BeFalse();
            Arrives(lab.Kept, isRouted: true, isV6, "elsewhere", tags).Should().BeFalse();
        }

        if (tags == "8100000081000000") // nobody's word is believed at once: the others would take as long
        {
            Believed(lab.Open, n => ArpForNeighbour(n, tags)).Should().BeTrue();
            Believed(lab.Kept, n => ArpForNeighbour(n, tags)).Should().BeFalse();
        }
    }

    /// <summary>A neighbour that listens to routers, as one does whose image or administrator turned that on.</summary>
    [RequiresRootTheory]
    [InlineData("")]
    [InlineData("8100000081000000")]
    public void Router_advertisements_to_neighbours(string tags)
    {
        IsFollowed(lab.Open).Should().BeTrue();
        IsFollowed(lab.Kept).Should().BeFalse();

        bool IsFollowed(SpoofedNetwork network)
        {
            network.Neighbour.Sh("cd /proc/sys/net/ipv6/conf/eth0; echo 1 >accept_ra; echo 1 >accept_ra_defrtr");
            try
            {
                MacAddress own = SpoofedNetwork.MacOf(network.Attacker, "eth0");
                string frame = Frame.RouterAdvertisement(own, own.ToLinkLocal().ToString());
                network.Send(network.Attacker, Frame.Tagged(frame, tags));
                network.Attacker.CanPing(network.Neighbour.Addresses[1]).Should().BeTrue(); // sent behind it
                return network.Neighbour.Ip("-6 route show default proto ra").Length > 0;
            }
            finally
            {
                network.Neighbour.Sh("echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_ra; ip -6 route flush default proto ra");
            }
        }
    }

    [RequiresRootFact]
    public void Arp_answers_for_the_gateway_and_for_a_neighbour()
    {
        Believed(lab.Open, n => ArpForGateway(n)).Should().BeTrue();
        Believed(lab.Kept, n => ArpForGateway(n)).Should().BeFalse();
        Believed(lab.Open, n => ArpForNeighbour(n)).Should().BeTrue();
        Believed(lab.Kept, n => ArpForNeighbour(n)).Should().BeFalse();
    }

    [RequiresRootFact]
    public void Neighbour_advertisements_for_the_gateway_and_for_a_neighbour()
    {
        Believed(lab.Open, n => AdvertisementForGateway(n)).Should().BeTrue();
        Believed(lab.Kept, n => AdvertisementForGateway(n)).Should().BeFalse();
        Believed(lab.Open, n => AdvertisementForNeighbour(n)).Should().BeTrue();
        Believed(lab.Kept, n => AdvertisementForNeighbour(n)).Should().BeFalse();
    }

    [RequiresRootFact]
    public void The_hardware_address_of_a_neighbour()
    {
        TakesOver(lab.Open).Should().BeTrue();
        TakesOver(lab.Kept).Should().BeFalse();

        bool TakesOver(SpoofedNetwork network)
        {
            MacAddress victim = SpoofedNetwork.MacOf(network.Neighbour, "eth0");
            string frame = Frame.Datagram(victim, MacAddress.Broadcast, network.Neighbour.Address, network.Gateway);
            network.Neighbour.CanPing(network.Gateway).Should().BeTrue();
            network.Send(network.Attacker, frame);
            string port = network.HostEndOf(network.Attacker);
            return network.Fdb().Any(entry => entry.Mac == victim.ToString() && entry.Port == port);
        }
    }

    [RequiresRootFact]
    public void Thousands_of_hardware_addresses()
    {
        const int Many = 3000;
        Learned(lab.Open).Should().BeGreaterThan(Many / 2);
        Learned(lab.Kept).Should().Be(0);
        lab.Kept.Attacker.CanPing(lab.Kept.Gateway).Should().BeTrue("it is itself again");

        int Learned(SpoofedNetwork network)
        {
            MacAddress own = SpoofedNetwork.MacOf(network.Attacker, "eth0");
            network.Send(network.Attacker, Frame.Datagram(own, MacAddress.Broadcast, network.Attacker.Address, network.Gateway), Many);
            string port = network.HostEndOf(network.Attacker);
            return network.Fdb().Count(entry => entry.IsLearned && entry.Port == port);
        }
    }

    [RequiresRootFact]
    public void What_is_its_own_still_passes()
    {
        foreach (LabContainer container in new[] { lab.Kept.Attacker, lab.Kept.Neighbour, lab.Kept.Routed })
        {
            container.CanPing(lab.Kept.Gateway).Should().BeTrue();
            container.CanPing(lab.Kept.GatewayV6).Should().BeTrue();
            lab.Host.CanPing(container.Addresses[0]).Should().BeTrue();
            lab.Host.CanPing(container.Addresses[1]).Should().BeTrue();
            string device = container == lab.Kept.Routed ? lab.Kept.HostEndOf(container) : lab.Kept.BridgeName;
            Eventually.True("the link-local address is no longer tentative", () =>
                container.Ip("-6 address show dev eth0 tentative").Length == 0
            );
            string linkLocal = container
                .IpJson("-6 address show dev eth0 scope link")[0]
                .GetProperty("addr_info")
                .EnumerateArray()
                .First(one => one.TryGetProperty("local", out _))
                .GetProperty("local")
                .GetString()!;
            lab.Host.CanPing($"{linkLocal}%{device}").Should().BeTrue($"{linkLocal} is its own");
            lab.Host.Cnitool("check", "kept", container).OrThrow();
        }

        lab.Kept.Attacker.CanPing(lab.Kept.Neighbour.Address).Should().BeTrue();
        lab.Kept.Attacker.CanPing(lab.Kept.Routed.Addresses[1]).Should().BeTrue();
    }

    /// <summary>Whether a datagram with such a source arrives at the host.</summary>
    private bool Arrives(SpoofedNetwork network, bool isRouted, bool isV6, string whose, string tags = "")
    {
        LabContainer from = isRouted ? network.Routed : network.Attacker;
        string source = whose switch
        {
            "own" => from.Addresses[isV6 ? 1 : 0],
            "neighbour" => network.Neighbour.Addresses[isV6 ? 1 : 0],
            "nobody" => isV6 ? $"fd00:{network.Number}::99" : $"10.{network.Number}.0.99",
            _ => isV6 ? "2001:db8::7" : "198.51.100.7",
        };
        string gateway = isV6 ? network.GatewayV6 : network.Gateway;
        string device = isRouted ? network.HostEndOf(from) : network.BridgeName;
        string match = $"iifname {device} {(isV6 ? "ip6" : "ip")} saddr {source} udp dport 9";
        lab.Host.Sh(
            "nft add table inet watch; nft flush table inet watch; "
                + "nft 'add chain inet watch seen { type filter hook prerouting priority mangle; }'; "
                + $"nft add rule inet watch seen {match} counter"
        );
        string frame = Frame.Datagram(SpoofedNetwork.MacOf(from, "eth0"), SpoofedNetwork.MacOf(lab.Host, device), source, gateway);
        network.Send(from, Frame.Tagged(frame, tags));
        from.CanPing(gateway).Should().BeTrue(); // sent behind it
        return !lab.Host.Nft("list table inet watch").Contains("packets 0 ");
    }

    /// <summary>Sends answers for somebody else, and asks who was asked whether they are believed. A kernel keeps what it has just learned
    /// for a moment: it is tried several times.</summary>
    private bool Believed(SpoofedNetwork network, Func<SpoofedNetwork, Func<bool>> attack)
    {
        const int Attempts = 10;
        Forget();
        for (int attempt = 0; attempt < Attempts; attempt++)
        {
            Func<bool> isBelieved = attack(network);
            network.Attacker.CanPing(network.Gateway).Should().BeTrue();
            if (isBelieved())
            {
                Forget(); // or those that follow would not reach each other
                return true;
            }
        }

        return false;

        void Forget()
        {
            network.Neighbour.Ip("neigh flush dev eth0");
            lab.Host.Ip($"neigh flush dev {network.BridgeName}");
        }
    }

    private Func<bool> ArpForGateway(SpoofedNetwork network)
    {
        MacAddress own = SpoofedNetwork.MacOf(network.Attacker, "eth0"),
            victim = SpoofedNetwork.MacOf(network.Neighbour, "eth0");
        network.Neighbour.CanPing(network.Gateway).Should().BeTrue();
        network.Send(network.Attacker, Frame.ArpAnswer(own, victim, network.Gateway, network.Neighbour.Address));
        return () => SpoofedNetwork.BelievedAt(network.Neighbour, network.Gateway, "eth0") == own;
    }

    private Func<bool> ArpForNeighbour(SpoofedNetwork network, string tags = "")
    {
        MacAddress own = SpoofedNetwork.MacOf(network.Attacker, "eth0"),
            bridge = SpoofedNetwork.MacOf(lab.Host, network.BridgeName);
        string victim = network.Neighbour.Address;
        lab.Host.CanPing(victim).Should().BeTrue();
        string frame = Frame.ArpAnswer(own, bridge, victim, network.Gateway);
        network.Send(network.Attacker, Frame.Tagged(frame, tags));
        return () => SpoofedNetwork.BelievedAt(lab.Host, victim, network.BridgeName) == own;
    }

    private static Func<bool> AdvertisementForGateway(SpoofedNetwork network)
    {
        MacAddress own = SpoofedNetwork.MacOf(network.Attacker, "eth0"),
            victim = SpoofedNetwork.MacOf(network.Neighbour, "eth0");
        network.Neighbour.CanPing(network.GatewayV6).Should().BeTrue();
        network.Send(
            network.Attacker,
            Frame.NeighbourAdvertisement(own, victim, own.ToLinkLocal().ToString(), network.GatewayV6, network.Neighbour.Addresses[1])
        );
        return () => SpoofedNetwork.BelievedAt(network.Neighbour, network.GatewayV6, "eth0") == own;
    }

    private Func<bool> AdvertisementForNeighbour(SpoofedNetwork network)
    {
        MacAddress own = SpoofedNetwork.MacOf(network.Attacker, "eth0"),
            bridge = SpoofedNetwork.MacOf(lab.Host, network.BridgeName);
        string victim = network.Neighbour.Addresses[1];
        lab.Host.CanPing(victim).Should().BeTrue();
        network.Send(
            network.Attacker,
            Frame.NeighbourAdvertisement(own, bridge, own.ToLinkLocal().ToString(), victim, network.GatewayV6)
        );
        return () => SpoofedNetwork.BelievedAt(lab.Host, victim, network.BridgeName) == own;
    }
}
