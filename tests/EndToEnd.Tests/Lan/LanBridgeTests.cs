using System.Text.Json;
using System.Text.Json.Nodes;
using Twill.EndToEnd.Tests.Cli;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Lan;

/// <summary>Containers on an administrator's bridge that holds the host's interface.</summary>
public sealed class LanBridgeTests
{
    [RequiresRootFact]
    public void Containers_are_machines_of_the_LAN_and_nothing_of_the_bridge_is_changed()
    {
        using Lab lab = Lab.Create();
        JsonObject conf = SampleConf.Lan(lab.StartEtcd().Endpoint);
        LabHost[] hosts = [lab.AddHost("host1"), lab.AddHost("host2")];
        List<string> before = [];
        foreach (LabHost host in hosts)
        {
            host.MakeBridge();
            before.Add(host.Seen());
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
        JsonElement bridge = hosts[0].IpJson("link show dev br0")[0];
        bridge.GetProperty("address").GetString().Should().Be("52:54:00:00:00:11", "the bridge keeps the address of the host's interface");
        bridge.GetProperty("mtu").GetInt32().Should().Be(1500);
        hosts[0].Cnitool("check", "lan", one).OrThrow();
        hosts[0].Complaints().Should().BeEmpty();
        hosts[0].Twill("doctor").Stdout.Should().Contain("bridge br0 of $.lan.bridge is up, 1 container");
        hosts[0].TwillJson("status").ExitCode.Should().Be(0);
        hosts[0].Status(conf).OrThrow();

        hosts[0].Nft("add table inet others { chain forward { type filter hook forward priority 0; policy drop; }; }");
        one.CanPing(Lab.GatewayAddress).Should().BeFalse("with br_netfilter the host's firewall sees what the bridge forwards");
        CniAnswer limited = hosts[0].Status(conf);
        limited.ErrorCode.Should().Be(51);
        limited.ErrorText.Should().Contain("table inet others (policy drop) drops packets from containers to the LAN");
        hosts[0].Nft("delete table inet others");

        hosts[0].Ip($"link set dev {one.HostEnd()} nomaster");
        Eventually.True("the agent puts the port back", () => one.CanPing(Lab.GatewayAddress));

        hosts[0].Cnitool("del", "lan", one).OrThrow();
        JsonObject gc = conf.ForPlugin();
        gc["cniVersion"] = "1.1.0";
        gc["cni.dev/valid-attachments"] = new JsonArray();
        hosts[1].Plugin("twill").Run("GC", gc.ToJsonString()).OrThrow();
        for (int i = 0; i < hosts.Length; i++)
        {
            hosts[i].Agent!.Dispose();
            hosts[i].Seen().Should().Be(before[i]);
        }

        LabContainer last = hosts[0].AddContainer("last", "lan");
        hosts[0].Twill("cleanup --yes --force").OrThrow();
        hosts[0].HasLink(last.HostEnd()).Should().BeFalse("its host end is ours");
        hosts[0].Seen().Should().Be(before[0], "and the bridge is not");
        hosts[0].Sh("nft list tables; ls /run/twill 2>/dev/null || true").Should().NotContain("lan");
    }

    [RequiresRootFact]
    public void One_host_needs_no_etcd_and_both_families_work()
    {
        using Lab lab = Lab.Create(LabFamilies.Both);
        LabHost host = lab.AddHost("host");
        host.MakeBridge();
        string before = host.Seen();
        JsonObject conf = Fixed();
        host.Configure(conf);

        LabContainer[] two = [host.AddContainer("one", "lan"), host.AddContainer("two", "lan")];
        two[0].Addresses.Should().Equal("192.168.50.240", "fd00:50::f0");
        two[0].IpJson("address show dev eth0")[0].GetProperty("addr_info").EnumerateArray()
            .Where(one => one.GetProperty("scope").GetString() == "global")
            .Select(one => one.GetProperty("prefixlen").GetInt32()).Should().BeEquivalentTo([24, 64]);
        foreach (string far in (string[])[Lab.OutsideAddress, Lab.OutsideAddressV6, .. two[1].Addresses, host.Address, host.AddressV6!])
        {
            two[0].CanPing(far).Should().BeTrue(far);
        }

        foreach (string address in two[0].Addresses)
        {
            lab.Outside.CanPing(address).Should().BeTrue(address);
        }

        host.Cnitool("check", "lan", two[0]).OrThrow();
        host.Complaints().Should().BeEmpty();
        foreach (LabContainer container in two)
        {
            host.Cnitool("del", "lan", container).OrThrow();
        }

        host.Seen().Should().Be(before);
    }

    [RequiresRootFact]
    public void What_cannot_work_is_refused_by_name_and_leaves_nothing()
    {
        using Lab lab = Lab.Create();
        LabHost host = lab.AddHost("host");
        JsonObject conf = Fixed();
        host.Configure(conf);
        Refused(conf, 100, "bridge br0 of $.lan.bridge does not exist");
        host.MakeBridge();

        Refused(With(conf, "mtu", "1400"), 100, "$.mtu is 1400, and bridge br0 of $.lan.bridge, which twill does not change, has 1500");
        Refused(
            With(conf, "runtimeConfig", """{"portMappings":[{"hostPort":80,"containerPort":80,"protocol":"tcp"}]}"""),
            7,
            "$.runtimeConfig.portMappings: ports cannot be published on a LAN"
        );
        Refused(With(conf, "lan", """{"bridge":"eth0"}"""), 100, "bridge eth0 of $.lan.bridge is no bridge");
        host.Ip("link set br0 down");
        host.Complaints().Should().ContainSingle(one => one.Check == "LAN" && one.Text.Contains("is down"));
        Refused(conf, 100, "bridge br0 of $.lan.bridge is down: ip link set br0 up");
        host.Status(conf).ErrorCode.Should().Be(50);
        host.Ip("-br link show type veth").Should().NotContain("tw");
        host.Sh("ls /var/lib/cni/twill/lan 2>/dev/null || true").Should().NotContain("192.168.50.");

        void Refused(JsonObject with, int code, string why)
        {
            LabContainer container = host.NewContainer($"c{Guid.NewGuid():N}"[..9]);
            CniAnswer answer = host.Plugin("twill", container).Add(with.ForPlugin().ToJsonString());
            answer.ErrorCode.Should().Be(code, answer.Stdout);
            answer.ErrorText.Should().Contain(why);
        }
    }

    private static JsonObject With(JsonObject conf, string key, string json)
    {
        JsonObject other = conf.DeepClone().AsObject();
        other.Plugin()[key] = JsonNode.Parse(json);
        return other;
    }

    /// <summary>The sample without etcd: a range of the LAN for this host.</summary>
    private static JsonObject Fixed()
    {
        JsonObject conf = SampleConf.Lan("");
        conf.Plugin()["ipam"] = JsonNode.Parse(
            """
            {"type":"twill-ipam","ranges":[
              [{"subnet":"192.168.50.0/24","rangeStart":"192.168.50.240","rangeEnd":"192.168.50.249","gateway":"192.168.50.254"}],
              [{"subnet":"fd00:50::/64","rangeStart":"fd00:50::f0","rangeEnd":"fd00:50::f9","gateway":"fd00:50::254"}]],
             "routes":[{"dst":"0.0.0.0/0"},{"dst":"::/0"}]}
            """
        );
        return conf;
    }

    private static int Slice(LabContainer container) => int.Parse(container.Address.Split('.')[3]) / 32;
}
