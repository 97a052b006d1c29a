using System.Text.Json.Nodes;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.IPv6;

/// <summary>Containers with IPv6 beside IPv4, and without IPv4: whom they reach, at once, and what is left of them.</summary>
public sealed class DualStackTests(DualHost dual) : IClassFixture<DualHost>
{
    private static int s_containers;

    private LabHost Host => dual.Host;

    [RequiresRootFact]
    public void It_reaches_everybody_over_both_families_as_soon_as_it_is_added()
    {
        LabContainer a = New(),
            b = New();
        (NetnsShell From, string To)[] ways =
        [
            (a, DualHost.SixOf(b)),
            (b, DualHost.SixOf(a)),
            (a, DualHost.Gateway),
            (Host, DualHost.SixOf(a)),
            (a, DualHost.Address),
            (a, b.Address),
            (Host, b.Address),
            (a, Host.Address),
            (a, Lab.OutsideAddress),
        ];
        foreach ((NetnsShell from, string to) in ways)
        {
            from.CanPing(to).Should().BeTrue($"{to} is reached");
        }

        using SourceWatch watch = SourceWatch.On(dual.Lab.Outside);
        a.CanPing(DualHost.OutsideAddress).Should().BeTrue();
        watch.Sources().Should().Equal([DualHost.Address], "the outside sees the host");
        Host.Cnitool("check", "twill", a).OrThrow();
    }

    [RequiresRootFact]
    public void Nothing_waits_for_an_address_and_nothing_is_learnt_from_routers()
    {
        LabContainer container = New();

        container.Ip("-6 address show").Should().NotContain("tentative").And.NotContain("dadfailed");
        container.Sh("cat /proc/sys/net/ipv6/conf/eth0/accept_ra /proc/sys/net/ipv6/conf/eth0/accept_dad").Should().Be("0\n0\n");
        Host.Ip("-6 address show dev twill0").Should().Contain($"{DualHost.Gateway}/64").And.NotContain("tentative");
        Host.Sh("cat /proc/sys/net/ipv6/conf/twill0/accept_ra").Should().Be("0\n");
        Host.Sh("cat /proc/sys/net/ipv6/conf/eth0/accept_ra").Should().Be("1\n", "the underlay is not ours");
        container.Ip("-6 route show default").Should().Contain($"via {DualHost.Gateway} dev eth0");
    }

    [RequiresRootFact]
    public void IPv6_that_the_runtime_turned_off_in_the_namespace_is_turned_on_for_the_interface()
    {
        LabContainer container = Host.NewContainer(Name());
        container.Sh(
            "ip link set lo up; echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6; echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6"
        );

        container.Result = Host.Cnitool("add", "twill", container).OrThrow().Stdout;

        container.CanPing(DualHost.Gateway).Should().BeTrue();
        container.CanPing("::1").Should().BeTrue();
    }

    [RequiresRootFact]
    public void IPv6_alone_is_a_network_as_well()
    {
        JsonObject conf = DualHost.Configuration("six", "six0", "fd00:6::/64");
        Host.Configure(conf);
        LabContainer a = New("six"),
            b = New("six");

        a.Ip("-4 address show dev eth0").Should().BeEmpty();
        JsonNode.Parse(a.Result)!["ips"]!.AsArray().Should().ContainSingle();
        a.CanPing(DualHost.SixOf(b)).Should().BeTrue();
        a.CanPing(DualHost.OutsideAddress).Should().BeTrue();
        MacOf(a).Should().StartWith("0e:").And.NotBe(MacOf(b));
        Host.Cnitool("check", "six", a).OrThrow();
        foreach (LabContainer container in new[] { a, b })
        {
            Host.Cnitool("del", "six", container).OrThrow();
        }

        dual.Taken("six").Should().BeEmpty();
        Host.Sh("rm /etc/cni/net.d/10-six.conflist");
    }

