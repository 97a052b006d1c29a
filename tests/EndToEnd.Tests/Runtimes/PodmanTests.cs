using Twill.EndToEnd.Tests.Ports;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Runtimes;

/// <summary>Containers of podman with its CNI backend, asked for on its command line.</summary>
public sealed class PodmanTests(PodmanHost node) : IClassFixture<PodmanHost>
{
    private LabHost Host => node.Host;

    private Podman Podman => node.Podman;

    [RequiresRootFact]
    public void Containers_reach_each_other_and_the_outside_and_leave_nothing()
    {
        IReadOnlyList<string> before = Left();
        RuntimeContainer a = Podman.Run("a"),
            b = Podman.Run("b");

        a.CanPing(Podman.Address("b")).Should().BeTrue();
        b.CanPing(Podman.Address("a")).Should().BeTrue();
        a.CanPing(Lab.OutsideAddress).Should().BeTrue();
        Podman.Do("exec", "a", "ip", "-4", "address", "show", "dev", "eth0").Should().Contain(Podman.Address("a"));

        Podman.Remove("a", "b");
        Left().Should().BeEquivalentTo(before);
    }

    [RequiresRootFact]
    public void An_address_of_either_kind_can_be_asked_for()
    {
        IReadOnlyList<string> before = Left();
        RuntimeContainer container = Podman.Run("asked", "--ip", "10.244.0.77", "--mac-address", "02:00:00:00:00:77");

        container.Ip("-4 address show dev eth0").Should().Contain("inet 10.244.0.77/24 ");
        container.Ip("link show dev eth0").Should().Contain("link/ether 02:00:00:00:00:77 ");
        Podman.Address("asked").Should().Be("10.244.0.77");
        container.CanPing(Lab.OutsideAddress).Should().BeTrue();
        CmdResult taken = Podman.TryRun("taken", "--ip", "10.244.0.77");
        taken.ExitCode.Should().NotBe(0);
        taken.Stderr.Should().Contain("10.244.0.77");

        Podman.Remove("asked", "taken");
        Left().Should().BeEquivalentTo(before);
    }

    [RequiresRootFact]
    public void Published_ports_of_both_protocols_are_reached_until_the_container_is_gone()
    {
        IReadOnlyList<string> before = Left();
        RuntimeContainer container = Podman.Run(
            "web",
            "--publish",
            "18080:80",
            "--publish",
            "18053:53/udp",
            "--publish",
            "127.0.0.1:18081:80"
        );
        using (Server.On(container, "tcp", 80, "web"))
        using (Server.On(container, "udp", 53, "dns"))
        {
            Server.Ask(node.Outside, "tcp", Host.Address, 18080).Should().StartWith("web ");
            Server.Ask(node.Outside, "udp", Host.Address, 18053).Should().StartWith("dns ");
            Server.Ask(Host, "tcp", "127.0.0.1", 18081).Should().StartWith("web ");
            Server.Ask(node.Outside, "tcp", Host.Address, 18081).Should().BeEmpty();
        }

        Podman.Remove("web");
        Left().Should().BeEquivalentTo(before);
    }

    [RequiresRootFact]
    public void A_range_of_ports_is_published_port_by_port()
    {
        IReadOnlyList<string> before = Left();
        RuntimeContainer container = Podman.Run("range", "--publish", "18200-18203:8000-8003");
        using (Server.On(container, "tcp", 8003, "last"))
        {
            Server.Ask(node.Outside, "tcp", Host.Address, 18203).Should().StartWith("last ");
        }

        Podman.Remove("range");
        Left().Should().BeEquivalentTo(before);
    }

    [RequiresRootFact]
    public void A_container_in_two_networks_has_an_address_in_each_and_reaches_both()
    {
        IReadOnlyList<string> before = Left();
        RuntimeContainer both = Podman.Run("both", "--network", "twill,second"),
            first = Podman.Run("first");
        RuntimeContainer second = Podman.Run("second", "--network", "second");

        Podman.Address("both").Should().StartWith("10.244.0.");
        Podman.Address("both", "second").Should().StartWith("10.245.0.");
        both.CanPing(Podman.Address("first")).Should().BeTrue();
        both.CanPing(Podman.Address("second", "second")).Should().BeTrue();
        first.CanPing(Podman.Address("both")).Should().BeTrue();
        second.CanPing(Podman.Address("both", "second")).Should().BeTrue();
        both.CanPing(Lab.OutsideAddress).Should().BeTrue();
        both.IpJson("route show default").GetArrayLength().Should().Be(2);

        Podman.Remove("both", "first", "second");
        Left().Should().BeEquivalentTo(before);
    }

    [RequiresRootFact]
    public void Ports_of_a_container_in_two_networks_are_reached()
    {
        IReadOnlyList<string> before = Left();
        RuntimeContainer container = Podman.Run("bothports", "--network", "twill,second", "--publish", "18120:80");
        using (Server.On(container, "tcp", 80, "web"))
        {
            Server.Ask(node.Outside, "tcp", Host.Address, 18120).Should().StartWith("web ");
        }

        Podman.Remove("bothports");
        Left().Should().BeEquivalentTo(before);
    }

