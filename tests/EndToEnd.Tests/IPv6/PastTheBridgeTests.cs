using System.Text.Json.Nodes;
using Twill.EndToEnd.Tests.Capabilities;
using Twill.EndToEnd.Tests.Growth;
using Twill.Testing;
using static Twill.EndToEnd.Tests.Ports.Server;

namespace Twill.EndToEnd.Tests.IPv6;

/// <summary>A dual-stack host whose bridge has no port left.</summary>
public sealed class FullDualHost : IDisposable
{
    public FullDualHost()
    {
        if (!Environment.IsPrivilegedProcess)
        {
            return;
        }

        OnBridge = Dual.Host.AddContainer("onbridge");
        FullBridge.Fill(Dual.Host, FullBridge.Ports - 1);
    }

    internal DualHost Dual { get; } = new();

    internal LabContainer OnBridge { get; } = null!;

    public void Dispose() => Dual.Dispose();
}

/// <summary>Containers past the bridge's ports do over IPv6 what they do over IPv4, and leave nothing on the bridge.</summary>
public sealed class PastTheBridgeTests(FullDualHost full) : IClassFixture<FullDualHost>
{
    private static int s_containers;

    private LabHost Host => full.Dual.Host;

    [RequiresRootFact]
    public void It_reaches_everybody_and_everybody_reaches_it()
    {
        LabContainer a = New(),
            b = New();
        Host.IpJson($"link show dev {a.HostEnd()}")[0].TryGetProperty("master", out _).Should().BeFalse();
        string six = DualHost.SixOf(a),
            other = DualHost.SixOf(b),
            there = DualHost.SixOf(full.OnBridge);

        (NetnsShell From, string To)[] ways =
        [
            (full.OnBridge, six),
            (a, there),
            (a, other),
            (b, six),
            (a, DualHost.Gateway),
            (Host, six),
            (a, DualHost.Address),
            (a, DualHost.OutsideAddress),
            (full.OnBridge, a.Address),
            (a, full.OnBridge.Address),
        ];
        foreach ((NetnsShell from, string to) in ways)
        {
            from.CanPing(to).Should().BeTrue($"{to} is reached");
        }

        Host.Cnitool("check", "twill", a).OrThrow();
        Delete(a, b);
    }

    [RequiresRootFact]
    public void Its_published_ports_are_reached_and_everything_goes_with_it()
    {
        const string Args = """{"portMappings":[{"hostPort":8080,"containerPort":80}]}""";
        LabContainer container = Host.NewContainer(Name());
        container.Result = Host.Cnitool("add", container, Args).OrThrow().Stdout;
        using (On6(container, "tcp", 80, "web"))
        {
            Ask(full.Dual.Lab.Outside, "tcp", DualHost.Address, 8080).Should().Be($"web {DualHost.GatewayAddress}");
            Ask(Host, "tcp", DualHost.Address, 8080).Should().StartWith("web ");
            Ask(full.OnBridge, "tcp", DualHost.Address, 8080).Should().StartWith("web ");
            Ask(container, "tcp", DualHost.Address, 8080).Should().StartWith("web ", "of itself");
        }

        Host.Cnitool("check", container, Args).OrThrow();
        Proxies().Should().Contain(DualHost.SixOf(container));
        Host.Cnitool("del", container, Args).OrThrow();
        Proxies().Should().NotContain(DualHost.SixOf(container));
        Host.Ip("-6 route show table all").Should().NotContain(DualHost.SixOf(container));
    }

    [RequiresRootTheory]
    [InlineData("ip neigh del proxy $SIX dev twill0", "the host does not answer neighbour discovery at twill0 for $SIX")]
    [InlineData("echo 0 >/proc/sys/net/ipv6/conf/twill0/proxy_ndp", "net.ipv6.conf.twill0.proxy_ndp is not 1")]
    [InlineData("ip -6 address flush dev $END scope global", "lacks the address fd00:244::1 peer $SIX")]
    [InlineData("ip netns exec $NAME ip route del fd00:244::/64", "route fd00:244::/64 via fd00:244::1 is missing on interface eth0")]
    public void Check_names_what_it_lacks(string damage, string told)
    {
        LabContainer container = New();
        Host.Sh($"SIX={DualHost.SixOf(container)} END={container.HostEnd()} NAME={container.Name}; {damage}");

        Host.Cnitool("check", "twill", container).ToString().Should().Contain(told.Replace("$SIX", DualHost.SixOf(container)));

        Delete(container);
    }

    [RequiresRootFact]
    public void What_a_container_left_whose_namespace_is_gone_goes_with_its_del_or_a_gc()
    {
        LabContainer deleted = New(),
            collected = New();
        foreach (LabContainer container in new[] { deleted, collected })
        {
            container.Remove();
        }

        Eventually.True("the host ends are gone", () => !Host.HasLink(deleted.HostEnd()) && !Host.HasLink(collected.HostEnd()));
        Proxies().Should().ContainAll(DualHost.SixOf(deleted), DualHost.SixOf(collected));

        (Host.Plugin("twill", deleted) with { Netns = "" }).Del(full.Dual.Config).OrThrow();

        Proxies().Should().NotContainAny(DualHost.SixOf(deleted), DualHost.SixOf(collected));
        full.OnBridge.CanPing(DualHost.Gateway).Should().BeTrue();
    }

    [RequiresRootFact]
    public void Whoever_knew_the_address_on_the_bridge_finds_it_past_it_at_once()
    {
        LabContainer container = Host.NewContainer(Name());
        JsonObject config = full.Dual.Conf.ForPlugin();
        config["ipam"] = full.Dual.FixedIpam("10.244.0.222/24", "fd00:244::222/64");
        // as if it had been on the bridge a moment ago
        full.OnBridge.Ip("neigh replace fd00:244::222 lladdr 02:74:0a:f4:00:de dev eth0 nud reachable");

        Host.Plugin("twill", container).Add(config.ToJsonString()).OrThrow();

        full.OnBridge.CanPing("fd00:244::222").Should().BeTrue();
        Host.Plugin("twill", container).Del(config.ToJsonString()).OrThrow();
    }

    private static string Name() => $"past{Interlocked.Increment(ref s_containers)}";

    private string Proxies() => Host.Ip("-6 neigh show proxy");

    private LabContainer New() => Host.AddContainer(Name());

    private void Delete(params LabContainer[] containers)
    {
        foreach (LabContainer container in containers)
        {
            Host.Cnitool("del", "twill", container).OrThrow();
        }
    }
}