    [RequiresRootFact]
    public void In_two_networks_the_default_route_of_the_second_stands_behind_the_first_and_stays_when_that_goes()
    {
        JsonObject conf = DualHost.Configuration("other", "other0", "10.245.0.0/24", "fd00:245::/64");
        LabContainer container = New();

        (Host.Plugin("twill", container) with { IfName = "eth1" }).Add(conf.ForPlugin().ToJsonString()).OrThrow();

        container.Ip($"route get {DualHost.OutsideAddress}").Should().Contain($"via {DualHost.Gateway} dev eth0");
        Host.Cnitool("del", "twill", container).OrThrow();
        container.Ip($"route get {DualHost.OutsideAddress}").Should().Contain("via fd00:245::1 dev eth1");
        container.CanPing(DualHost.OutsideAddress).Should().BeTrue();
        (Host.Plugin("twill", container) with { IfName = "eth1" }).Del(conf.ForPlugin().ToJsonString()).OrThrow();
    }

    [RequiresRootFact]
    public void With_an_mtu_below_1280_there_is_no_ipv6_and_nothing_of_the_add_is_left()
    {
        LabContainer container = Host.NewContainer(Name());
        JsonObject config = DualHost.Configuration("narrow", "narrow0", "10.67.0.0/24", "fd00:67::/64").ForPlugin();
        config["mtu"] = 1279;
        IReadOnlyList<string> before = Leftovers.Links(Host);

        CniAnswer answer = Host.Plugin("twill", container).Add(config.ToJsonString());

        answer.ErrorCode.Should().Be(7);
        answer
            .ErrorText.Should()
            .Contain("with an MTU of 1279 bytes there is no IPv6")
            .And.Contain("$.mtu: expected 0 or at least 1280, got '1279'");
        Leftovers.Links(Host).Should().BeEquivalentTo(before);
        dual.Taken("narrow").Should().BeEmpty();
        config["mtu"] = 1280;
        Host.Plugin("twill", container).Add(config.ToJsonString()).OrThrow();
        container.CanPing("fd00:67::1").Should().BeTrue();
        Host.Plugin("twill", container).Del(config.ToJsonString()).OrThrow();
        Host.Ip("link delete narrow0");
    }

    [RequiresRootFact]
    public void A_bridge_that_was_down_for_a_moment_keeps_its_address()
    {
        LabContainer container = New();
        Host.Ip("link set twill0 down");
        Host.Ip("link set twill0 up");
        Eventually.True("the gateway answers again", () => container.CanPing(DualHost.Gateway));
    }

    [RequiresRootFact]
    public void Without_masquerading_of_ipv6_the_outside_sees_the_containers_own_address()
    {
        JsonObject config = dual.Conf.ForPlugin();
        config["nonMasqueradeCIDRs"] = new JsonArray("::/0");
        LabContainer container = Host.NewContainer(Name());
        dual.Lab.Outside.Ip($"route add fd00:244::/64 via {DualHost.Address}");
        try
        {
            container.Result = Host.Plugin("twill", container).Add(config.ToJsonString()).OrThrow().Stdout;
            using SourceWatch watch = SourceWatch.On(dual.Lab.Outside);
            container.CanPing(DualHost.OutsideAddress).Should().BeTrue();
            container.CanPing(Lab.OutsideAddress).Should().BeTrue();
            watch.Sources().Should().Equal([Host.Address, DualHost.SixOf(container)], "IPv4 is masqueraded all the same");
        }
        finally
        {
            dual.Lab.Outside.Ip("route delete fd00:244::/64");
            Host.Plugin("twill", container).Del(config.ToJsonString()).OrThrow();
        }
    }

