using System.Text.Json.Nodes;
using Twill.Testing;

namespace Twill.EndToEnd.Tests;

/// <summary>Two leased networks on two hosts, and a container in both.</summary>
public sealed class TwoNetworksTests
{
    [RequiresRootFact]
    public void A_container_in_both_reaches_those_of_each_on_the_other_host_and_is_reached_by_them()
    {
        using Cluster cluster = Cluster.Start(2);
        LabHost here = cluster.Hosts[0],
            there = cluster.Hosts[1];
        JsonObject second = SampleConf.Cluster(cluster.Etcd.Endpoint);
        second["name"] = "second";
        (second.Plugin()["bridge"], second.Ipam()["network"]) = ("twill2", "10.245.0.0/16");
        second.Plugin()["backend"]!["vni"] = 2;
        second.Ipam()["etcd"]!["prefix"] = "/twill/second";
        here.Configure(second);
        there.Configure(second);
        LabContainer both = here.AddContainer("both"),
            first = there.AddContainer("first"),
            other = there.AddContainer("other", "second");
        JsonObject result = JsonNode.Parse(
            (here.Plugin("twill", both) with { IfName = "eth1" }).Add(second.ForPlugin().ToJsonString()).OrThrow().Stdout
        )!.AsObject();
        string address = ((string)result["ips"]![0]!["address"]!).Split('/')[0];

        Eventually.True("the first network", () => both.CanPing(first.Address), TimeSpan.FromSeconds(20), () => here.Agent!.Log);
        Eventually.True("it is reached in the second", () => other.CanPing(address), TimeSpan.FromSeconds(20), () => here.Agent!.Log);
        Eventually.True(
            "it reaches the second",
            () => both.CanPing(other.Address),
            TimeSpan.FromSeconds(10),
            () => both.Ip("route show") + both.Ip("rule show")
        );
        (here.Plugin("twill", both) with { IfName = "eth1" }).Check(second.ForPlugin(result.ToJsonString()).ToJsonString()).OrThrow();
    }
}
