using System.Text.Json;
using System.Text.Json.Nodes;
using Twill.EndToEnd.Tests.Capabilities;
using Twill.EndToEnd.Tests.Cli;
using Twill.EndToEnd.Tests.IPv6;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Spoofing;

/// <summary>What keeps containers from sending as others: its life with the container, its damage, its exceptions.</summary>
public sealed class ProtectionTests : IDisposable
{
    private const string Foreign = "10.244.0.99";

    private readonly SingleHost _single = new();

    private LabHost Host => _single.Host;

    [RequiresRootFact]
    public void It_comes_and_goes_with_the_container()
    {
        LabContainer one = Host.AddContainer("one"),
            other = Host.AddContainer("other");
        Ends().Should().HaveCount(2);
        Records().Should().HaveCount(2);

        Host.Cnitool("del", "twill", one).OrThrow();
        Ends().Should().ContainSingle();
        Records().Should().ContainSingle();
        other.Vanish();
        Host.Cnitool("del", "twill", other).OrThrow();
        Ends().Should().BeEmpty();
        Records().Should().BeEmpty();
        Host.Nft("list table bridge twill-twill").Should().NotContain("elements");
    }

    [RequiresRootFact]
    public void A_gc_takes_what_is_left_of_containers_that_are_gone()
    {
        LabContainer gone = Host.NewContainer("gone"),
            stays = Host.NewContainer("stays");
        foreach (LabContainer container in new[] { gone, stays })
        {
            Host.Plugin("twill", container).Add(_single.Config).OrThrow();
        }

        gone.Vanish();
        Ends().Should().HaveCount(2);

        JsonObject conf = _single.Conf.ForPlugin();
        conf["cniVersion"] = "1.1.0";
        conf["cni.dev/valid-attachments"] = new JsonArray(
            new JsonObject { ["containerID"] = stays.Name, ["ifname"] = "eth0" }
        );
        CniProcess plugin = Host.Plugin("twill") with { IfName = "", Netns = "" };
        plugin.Run("GC", conf.ToJsonString()).OrThrow();
        Ends().Should().ContainSingle();
        Records().Should().ContainSingle();
        Spoofs(stays).Should().BeFalse();
    }

    [RequiresRootFact]
    public void What_is_flushed_is_named_and_comes_back_with_the_next_container()
    {
        LabContainer one = Host.AddContainer("one");
        Spoofs(one).Should().BeFalse();
        Host.Nft("flush ruleset");
        Spoofs(one).Should().BeTrue();
        Host.Cnitool("check", "twill", one).Stderr.Should().Contain("is missing");
        Host.Complaints().Should().Contain(complaint => complaint.Check == "anti-spoofing" && complaint.Text.Contains("is missing"));

        Host.AddContainer("other");
        Spoofs(one).Should().BeFalse();
        one.CanPing("10.244.0.1").Should().BeTrue();
        Host.Cnitool("check", "twill", one).OrThrow();
        Host.Complaints().Should().NotContain(complaint => complaint.Check == "anti-spoofing");
    }

    [RequiresRootFact]
    public void A_container_that_was_made_without_it_is_not_cut_off_and_doctor_says_so()
    {
        Configure("antiSpoof", false);
        LabContainer before = Host.AddContainer("before");
        _single.Conf.Plugin().Remove("antiSpoof");
        Host.Configure(_single.Conf);

        Host.AddContainer("after");
        before.CanPing("10.244.0.1").Should().BeTrue();
        Spoofs(before).Should().BeTrue();
        Host.Cnitool("check", "twill", before).OrThrow();
        Host.Complaints()
            .Should()
            .ContainSingle(complaint => complaint.Check == "anti-spoofing")
            .Which.Text.Should()
            .Contain("1 container can send as others");
    }

