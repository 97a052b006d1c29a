using System.Text.Json.Nodes;
using Twill.Testing;

namespace Twill.EndToEnd.Tests;

/// <summary>Each of our plugins beside the reference plugins of Debian's containernetworking-plugins.</summary>
public sealed class ReferencePluginsTests
{
    [RequiresRootFact]
    public void Twill_works_over_host_local()
    {
        using SingleHost single = new();
        JsonObject conf = SampleConf.Single();
        conf.Plugin()["ipam"] = new JsonObject
        {
            ["type"] = "host-local",
            ["subnet"] = "10.66.0.0/24",
            ["routes"] = new JsonArray(new JsonObject { ["dst"] = "0.0.0.0/0" }),
        };
        TwoContainers(single, conf, "twill", "10.66.0.");
        Directory.GetFiles(single.Host.At("/var/lib/cni/networks/twill"), "10.66.*").Should().BeEmpty("DEL was passed on");
    }

    [RequiresRootFact]
    public void Twill_ipam_works_under_bridge_with_a_fixed_subnet()
    {
        using SingleHost single = new();
        TwoContainers(single, UnderBridge(SampleConf.Single()), "bridge", "10.244.0.");
        Leftovers.Records(single.Host).Should().BeEmpty();
    }

    [RequiresRootFact]
    public void Twill_ipam_works_under_bridge_with_leased_subnets()
    {
        using Cluster cluster = Cluster.Start(0);
        LabHost host = cluster.NewHost("host");
        JsonObject conf = UnderBridge(SampleConf.Cluster(cluster.Etcd.Endpoint));
        conf["name"] = "other";
        conf.Ipam()["etcd"]!["prefix"] = "/twill/other";
        LabContainer container = host.NewContainer("c");
        container.Result = host.Plugin("bridge", container).Add(conf.ForPlugin().ToJsonString()).OrThrow().Stdout;

        container.CanPing(Lab.OutsideAddress).Should().BeTrue();
        string key = cluster.Etcd.List("/twill/other/subnets/").Keys.Should().ContainSingle().Subject;
        cluster.Etcd.Get(key).Should().Be($$"""{"PublicIP":"{{host.Address}}","PublicIPv6":null}""", "flannel's form without a backend");
    }

    private static void TwoContainers(SingleHost single, JsonObject conf, string plugin, string addresses)
    {
        LabContainer a = single.Host.NewContainer("a"),
            b = single.Host.NewContainer("b");
        foreach (LabContainer container in new[] { a, b })
        {
            container.Result = single.Host.Plugin(plugin, container).Add(conf.ForPlugin().ToJsonString()).OrThrow().Stdout;
            container.Address.Should().StartWith(addresses);
        }

        a.CanPing(b.Address).Should().BeTrue();
        a.CanPing(Lab.OutsideAddress).Should().BeTrue();
        foreach (LabContainer container in new[] { a, b })
        {
            CniProcess process = single.Host.Plugin(plugin, container);
            process.Check(conf.ForPlugin(container.Result).ToJsonString()).OrThrow();
            process.Del(conf.ForPlugin(container.Result).ToJsonString()).OrThrow();
        }
    }

    private static JsonObject UnderBridge(JsonObject conf)
    {
        JsonNode ipam = conf.Ipam().DeepClone();
        conf["plugins"] = new JsonArray(
            new JsonObject
            {
                ["type"] = "bridge",
                ["bridge"] = "ref0",
                ["isGateway"] = true,
                ["ipMasq"] = true,
                ["ipam"] = ipam,
            }
        );
        return conf;
    }
}
