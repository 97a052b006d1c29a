using System.Text.Json;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Tools;

public sealed class TestNetnsTests
{
    [RequiresRootFact]
    public void A_new_namespace_has_a_loopback_that_is_up_and_nothing_else()
    {
        using TestNetns ns = TestNetns.Create();
        JsonElement links = ns.IpJson("link");
        links.GetArrayLength().Should().Be(1);
        links[0].GetProperty("ifname").GetString().Should().Be("lo");
        links[0].GetProperty("flags").EnumerateArray().Select(f => f.GetString()).Should().Contain("UP");
        ns.NftJson("list ruleset").GetArrayLength().Should().Be(1, "only nft's own metainfo is there");
    }

    [RequiresRootFact]
    public void What_runs_inside_sees_the_namespaces_links()
    {
        using TestNetns ns = TestNetns.Create();
        ns.Ip("link add br0 type bridge");
        ns.HasLink("br0").Should().BeTrue();
        ns.Sh("ls /proc/net/dev_snmp6").Should().Contain("br0");
        using TestNetns other = TestNetns.Create();
        other.HasLink("br0").Should().BeFalse();
    }

    [RequiresRootFact]
    public void Disposing_removes_the_name()
    {
        TestNetns ns = TestNetns.Create();
        File.Exists(ns.Path).Should().BeTrue();
        ns.Dispose();
        File.Exists(ns.Path).Should().BeFalse();
    }
}