    [RequiresRootTheory]
    [InlineData("0.2.0")]
    [InlineData("0.4.0")]
    [InlineData("1.0.0")]
    [InlineData("1.1.0")]
    public void Each_version_tells_both_addresses_in_its_own_words(string version)
    {
        LabContainer container = Host.NewContainer(Name());
        JsonObject config = dual.Conf.ForPlugin();
        config["cniVersion"] = version;
        config["ipam"] = dual.FixedIpam("10.244.0.200/24", "fd00:244::200/64");

        JsonNode result = JsonNode.Parse(Host.Plugin("twill", container).Add(config.ToJsonString()).OrThrow().Stdout)!;

        Inside(container).Should().Equal("10.244.0.200/24", "fd00:244::200/64");
        string expected =
            version == "0.2.0"
                ? $$"""
                    {"cniVersion":"0.2.0","ip4":{"ip":"10.244.0.200/24","gateway":"10.244.0.1","routes":[{"dst":"0.0.0.0/0"}]},
                     "ip6":{"ip":"fd00:244::200/64","gateway":"{{DualHost.Gateway}}","routes":[{"dst":"::/0"}]},"dns":{} }
                    """
                : $$"""
                    {"cniVersion":"{{version}}","ips":[{ {{Family("4")}} "interface":2,"address":"10.244.0.200/24","gateway":"10.244.0.1"},
                     { {{Family(
                        "6"
                    )}} "interface":2,"address":"fd00:244::200/64","gateway":"{{DualHost.Gateway}}"}],"routes":[{"dst":"0.0.0.0/0"},{"dst":"::/0"}],"dns":{} }
                    """;
        result.AsObject().Remove("interfaces");
        result["dns"] = new JsonObject();
        JsonNode.DeepEquals(result, JsonNode.Parse(expected)).Should().BeTrue($"got {result}, expected {expected}");
        Host.Plugin("twill", container).Del(config.ToJsonString()).OrThrow();

        string Family(string number) => version.StartsWith('0') ? $"\"version\":\"{number}\"," : "";
    }

    [RequiresRootFact]
    public void Del_and_gc_leave_nothing_of_both_families()
    {
        LabContainer kept = New(),
            deleted = New(),
            collected = Host.NewContainer(Name());
        JsonObject config = dual.Conf.ForPlugin();
        config["cniVersion"] = "1.1.0";
        config["ipam"] = dual.FixedIpam("10.244.0.201/24", "fd00:244::201/64");
        collected.Result = Host.Plugin("twill", collected).Add(config.ToJsonString()).OrThrow().Stdout;
        config["cni.dev/valid-attachments"] = new JsonArray([
            .. Host.IpJson("link show type veth")
                .EnumerateArray()
                .Where(link => link.TryGetProperty("ifalias", out _) && link.GetProperty("ifname").GetString() != HostEndOf(collected))
                .Select(link => link.GetProperty("ifalias").GetString()!.Split(' '))
                .Select(alias => (JsonNode)new JsonObject { ["containerID"] = alias[2], ["ifname"] = alias[3] }),
        ]);
        kept.CanPing(DualHost.SixOf(collected)).Should().BeTrue();

        Host.Cnitool("del", "twill", deleted).OrThrow();
        Host.Plugin("twill").Run("GC", config.ToJsonString()).OrThrow();

        dual.Taken().Should().NotContain(DualHost.SixOf(deleted)).And.Contain(DualHost.SixOf(kept));
        Host.Ip("-6 route show").Should().NotContain(DualHost.SixOf(deleted)).And.NotContain(DualHost.SixOf(collected));
        Host.HasLink(HostEndOf(collected)).Should().BeFalse();
        kept.CanPing(DualHost.Gateway).Should().BeTrue();
        Host.Cnitool("del", "twill", kept).OrThrow();
    }

    private static string HostEndOf(LabContainer container) => Twill.EndToEnd.Tests.Capabilities.RuntimeArguments.HostEnd(container);

    private static string MacOf(LabContainer container) => container.IpJson("link show dev eth0")[0].GetProperty("address").GetString()!;

    /// <summary>Its global addresses, as `ip` lists them.</summary>
    private static IEnumerable<string> Inside(LabContainer container) =>
        from address in container.IpJson("address show dev eth0 scope global")[0].GetProperty("addr_info").EnumerateArray()
        where address.TryGetProperty("local", out _) // `ip` leaves an empty object for what it was not asked for
        select $"{address.GetProperty("local").GetString()}/{address.GetProperty("prefixlen").GetInt32()}";

    private static string Name() => $"dual{Interlocked.Increment(ref s_containers)}";

    private LabContainer New(string network = "twill") => Host.AddContainer(Name(), network);
}
