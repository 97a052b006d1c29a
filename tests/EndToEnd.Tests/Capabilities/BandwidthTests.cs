using System.Text.Json.Nodes;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Capabilities;

/// <summary>The capability `bandwidth`: limits that hold, are found missing, and go with their container.</summary>
public sealed class BandwidthTests(SingleHost single) : IClassFixture<SingleHost>
{
    private const string Both =
        """{"bandwidth":{"ingressRate":20000000,"ingressBurst":1000000,"egressRate":20000000,"egressBurst":1000000}}""";

    private static int s_containers;

    private LabHost Host => single.Host;

    [RequiresRootFact]
    public void Through_cnitool_both_directions_are_limited_checked_and_freed()
    {
        LabContainer container = New(),
            peer = Host.AddContainer($"peer{Interlocked.Increment(ref s_containers)}");
        IReadOnlyList<string> before = Leftovers.Of(Host);
        container.Result = Host.Cnitool("add", container, Both).OrThrow().Stdout;

        container.CanPing(Lab.OutsideAddress).Should().BeTrue();
        Throughput.ShouldBeLimitedTo(20, peer, container, container.Address);
        Throughput.ShouldBeLimitedTo(20, container, peer, peer.Address);
        Host.Cnitool("check", container, Both).OrThrow();

        Host.Sh($"tc qdisc delete dev {container.Ifb()} root");
        CmdResult check = Host.Cnitool("check", container, Both);
        check.ExitCode.Should().NotBe(0);
        (check.Stdout + check.Stderr).Should().Contain(container.Ifb()).And.Contain("20000000 bit/s");

        Host.Cnitool("del", container, Both).OrThrow();
        Leftovers.Of(Host).Should().BeEquivalentTo(before);
    }

    [RequiresRootFact]
    public void What_containerd_sends_limits_from_the_first_megabyte_on()
    {
        LabContainer container = New(),
            peer = Host.AddContainer($"peer{Interlocked.Increment(ref s_containers)}");
        Add(container, """{"bandwidth":{"IngressRate":20000000,"IngressBurst":4294967295,"EgressRate":0,"EgressBurst":0}}""");

        Throughput.ShouldBeLimitedTo(20, peer, container, container.Address, "though the burst is half a gigabyte");
        Host.HasLink(container.Ifb()).Should().BeFalse("nothing limits what it sends");
        Host.Qdiscs(container.HostEnd()).Should().Contain("tbf").And.NotContain("ingress");
    }

    [RequiresRootTheory]
    [InlineData("the container's namespace", "ip netns delete $NETNS")]
    [InlineData("the host end", "ip link delete $VETH")]
    [InlineData("the ifb", "ip link delete $IFB")]
    [InlineData("nothing", "true")]
    public void Del_leaves_nothing_whatever_is_gone_already(string gone, string damage)
    {
        IReadOnlyList<string> before = Leftovers.Of(Host);
        LabContainer container = Add(New(), Both);
        Host.Sh($"NETNS={container.Name} VETH={container.HostEnd()} IFB={container.Ifb()}; {damage}");

        CniProcess plugin = Host.Plugin("twill", container);
        (plugin with { Netns = "" }).Del(single.Config).OrThrow();
        (plugin with { Netns = "" }).Del(single.Config).OrThrow();

        Leftovers.Of(Host).Should().BeEquivalentTo(before, $"only {gone} was gone");
    }

    [RequiresRootFact]
    public void An_add_that_fails_after_the_limits_leaves_none()
    {
        LabContainer container = New();
        IReadOnlyList<string> before = Leftovers.Of(Host);
        JsonObject config = single.Conf.ForPlugin().WithRuntimeConfig(Both);
        config["ipam"]!["routes"] = new JsonArray(new JsonObject { ["dst"] = "10.9.0.0/16", ["gw"] = "172.16.0.1" });

        Host.Plugin("twill", container).Add(config.ToJsonString()).ErrorText.Should().Contain("10.9.0.0/16");

        Leftovers.Of(Host).Should().BeEquivalentTo(before);
    }

    [RequiresRootFact]
    public void A_bad_limit_is_refused_before_anything_is_made()
    {
        LabContainer container = New();
        IReadOnlyList<string> before = Leftovers.Of(Host);
        string config = single
            .Conf.ForPlugin()
            .WithRuntimeConfig("""{"bandwidth":{"egressRate":4096,"egressBurst":1600}}""")
            .ToJsonString();

        CniAnswer answer = Host.Plugin("twill", container).Add(config);

        answer.ErrorCode.Should().Be(7);
        answer.ErrorText.Should().Contain("$.runtimeConfig.bandwidth.egressBurst").And.Contain("'1600'");
        Leftovers.Of(Host).Should().BeEquivalentTo(before);
    }

