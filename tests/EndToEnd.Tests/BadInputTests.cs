using System.Text.Json.Nodes;
using Twill.Testing;

namespace Twill.EndToEnd.Tests;

/// <summary>What users and runtimes get wrong: each a CNI error whose code and text tell it, and nothing left behind.</summary>
public sealed class BadInputTests(SingleHost single) : IClassFixture<SingleHost>
{
    private static int s_containers;

    [RequiresRootTheory]
    [InlineData("", 6)]
    [InlineData("{", 6)]
    [InlineData("null", 6)]
    [InlineData("[]", 6)]
    [InlineData("{\"cniVersion\":\"1.0.0\",\"name\":\"twill\",\"type\":\"twill\"} trailing", 6)]
    public void An_undecodable_configuration(string config, int code) => Refused(Plugin().Add(config), code);

    [RequiresRootTheory]
    [InlineData("name", "\"../../etc\"", "$.name", "../../etc")]
    [InlineData("mtu", "\"big\"", "$.mtu", "big")]
    [InlineData("mtu", "70000", "$.mtu", "70000")]
    [InlineData("ipMasq", "\"yes\"", "$.ipMasq", "yes")]
    [InlineData("bridge", "\"a-name-that-is-too-long\"", "$.bridge", "a-name-that-is-too-long")]
    [InlineData("nonMasqueradeCIDRs", "[\"10.0.0.0/8\", \"ten\"]", "$.nonMasqueradeCIDRs[1]", "ten")]
    [InlineData("backend", "{\"type\":\"carrier-pigeon\"}", "$.backend.type", "carrier-pigeon")]
    [InlineData("backend", "{\"type\":\"none\",\"vnni\":2}", "$.backend", "vnni")]
    [InlineData("backend", "{\"type\":\"vxlan\",\"vni\":16777216}", "$.backend.vni", "16777216")]
    [InlineData("ipam", "{\"type\":\"twill-ipam\"}", "$.ipam", "subnet")]
    [InlineData("ipam", "{\"type\":\"twill-ipam\",\"subnet\":\"10.244.0.0/33\"}", "$.ipam.subnet", "10.244.0.0/33")]
    [InlineData("ipam", "{\"type\":\"twill-ipam\",\"subnet\":\"10.244.0.0/24\",\"subnit\":1}", "$.ipam", "subnit")]
    [InlineData("ipam", "{\"type\":\"twill-ipam\",\"subnet\":\"10.244.0.0/24\",\"routes\":[null]}", "$.ipam.routes[0]", "null")]
    [InlineData(
        "ipam",
        "{\"type\":\"twill-ipam\",\"subnet\":\"10.9.0.0/24\",\"network\":\"10.9.0.0/16\",\"etcd\":{\"endpoints\":[\"http://e:1\"]}}",
        "$.ipam",
        "etcd"
    )]
    [InlineData(
        "ipam",
        "{\"type\":\"twill-ipam\",\"network\":\"10.244.0.0/16\",\"etcd\":{\"endpoints\":[]}}",
        "$.ipam.etcd.endpoints",
        "at least one"
    )]
    [InlineData(
        "ipam",
        "{\"type\":\"twill-ipam\",\"network\":\"10.244.0.0/16\",\"etcd\":{\"endpoints\":[\"here\"]}}",
        "$.ipam.etcd.endpoints[0]",
        "here"
    )]
    [InlineData(
        "ipam",
        "{\"type\":\"twill-ipam\",\"network\":\"10.9.0.0/16\",\"subnetLen\":12,\"etcd\":{\"endpoints\":[\"http://e:1\"]}}",
        "$.ipam.subnetLen",
        "12"
    )]
    [InlineData("ipam", "{\"type\":\"no-such-ipam\"}", "CNI_PATH", "no-such-ipam")]
    public void A_wrong_value_names_its_path(string key, string value, string path, string found)
    {
        JsonObject config = single.Conf.ForPlugin();
        config[key] = JsonNode.Parse(value);
        CniAnswer answer = Plugin().Add(config.ToJsonString());
        Refused(answer, answer.ErrorText.Contains("unknown key") ? 2 : 7);
        answer.ErrorText.Should().Contain(path).And.Contain(found);
    }

    [RequiresRootFact]
    public void An_unknown_version_is_code_1_and_names_both()
    {
        JsonObject config = single.Conf.ForPlugin();
        config["cniVersion"] = "9.9.9";
        CniAnswer answer = Plugin().Add(config.ToJsonString());
        Refused(answer, 1);
        answer.ErrorText.Should().Contain("9.9.9").And.Contain("1.1.0");
    }

