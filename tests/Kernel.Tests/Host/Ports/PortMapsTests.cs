using System.Diagnostics;
using Twill.Host;
using Twill.Host.Ports;
using Twill.Testing;
using static Kernel.Tests.Host.Ports.PortLab;

namespace Kernel.Tests.Host.Ports;

/// <summary>What publishing and releasing ports leaves in the kernel, whose it is, and who may not have it.</summary>
public sealed class PortMapsTests : IDisposable
{
    private readonly PortLab _lab = new();

    [RequiresRootFact]
    public void A_published_port_is_an_element_that_says_whose_it_is()
    {
        _lab.Publish("c0", Port(Tcp, 8080, 0, 80), Port(Udp, 53, 0, 5353, at: HostAddress));

        _lab.Elements("map", "ports")
            .Should()
            .Equal(
                $$$"""[{"elem": {"val": {"concat": ["tcp", 8080]}, "comment": "{{{VethOf("c0")}}}: eth0 of c0"}}, {"concat": ["10.244.7.2", 80]}]"""
            );
        _lab.Elements("map", "ports_at")
            .Should()
            .Equal(
                $$$"""[{"elem": {"val": {"concat": ["192.0.2.1", "udp", 53]}, "comment": "{{{VethOf("c0")}}}: eth0 of c0"}}, {"concat": ["10.244.7.2", 5353]}]"""
            );
        _lab.Elements("map", "published").Should().HaveCount(2);
        _lab.Do(nft => PortMaps.List(nft, Network, VethOf("c0")))
            .Should()
            .Equal(Port(Tcp, 8080, 0, 80), Port(Udp, 53, 0, 5353, at: HostAddress));
        _lab.Do(nft => PortMaps.FindDifference(nft, Network, VethOf("c0"), null)).Should().BeNull();
    }

    [RequiresRootFact]
    public void Release_takes_exactly_its_own_and_may_be_repeated()
    {
        _lab.Publish("c1", Port(Tcp, 8081, 1, 80));
        string before = Elements();
        _lab.Publish("c0", Port(Tcp, 8080, 0, 80), Port(Sctp, 8081, 0, 80), Port(Tcp, 8080 + 2, 0, 80, at: HostAddress));

        _lab.Release("c0").Should().HaveCount(3);
        Elements().Should().Be(before);
        _lab.Release("c0").Should().BeEmpty();
        _lab.Release("never").Should().BeEmpty();
        Elements().Should().Be(before);
    }

    [RequiresRootFact]
    public void Thousands_of_ports_of_one_container_take_a_moment()
    {
        PublishedPort[] ports =
        [
            .. Enumerable
                .Range(10_000, 5_000)
                .SelectMany(p => new[] { Port(Tcp, (ushort)p, 0, (ushort)p), Port(Udp, (ushort)p, 0, (ushort)p, HostAddress) }),
        ];
        Stopwatch clock = Stopwatch.StartNew();

        _lab.Publish("c0", ports);
        _lab.Do(nft => PortMaps.FindDifference(nft, Network, VethOf("c0"), ports)).Should().BeNull();
        _lab.Do(nft =>
        {
            Firewall.Write(nft, Spec);
            return true;
        });
        _lab.Release("c0").Should().HaveCount(ports.Length);

        clock.Elapsed.Should().BeLessThan(TimeSpan.FromSeconds(30));
        _lab.Elements("set", "translated").Should().BeEmpty();
    }

    [RequiresRootFact]
    public void Without_a_table_there_is_nothing_to_release_and_nobody_who_has_ports()
    {
        _lab.Host.Nft($"delete table inet twill-{Network}");

        _lab.Release("c0").Should().BeEmpty();
        _lab.Do(nft => PortMaps.Owners(nft, Network)).Should().BeEmpty();
    }