    [RequiresRootFact]
    public void A_check_without_limits_does_not_mind_those_of_others()
    {
        LabContainer container = Add(New(), "{}");
        Host.Sh($"tc qdisc add dev {container.HostEnd()} root tbf rate 1mbit burst 10000 limit 10000");

        Check(container, "{}").OrThrow();
        Check(container, """{"bandwidth":{"IngressRate":0,"IngressBurst":0}}""").OrThrow();
        Check(container, Both).ErrorText.Should().Contain("1000000 bit/s");
    }

    [RequiresRootFact]
    public void Gc_frees_the_limits_of_those_that_are_not_listed_and_of_nobody_else()
    {
        LabContainer kept = Add(New(), Both),
            gone = Add(New(), Both),
            vanished = Add(New(), Both);
        Host.Sh($"ip link add ifb7 type ifb; ip link delete {vanished.HostEnd()}");
        JsonObject config = single.Conf.ForPlugin();
        config["cniVersion"] = "1.1.0";
        config["cni.dev/valid-attachments"] = new JsonArray(new JsonObject { ["containerID"] = kept.Name, ["ifname"] = "eth0" });

        Host.Plugin("twill").Run("GC", config.ToJsonString()).OrThrow();

        Check(kept, Both).OrThrow();
        Host.HasLink(gone.Ifb()).Should().BeFalse();
        Host.HasLink(vanished.Ifb()).Should().BeFalse();
        Host.HasLink("ifb7").Should().BeTrue("it is not ours");
        Host.Sh("ip link delete ifb7");
    }

    [RequiresRootFact]
    public void Del_does_not_mind_limits_that_make_no_sense()
    {
        IReadOnlyList<string> before = Leftovers.Of(Host);
        LabContainer container = Add(New(), Both);
        CniProcess plugin = Host.Plugin("twill", container) with { Args = "K8S_POD_NAME=a" };

        plugin.Del(single.Conf.ForPlugin().WithRuntimeConfig("""{"bandwidth":7,"mac":[],"ips":"all"}""").ToJsonString()).OrThrow();

        Leftovers.Of(Host).Should().BeEquivalentTo(before);
    }

    [RequiresRootFact]
    public void Cleanup_removes_the_ifbs_of_its_network()
    {
        using SingleHost other = new();
        LabContainer container = other.Host.NewContainer("cleaned");
        container.Result = other.Host.Cnitool("add", container, Both).OrThrow().Stdout;

        other.Host.Run("/opt/cni/bin/twill", "cleanup", "--yes", "--force").OrThrow().Stdout.Should().Contain(container.Ifb());

        Leftovers.Links(other.Host).Should().BeEmpty();
    }

    [RequiresRootFact]
    public void The_reference_bandwidth_plugin_works_behind_twill_in_a_chain()
    {
        using SingleHost other = new();
        JsonObject conf = SampleConf.Single();
        conf.Plugin()["capabilities"]!.AsObject().Remove("bandwidth");
        conf["plugins"]!
            .AsArray()
            .Add(
                new JsonObject
                {
                    ["type"] = "bandwidth",
                    ["capabilities"] = new JsonObject { ["bandwidth"] = true },
                }
            );
        other.Host.Configure(conf);
        LabContainer container = other.Host.NewContainer("chained");
        container.Result = other.Host.Cnitool("add", container, Both).OrThrow().Stdout;

        other.Host.Qdiscs(container.HostEnd()).Should().Contain("tbf").And.Contain("ingress");
        container.CanPing(Lab.OutsideAddress).Should().BeTrue();
        other.Host.Cnitool("del", container, Both).OrThrow();
        Leftovers.Of(other.Host).Should().BeEmpty();
    }

    private LabContainer New() => Host.NewContainer($"bw{Interlocked.Increment(ref s_containers)}");

    private LabContainer Add(LabContainer container, string runtimeConfig)
    {
        container.Result = Host.Plugin("twill", container)
            .Add(single.Conf.ForPlugin().WithRuntimeConfig(runtimeConfig).ToJsonString())
            .OrThrow()
            .Stdout;
        return container;
    }

    private CniAnswer Check(LabContainer container, string runtimeConfig) =>
        Host.Plugin("twill", container).Check(single.Conf.ForPlugin(container.Result).WithRuntimeConfig(runtimeConfig).ToJsonString());
}