    [RequiresRootTheory]
    [InlineData("CNI_CONTAINERID", null)]
    [InlineData("CNI_CONTAINERID", "../../etc/passwd")]
    [InlineData("CNI_CONTAINERID", "-starts-with-a-dash")]
    [InlineData("CNI_NETNS", null)]
    [InlineData("CNI_IFNAME", null)]
    [InlineData("CNI_IFNAME", "sixteen-letters-")]
    [InlineData("CNI_IFNAME", "a/b")]
    [InlineData("CNI_IFNAME", "..")]
    [InlineData("CNI_IFNAME", "eth%d")]
    [InlineData("CNI_COMMAND", "FROBNICATE")]
    public void A_missing_or_illegal_variable_is_code_4_and_named(string variable, string? value)
    {
        CniProcess plugin = Plugin() with { Env = new Dictionary<string, string?> { [variable] = value } };
        CniAnswer answer = plugin.Add(single.Config);
        Refused(answer, 4);
        answer.ErrorText.Should().Contain(variable);
    }

    [RequiresRootFact]
    public void All_missing_variables_are_named_at_once()
    {
        CniProcess plugin = Plugin() with { ContainerId = "", Netns = "", IfName = "" };
        CniAnswer answer = plugin.Add(single.Config);
        Refused(answer, 4);
        answer.ErrorText.Should().ContainAll("CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME");
    }

    [RequiresRootTheory]
    [InlineData("/run/netns/never-made")]
    [InlineData("/etc/hostname")]
    [InlineData("/proc/4194304/ns/net")]
    public void A_namespace_that_is_none(string path)
    {
        CniAnswer answer = (Plugin() with { Netns = path }).Add(single.Config);
        Refused(answer);
        answer.ErrorText.Should().Contain(path);
    }

    [RequiresRootFact]
    public void A_namespace_whose_mount_is_gone()
    {
        LabContainer container = single.Host.NewContainer("dead");
        single.Host.Sh($"umount {container.NetnsPath}");
        CniAnswer answer = single.Host.Plugin("twill", container).Add(single.Config);
        Refused(answer);
        answer.ErrorText.Should().Contain(container.NetnsPath);
    }

    [RequiresRootFact]
    public void A_full_subnet_says_so()
    {
        JsonObject config = single.Conf.ForPlugin();
        config["name"] = "small";
        config["bridge"] = "small0";
        config["ipam"]!["subnet"] = "10.8.8.0/30";
        CniProcess first = Plugin(),
            second = Plugin();
        first.Add(config.ToJsonString()).OrThrow();
        CniAnswer full = second.Add(config.ToJsonString());
        full.ExitCode.Should().Be(1);
        Leftovers.Links(single.Host).Should().ContainSingle("the first container keeps its link, the second gets none");
        full.ErrorText.Should().Contain("10.8.8.0/30");

        first.Del(config.ToJsonString()).OrThrow();
        second.Add(config.ToJsonString()).OrThrow();
        second.Del(config.ToJsonString()).OrThrow();
    }

    [RequiresRootFact]
    public void A_network_that_etcd_knows_otherwise_is_refused_with_both_values()
    {
        using Cluster cluster = Cluster.Start(0);
        cluster.NewHost("first").AddContainer("c");
        LabHost other = cluster.NewHost("other", conf => conf.Ipam()["network"] = "10.77.0.0/16");
        LabContainer container = other.NewContainer("c");
        JsonObject config = SampleConf.Cluster(cluster.Etcd.Endpoint).ForPlugin();
        config["ipam"]!["network"] = "10.77.0.0/16";
        CniAnswer answer = other.Plugin("twill", container).Add(config.ToJsonString());

        answer.ExitCode.Should().NotBe(0);
        answer.ErrorCode.Should().Be(7, answer.ToString());
        answer.ErrorText.Should().Contain("10.77.0.0/16").And.Contain("10.244.0.0/16");
        Leftovers.Of(other).Should().BeEmpty();
        cluster.Etcd.List(Cluster.Subnets).Should().HaveCount(1);
    }

    /// <summary>The plugin for a container that nothing is wrong with.</summary>
    private CniProcess Plugin() => single.Host.Plugin("twill", single.Host.NewContainer($"b{Interlocked.Increment(ref s_containers)}"));

    /// <summary>An error document on standard output, nothing else, and nothing left on the host.</summary>
    private void Refused(CniAnswer answer, int? code = null)
    {
        answer.ExitCode.Should().Be(1, answer.ToString());
        answer.ErrorText.Should().NotBeEmpty();
        if (code is { } expected)
        {
            answer.ErrorCode.Should().Be(expected, answer.ToString());
        }

        Leftovers.Of(single.Host).Should().BeEmpty();
    }
}