    [RequiresRootTheory]
    [InlineData("0.0.0.0", "0.0.0.0", true)]
    [InlineData("0.0.0.0", "192.0.2.1", true)]
    [InlineData("192.0.2.1", "0.0.0.0", true)]
    [InlineData("192.0.2.1", "192.0.2.1", true)]
    [InlineData("127.0.0.5", "0.0.0.0", true)]
    [InlineData("192.0.2.1", "10.244.7.1", false)]
    public void A_port_has_one_container_in_all_networks(string first, string second, bool conflict)
    {
        _lab.Do(nft => Firewall.Ensure(nft, Spec with { Network = "net2" }));
        _lab.Publish("c0", Port(Tcp, 8080, 0, 80, at: first));
        string before = _lab.Ruleset();

        Action sameNetwork = () => _lab.Publish("c1", Port(Tcp, 9000, 1, 80), Port(Tcp, 8080, 1, 80, at: second));
        Action otherNetwork = () => _lab.PublishIn("net2", "c2", "net1", Port(Tcp, 8080, 1, 80, at: second));

        if (!conflict)
        {
            sameNetwork.Should().NotThrow();
            return;
        }
        string port = second == "0.0.0.0" ? "8080/tcp" : $"{second}:8080/tcp";
        sameNetwork.Should().Throw<PortInUseException>().WithMessage($"host port {port} is in use by interface eth0 of container c0");
        otherNetwork
            .Should()
            .Throw<PortInUseException>()
            .WithMessage($"host port {port} is in use by interface eth0 of container c0, network {Network}");
        _lab.Ruleset().Should().Be(before, "nothing of a refused request is left");

        _lab.Release("c0");
        otherNetwork.Should().NotThrow("the port is free now");
    }

    [RequiresRootFact]
    public void A_container_in_two_networks_may_have_its_port_in_both()
    {
        _lab.Do(nft => Firewall.Ensure(nft, Spec with { Network = "net2" }));
        _lab.Publish("c0", Port(Tcp, 8080, 0, 80), Port(Tcp, 8081, 0, 80, at: HostAddress));

        InNet2("c0", Port(Tcp, 8080, 1, 80), Port(Tcp, 8081, 1, 80)).Should().NotThrow();
        InNet2("c", Port(Tcp, 8080, 1, 80)).Should().Throw<PortInUseException>("it only begins like the other's name");

        Action InNet2(string container, params PublishedPort[] ports) => () => _lab.PublishIn("net2", container, "eth1", ports);
    }

    [RequiresRootFact]
    public void A_container_without_a_host_end_is_gone_and_has_nothing()
    {
        _lab.Do(nft => Firewall.Ensure(nft, Spec with { Network = "net2" }));
        _lab.Publish("c0", Port(Tcp, 8080, 0, 80), Port(Tcp, 8081, 0, 80, at: HostAddress));
        _lab.Host.Ip($"link del {VethOf("c0")}");

        _lab.PublishIn(Network, "c1", "eth0", Port(Tcp, 8081, 1, 80)).Should().Equal((Network, VethOf("c0")));
        _lab.Do(nft => PortMaps.List(nft, Network, VethOf("c0"))).Should().BeEmpty("all that it had went");
        _lab.Host.Ip($"link del {VethOf("c1")}");
        _lab.PublishIn("net2", "c2", "eth0", Port(Tcp, 8081, 1, 80)).Should().Equal((Network, VethOf("c1")));

        _lab.Elements("map", "ports").Should().BeEmpty();
        _lab.Elements("map", "ports", "net2").Should().ContainSingle();
    }

    [RequiresRootFact]
    public void The_same_port_of_another_protocol_is_free() =>
        FluentActions
            .Invoking(() =>
            {
                _lab.Publish("c0", Port(Tcp, 53, 0, 53));
                _lab.Publish("c1", Port(Udp, 53, 1, 53));
            })
            .Should()
            .NotThrow();

    [RequiresRootFact]
    public void What_a_killed_add_left_is_replaced_by_the_next_for_the_same_container()
    {
        _lab.Publish("c0", Port(Tcp, 8080, 0, 80), Port(Tcp, 8081, 0, 80));
        _lab.Publish("c0", Port(Tcp, 8080, 1, 80));

        _lab.Elements("map", "ports").Should().ContainSingle().Which.Should().Contain("10.244.7.3");
        _lab.Elements("map", "published").Should().ContainSingle();
        _lab.Elements("set", "translated").Should().ContainSingle();
    }

    [RequiresRootFact]
    public void What_somebody_took_away_by_hand_and_another_has_now_stays_with_the_other()
    {
        _lab.Publish("c0", Port(Tcp, 8080, 0, 80), Port(Tcp, 8081, 0, 80));
        _lab.Host.Nft($"delete element inet twill-{Network} ports {{ tcp . 8080 , tcp . 8081 }}");
        _lab.Publish("c1", Port(Tcp, 8080, 1, 80));

        _lab.Release("c0").Should().HaveCount(2);

        _lab.Elements("map", "ports").Should().ContainSingle().Which.Should().Contain("10.244.7.3");
        _lab.Do(nft => PortMaps.FindDifference(nft, Network, VethOf("c1"), [Port(Tcp, 8080, 1, 80)])).Should().BeNull();
    }