    [RequiresRootFact]
    public void A_running_container_joins_a_network_and_leaves_it_again()
    {
        IReadOnlyList<string> before = Left();
        RuntimeContainer container = Podman.Run("joins"),
            second = Podman.Run("second", "--network", "second");
        IReadOnlyList<string> alone = Left();

        Podman.Do("network", "connect", "second", "joins");
        string address = Podman.Address("joins", "second");
        container.Ip("-4 address show dev eth1").Should().Contain($"inet {address}/24 ");
        second.CanPing(address).Should().BeTrue();

        Podman.Do("network", "disconnect", "second", "joins");
        container.HasLink("eth1").Should().BeFalse();
        container.CanPing(Lab.OutsideAddress).Should().BeTrue();
        Left().Should().BeEquivalentTo(alone);

        Podman.Do("network", "connect", "second", "joins");
        Podman.Do("network", "disconnect", "twill", "joins");
        container.HasLink("eth0").Should().BeFalse();
        container.CanPing(Lab.OutsideAddress).Should().BeTrue("the second network leads there as well");

        Podman.Remove("joins", "second");
        Left().Should().BeEquivalentTo(before);
    }

    [RequiresRootFact]
    public void A_container_outside_of_the_network_is_attached_by_name()
    {
        IReadOnlyList<string> before = Left();
        RuntimeContainer container = Podman.Run("outside", "--network", "second"),
            inside = Podman.Run("inside");
        CmdResult Twill(params string[] args) => node.Place.Run(["/opt/cni/bin/twill", .. args]);

        string told = Twill("attach", "twill", "outside", "--ip", "10.244.0.99").OrThrow().Stdout;
        told.Should().Contain("podman outside is in network twill: eth1");
        inside.CanPing("10.244.0.99").Should().BeTrue();
        container.Ip("-4 address show dev eth1").Should().Contain("inet 10.244.0.99/24 ");
        CmdResult member = Twill("attach", "twill", "podman:inside");
        member.ExitCode.Should().Be(1);
        member.Stderr.Should().Contain($"podman inside is in network twill already, by its runtime: eth0, {Podman.Address("inside")}");
        Twill("detach", "twill", "outside").OrThrow();
        container.HasLink("eth1").Should().BeFalse();

        Podman.Remove("outside", "inside");
        Left().Should().BeEquivalentTo(before);
    }

    [RequiresRootFact]
    public void A_reload_gives_the_container_its_addresses_and_ports_again()
    {
        IReadOnlyList<string> before = Left();
        RuntimeContainer container = Podman.Run(
            "reloaded",
            "--ip",
            "10.244.0.88",
            "--mac-address",
            "02:00:00:00:00:88",
            "--publish",
            "18090:80"
        );
        for (int i = 0; i < 2; i++)
        {
            Podman.Do("network", "reload", "reloaded");
            container.Ip("-4 address show dev eth0").Should().Contain("inet 10.244.0.88/24 ");
            container.Ip("link show dev eth0").Should().Contain("link/ether 02:00:00:00:00:88 ");
        }

        using (Server.On(container, "tcp", 80, "web"))
        {
            Server.Ask(node.Outside, "tcp", Host.Address, 18090).Should().StartWith("web ");
        }

        Podman.Remove("reloaded");
        Left().Should().BeEquivalentTo(before);
    }

    [RequiresRootFact]
    public void An_interface_has_the_name_that_was_asked_for()
    {
        IReadOnlyList<string> before = Left();
        RuntimeContainer container = Podman.Run("named", "--network", "twill:interface_name=uplink0");
        container.Ip("-4 address show dev uplink0").Should().Contain(Podman.Address("named"));
        container.CanPing(Lab.OutsideAddress).Should().BeTrue();
        Podman.Remove("named");
        Left().Should().BeEquivalentTo(before);
    }

    [RequiresRootFact]
    public void Two_addresses_in_one_network_are_refused_by_name()
    {
        IReadOnlyList<string> before = Left();
        CmdResult refused = Podman.TryRun("greedy", "--network", "twill:ip=10.244.0.91,ip=10.244.0.92");
        refused.ExitCode.Should().NotBe(0);
        refused.Stderr.Should().Contain("10.244.0.91").And.Contain("10.244.0.92");
        Podman.Remove("greedy");
        Left().Should().BeEquivalentTo(before);
    }

    [RequiresRootFact]
    public void A_stopped_container_holds_nothing_and_starts_again()
    {
        IReadOnlyList<string> before = Left();
        Podman.Run("stopped", "--publish", "18100:80");
        Podman.Do("stop", "--time", "0", "stopped");
        Left().Should().BeEquivalentTo(before);

        Podman.Do("start", "stopped");
        Podman.Inside("stopped").CanPing(Lab.OutsideAddress).Should().BeTrue();
        Podman.Remove("stopped");
        Left().Should().BeEquivalentTo(before);
    }

    [RequiresRootFact]
    public void A_container_that_cannot_have_its_port_says_why_and_leaves_nothing()
    {
        Podman.Run("has", "--publish", "18110:80");
        IReadOnlyList<string> before = Left();
        CmdResult refused = Podman.TryRun("wants", "--publish", "18110:80", "--network", "second,twill");
        refused.ExitCode.Should().NotBe(0);
        refused.Stderr.Should().Contain("18110/tcp");

        Podman.Remove("wants");
        Left().Should().BeEquivalentTo(before);
        Podman.Remove("has");
    }

    private string[] Left() =>
        [.. Leftovers.Of(Host), .. Leftovers.Records(Host, "second"), .. Host.Published(), .. Host.Published("second")];
}