    [RequiresRootTheory]
    [InlineData("10.9.0.7")]
    [InlineData("10.9.0.0/16")]
    public void Allowed_addresses_may_be_used_beside(string allowed)
    {
        Configure("allowedAddresses", new JsonArray(allowed));
        LabContainer container = Host.AddContainer("keepalived");
        Host.Ip("route add 10.9.0.0/16 dev twill0");
        container.Ip("address add 10.9.0.7/32 dev eth0");
        Host.CanPing("10.9.0.7").Should().BeTrue();
        Spoofs(container).Should().BeFalse();
        Host.Cnitool("check", "twill", container).OrThrow();
        Host.Cnitool("del", "twill", container).OrThrow();
        Host.Nft("list table bridge twill-twill").Should().NotContain("elements");
    }

    [RequiresRootTheory]
    [InlineData(true)]
    [InlineData(false)]
    public void Allowed_prefixes_of_IPv6_may_be_used_on_the_bridge_and_past_it(bool icc)
    {
        using DualHost dual = new();
        dual.Conf.Plugin()["allowedAddresses"] = new JsonArray("fd09::/64");
        dual.Conf.Plugin()["icc"] = icc;
        dual.Host.Configure(dual.Conf);
        LabContainer container = dual.Host.AddContainer("nested");
        foreach (string inside in (string[])["fd09::7", "fd0a::7"])
        {
            container.Ip($"address add {inside}/128 dev eth0 nodad");
            dual.Host.Ip($"route add {inside}/128 via {DualHost.SixOf(container)} dev {(icc ? "twill0" : container.HostEnd())}");
        }

        dual.Host.CanPing("fd09::7").Should().BeTrue();
        dual.Host.CanPing("fd0a::7").Should().BeFalse("nobody allowed that one");
        dual.Host.Cnitool("check", "twill", container).OrThrow();
    }

    [RequiresRootFact]
    public void Cleanup_takes_the_tables_too()
    {
        LabContainer one = Host.AddContainer("one");
        Host.Cnitool("del", "twill", one).OrThrow();
        Host.Nft("list tables").Should().Contain("table bridge twill-twill");
        Host.Run("/opt/cni/bin/twill", "cleanup", "--yes").OrThrow();
        Host.Nft("list tables").Should().NotContain("twill-twill");
    }

    [RequiresRootFact]
    public void What_would_take_the_hosts_traffic_or_is_not_supported_is_refused()
    {
        Host.AddContainer("first");
        string bridge = Host.IpJson("link show dev twill0")[0].GetProperty("address").GetString()!;
        CniProcess plugin = Host.Plugin("twill", Host.NewContainer("second"));
        CniAnswer refused = (plugin with { Args = $"MAC={bridge}" }).Add(_single.Config);
        refused.ErrorCode.Should().Be(7);
        refused.ErrorText.Should().Contain($"{bridge} is that of bridge twill0");

        Configure("vlan", 5);
        refused = plugin.Add(_single.Config);
        refused.ErrorCode.Should().Be(2);
        refused.ErrorText.Should().Contain("$.vlan, value '5'");
        Leftovers.Links(Host).Should().ContainSingle();
    }

    public void Dispose() => _single.Dispose();

    private void Configure(string key, JsonNode value)
    {
        _single.Conf.Plugin()[key] = value;
        Host.Configure(_single.Conf);
    }

    private string[] Records() => [.. Directory.GetFiles(Host.At("/run/twill/twill/attachments")).Select(path => Path.GetFileName(path))];

    private List<string> Ends() =>
        [
            .. Host.NftJson("list set bridge twill-twill ends")
                .EnumerateArray()
                .Where(one => one.TryGetProperty("set", out _))
                .SelectMany(one => one.GetProperty("set").TryGetProperty("elem", out JsonElement elements)
                    ? elements.EnumerateArray().Select(element => element.GetString()!)
                    : []),
        ];

    /// <summary>Whether the host reaches a container by an address that is not its own.</summary>
    private bool Spoofs(LabContainer container)
    {
        container.Ip($"address replace {Foreign}/24 dev eth0");
        Host.Ip("neigh flush dev twill0");
        bool answers = Host.CanPing(Foreign);
        container.Ip($"address delete {Foreign}/24 dev eth0");
        return answers;
    }
}
