using System.Text.Json;
using System.Text.Json.Nodes;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Lan;

/// <summary>Containers on an administrator's bridge that holds the host's interface, on two hosts.</summary>
public sealed class LanBridgeTests
{
    [RequiresRootFact]
    public void Containers_are_machines_of_the_LAN_and_nothing_of_the_bridge_is_changed()
    {
        using Lab lab = Lab.Create();
        string etcd = lab.StartEtcd().Endpoint;
        JsonObject conf = SampleConf.Lan(etcd);
        LabHost[] hosts = [lab.AddHost("host1"), lab.AddHost("host2")];
        List<string> before = [];
        foreach (LabHost host in hosts)
        {
            Bridge(host);
            before.Add(Seen(host));
            host.Configure(conf);
            host.StartAgent();
        }

        LabContainer one = hosts[0].AddContainer("one", "lan"),
            other = hosts[1].AddContainer("other", "lan");
        foreach (LabContainer container in (LabContainer[])[one, other])
        {
            JsonElement ip = JsonDocument.Parse(container.Result).RootElement.GetProperty("ips")[0];
            ip.GetProperty("address").GetString().Should().MatchRegex(@"^192\.168\.50\.1[2-9][0-9]/24$", "its length is the LAN's");
            ip.GetProperty("gateway").GetString().Should().Be(Lab.GatewayAddress);
            lab.Outside.CanPing(container.Address).Should().BeTrue("a machine of the LAN reaches it");
            container.CanPing(Lab.GatewayAddress).Should().BeTrue("and is reached");
            container.CanPing(Lab.OutsideAddress).Should().BeTrue("the LAN's router leads on");
            container.CanPing(hosts[0].Address).Should().BeTrue();
        }

        (Slice(one) == Slice(other)).Should().BeFalse("each host leases a slice of its own");
        one.CanPing(other.Address).Should().BeTrue();
        hosts[0].CanPing(one.Address).Should().BeTrue();
        hosts[0].Cnitool("check", "lan", one).OrThrow();
        hosts[0].Run("/opt/cni/bin/twill", "doctor").Stdout.Should().NotContain("failed").And.Contain("bridge br0 is up, 1 container");
        hosts[0].Plugin("twill").Run("STATUS", conf.ForPlugin().ToJsonString()).OrThrow();

        JsonObject asked = conf.ForPlugin();
        asked["runtimeConfig"] = JsonNode.Parse("""{"portMappings":[{"hostPort":80,"containerPort":80,"protocol":"tcp"}]}""");
        CniAnswer refused = hosts[0].Plugin("twill", hosts[0].NewContainer("ports")).Add(asked.ToJsonString());
        refused.ErrorText.Should().Contain("$.runtimeConfig.portMappings: ports cannot be published on a LAN");

        hosts[0].Cnitool("del", "lan", one).OrThrow();
        JsonObject gc = conf.ForPlugin();
        gc["cniVersion"] = "1.1.0";
        gc["cni.dev/valid-attachments"] = new JsonArray();
        hosts[1].Plugin("twill").Run("GC", gc.ToJsonString()).OrThrow();
        for (int i = 0; i < hosts.Length; i++)
        {
            hosts[i].Agent!.Dispose();
            Seen(hosts[i]).Should().Be(before[i]);
        }

        hosts[0].Run("/opt/cni/bin/twill", "cleanup", "--yes").OrThrow();
        Seen(hosts[0]).Should().Be(before[0], "cleanup leaves the bridge, too");
        hosts[0].Ip("link set br0 down");
        hosts[0].Plugin("twill").Run("STATUS", conf.ForPlugin().ToJsonString()).ErrorCode.Should().Be(50);
    }

    private static int Slice(LabContainer container) => int.Parse(container.Address.Split('.')[3]) / 32;

    /// <summary>What an administrator does: a bridge with the host's interface, address and default route.</summary>
    private static void Bridge(LabHost host)
    {
        string mac = host.IpJson("link show dev eth0")[0].GetProperty("address").GetString()!;
        host.IpBatch(
            $"link add br0 address {mac} type bridge stp_state 0 mcast_snooping 0",
            "link set br0 up",
            "address flush dev eth0",
            "link set eth0 master br0",
            $"address add {host.Address}/24 dev br0",
            $"route replace default via {Lab.GatewayAddress} dev br0"
        );
        host.WaitForCarrier("br0");
    }

    /// <summary>The bridge, the host's interface, routes, rules and parameters, without what only containers have.</summary>
    private static string Seen(LabHost host) =>
        host.Sh(
            """
            for i in br0 eth0; do ip -d address show dev $i; done | sed 's/ state [A-Z]*//; s/_timer *[0-9.]*//g'
            ip route; ip -6 route; ip rule; bridge -d link show dev eth0
            nft list ruleset | grep '^table' | grep -v 'bridge twill-lan'
            cd /proc/sys/net; cat ipv4/ip_forward ipv6/conf/all/forwarding
            grep -r . ipv4/conf/br0 ipv4/conf/eth0 ipv6/conf/br0 ipv6/conf/eth0 ipv4/neigh/br0 | grep -v stable_secret
            """
        );
}