    [RequiresRootTheory]
    [InlineData(
        "delete element inet twill-net1 ports { tcp . 8080 }",
        "map ports of nftables table inet twill-net1 does not lead host port 8080/tcp to 10.244.7.2:80"
    )]
    [InlineData(
        "delete element inet twill-net1 ports_at { 192.0.2.1 . udp . 53 }",
        "map ports_at of nftables table inet twill-net1 does not lead host port 192.0.2.1:53/udp"
    )]
    [InlineData("flush set inet twill-net1 translated", "set translated of nftables table inet twill-net1 lacks host port 8080/tcp")]
    [InlineData("flush map inet twill-net1 published", "host port 8080/tcp to 10.244.7.2:80 is not published")]
    public void What_was_taken_away_is_named(string damage, string told)
    {
        PublishedPort[] ports = [Port(Tcp, 8080, 0, 80), Port(Udp, 53, 0, 53, at: HostAddress)];
        _lab.Publish("c0", ports);
        _lab.Do(nft => PortMaps.FindDifference(nft, Network, VethOf("c0"), ports)).Should().BeNull();
        _lab.Host.Nft(damage);

        _lab.Do(nft => PortMaps.FindDifference(nft, Network, VethOf("c0"), ports)).Should().StartWith(told);
    }

    [RequiresRootFact]
    public void A_port_that_was_not_asked_for_is_named()
    {
        _lab.Publish("c0", Port(Tcp, 8080, 0, 80));

        _lab.Do(nft => PortMaps.FindDifference(nft, Network, VethOf("c0"), []))
            .Should()
            .Be("host port 8080/tcp to 10.244.7.2:80 is published, but not asked for");
    }

    [RequiresRootFact]
    public void A_table_that_is_made_anew_keeps_its_ports()
    {
        _lab.Publish("c0", Port(Tcp, 8080, 0, 80), Port(Udp, 53, 0, 53, at: HostAddress));
        string before = Elements();

        _lab.Do(nft => Firewall.Ensure(nft, Spec with { Masquerade = false })).Should().BeTrue();
        Elements().Should().Be(before);
        _lab.Do(nft =>
        {
            Firewall.Write(nft, Spec);
            return true;
        });
        Elements().Should().Be(before);
        _lab.Release("c0").Should().HaveCount(2);
    }

    [RequiresRootFact]
    public void A_table_of_an_earlier_version_is_replaced_by_one_with_maps()
    {
        _lab.Host.Nft($"delete table inet twill-{Network}");
        _lab.Host.Nft(
            $"add table inet twill-{Network} {{ map ports {{ type inet_service : ipv4_addr ; elements = {{ 80 : 10.244.7.2 }} ; }} ; }}"
        );

        _lab.Do(nft => Firewall.Ensure(nft, Spec)).Should().BeTrue();

        _lab.Do(nft => Firewall.FindDifference(nft, Spec, [])).Should().BeNull();
        _lab.Elements("map", "ports").Should().BeEmpty();
    }

    [RequiresRootFact]
    public void Ports_published_while_the_table_is_made_anew_are_not_lost()
    {
        using CancellationTokenSource stop = new();
        Thread writer = new(() =>
        {
            while (!stop.IsCancellationRequested)
            {
                _lab.Do(nft =>
                {
                    Firewall.Write(nft, Spec);
                    return true;
                });
            }
        });
        writer.Start();
        for (ushort i = 0; i < 40; i++)
        {
            _lab.Publish($"c{i}", Port(Tcp, (ushort)(9000 + i), 0, 80));
        }

        stop.Cancel();
        writer.Join();

        _lab.Elements("map", "ports").Should().HaveCount(40);
        _lab.Elements("map", "published").Should().HaveCount(40);
    }

    [RequiresRootFact]
    public void Of_two_that_want_a_port_at_once_one_gets_it()
    {
        int refused = 0;
        Parallel.For(0, 40, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i =>
        {
            try
            {
                _lab.Publish($"c{i}", Port(Tcp, (ushort)(9000 + (i / 2)), 0, 80, at: i % 2 == 0 ? "0.0.0.0" : HostAddress));
            }
            catch (PortInUseException)
            {
                Interlocked.Increment(ref refused);
            }
        });

        refused.Should().Be(20);
        (_lab.Elements("map", "ports").Count + _lab.Elements("map", "ports_at").Count).Should().Be(20);
    }

    public void Dispose() => _lab.Dispose();

    private string Elements() =>
        string.Join(
            '\n',
            [
                .. _lab.Elements("map", "ports"),
                .. _lab.Elements("map", "ports_at"),
                .. _lab.Elements("map", "published"),
                .. _lab.Elements("set", "translated"),
            ]
        );
}
