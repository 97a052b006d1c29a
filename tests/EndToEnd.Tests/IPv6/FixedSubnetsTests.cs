using System.Text.Json.Nodes;
using Twill.EndToEnd.Tests.Capabilities;
using Twill.EndToEnd.Tests.Cli;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.IPv6;

/// <summary>Both plugins together: one host with a fixed subnet of each family.</summary>
public sealed class FixedSubnetsTests : IDisposable
{
    private readonly SingleHost _single = new();

    public FixedSubnetsTests()
    {
        if (!Environment.IsPrivilegedProcess)
        {
            return;
        }

        JsonObject ipam = _single.Conf.Ipam();
        ipam["ipv6Subnet"] = "fd00:244::/64";
        ipam["routes"]!.AsArray().Add(new JsonObject { ["dst"] = "::/0" });
        _single.Conf["cniVersion"] = "1.1.0";
        Host.Configure(_single.Conf);
    }

    private LabHost Host => _single.Host;

    [RequiresRootFact]
    public void An_add_makes_what_its_result_says_a_check_finds_it_and_gc_frees_it()
    {
        LabContainer container = Host.NewContainer("c1"),
            other = Host.NewContainer("c2");
        container.Result = Host.Plugin("twill", container).Add(_single.Config).OrThrow().Stdout;
        other.Result = Host.Plugin("twill", other).Add(_single.Config).OrThrow().Stdout;
        JsonNode result = JsonNode.Parse(container.Result)!;
        result["ips"]!.AsArray().Select(ip => (string)ip!["gateway"]!).Should().Equal("10.244.0.1", "fd00:244::1");
        result["ips"]!.AsArray().Select(ip => (int)ip!["interface"]!).Should().Equal(2, 2);
        result["routes"]!.AsArray().Select(route => (string)route!["dst"]!).Should().Equal("0.0.0.0/0", "::/0");

        container.CanPing(DualHost.SixOf(other)).Should().BeTrue();
        container.CanPing(other.Address).Should().BeTrue();
        Host.Nft("list set inet twill-twill local6").Should().Contain("fd00:244::/64");
        Host.Plugin("twill", container).Check(_single.Conf.ForPlugin(container.Result).ToJsonString()).OrThrow();
        Host.Complaints().Should().BeEmpty();

        JsonObject config = _single.Conf.ForPlugin();
        config["cni.dev/valid-attachments"] = new JsonArray();
        Host.Plugin("twill").Run("GC", config.ToJsonString()).OrThrow();
        Leftovers.Of(Host).Should().BeEmpty();
    }

    [RequiresRootFact]
    public void An_ipv6_address_that_is_asked_for_is_given()
    {
        LabContainer container = Host.NewContainer("asks");
        JsonObject config = _single.Conf.ForPlugin().WithRuntimeConfig("""{"ips":["fd00:244::77/64"]}""");

        container.Result = Host.Plugin("twill", container).Add(config.ToJsonString()).OrThrow().Stdout;

        DualHost.SixOf(container).Should().Be("fd00:244::77");
        container.CanPing("10.244.0.1").Should().BeTrue();
        container.CanPing("fd00:244::1").Should().BeTrue();
        Host.Plugin("twill", container).Del(config.ToJsonString()).OrThrow();
        Leftovers.Of(Host).Should().BeEmpty();
    }

    [RequiresRootFact]
    public void A_network_that_loses_its_ipv6_gives_later_containers_none_and_still_takes_the_others_down()
    {
        LabContainer before = Host.NewContainer("before"),
            after = Host.NewContainer("after");
        before.Result = Host.Plugin("twill", before).Add(_single.Config).OrThrow().Stdout;
        JsonObject config = _single.Conf.ForPlugin();
        config["ipam"]!.AsObject().Remove("ipv6Subnet");
        config["ipam"]!["routes"] = new JsonArray(new JsonObject { ["dst"] = "0.0.0.0/0" });

        after.Result = Host.Plugin("twill", after).Add(config.ToJsonString()).OrThrow().Stdout;

        JsonNode.Parse(after.Result)!["ips"]!.AsArray().Should().ContainSingle();
        Host.Nft("list table inet twill-twill").Should().NotContain("local6");
        foreach (LabContainer container in new[] { before, after })
        {
            Host.Plugin("twill", container).Del(config.ToJsonString()).OrThrow();
        }

        Leftovers.Of(Host).Should().BeEmpty();
    }

    public void Dispose() => _single.Dispose();
}
