using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using Twill.EndToEnd.Tests.Cli;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Lan;

/// <summary>Containers with addresses of the LAN behind the host's own interface.</summary>
public sealed class LanInterfaceTests
{
    [RequiresRootFact]
    public void All_containers_are_behind_the_hosts_own_hardware_address_and_the_host_reaches_them()
    {
        using Lab lab = Lab.Create();
        JsonObject conf = SampleConf.Lan(lab.StartEtcd().Endpoint);
        conf.Plugin()["lan"] = JsonNode.Parse("""{"interface":"eth0"}""");
        LabHost[] hosts = [lab.AddHost("host1"), lab.AddHost("host2")];
        List<string> before = [];
        foreach (LabHost host in hosts)
        {
            host.Sh("sysctl -qw net.ipv4.ip_forward=1");
            before.Add(host.Seen());
            host.Configure(conf);
            host.StartAgent();
        }

        LabContainer one = hosts[0].AddContainer("one", "lan"),
            two = hosts[0].AddContainer("two", "lan"),
            other = hosts[1].AddContainer("other", "lan");
        JsonElement ip = JsonDocument.Parse(one.Result).RootElement.GetProperty("ips")[0];
        ip.GetProperty("address").GetString().Should().MatchRegex(@"^192\.168\.50\.1[2-9][0-9]/24$", "its length is the LAN's");
        ip.GetProperty("gateway").GetString().Should().Be(Lab.GatewayAddress);
        string[] machines = [Lab.GatewayAddress, Lab.OutsideAddress, hosts[0].Address, hosts[1].Address, two.Address, other.Address];
        foreach (string far in machines)
        {
            one.CanPing(far).Should().BeTrue(far);
        }

        foreach (NetnsShell machine in (NetnsShell[])[lab.Outside, hosts[0], hosts[1]])
        {
            machine.CanPing(one.Address).Should().BeTrue();
        }

        string mac = hosts[0].IpJson("link show dev eth0")[0].GetProperty("address").GetString()!;
        foreach (LabContainer container in (LabContainer[])[one, two])
        {
            lab.Outside.CanPing(container.Address).Should().BeTrue();
            lab.Outside.IpJson($"neigh show {container.Address}")[0].GetProperty("lladdr").GetString().Should().Be(mac);
        }

        string nobodys = Free(one, two);
        lab.Outside.CanPing(nobodys).Should().BeFalse();
        lab.Outside.Ip($"neigh show {nobodys}").Should().NotContain("lladdr", "the host answers for its containers only");
        hosts[0].Cnitool("check", "lan", one).OrThrow();
        hosts[0].Complaints().Should().BeEmpty();
        hosts[0].TwillJson("status").ExitCode.Should().Be(0);
        hosts[0].Status(conf).OrThrow();

        hosts[0].Nft("add table inet others { chain forward { type filter hook forward priority 0; policy drop; }; }");
        one.CanPing(Lab.GatewayAddress).Should().BeFalse();
        CniAnswer limited = hosts[0].Status(conf);
        limited.ErrorCode.Should().Be(51);
        limited.ErrorText.Should().Contain("table inet others (policy drop) drops packets from containers to the LAN");
        hosts[0].Nft("delete table inet others");

        hosts[0].Agent!.Dispose();
        hosts[0].IpBatch($"neigh del proxy {one.Address} dev eth0", $"route del {one.Address} dev {one.HostEnd()}");
        $"{hosts[0].Cnitool("check", "lan", one)}".Should().Contain($"the host has no route to {one.Address}");
        hosts[0].Complaints().Should().Contain(complaint => complaint.Check == "LAN" && complaint.Text.Contains(one.Address));
        hosts[0].StartAgent();
        Eventually.True("the agent puts route and answer back", () => hosts[0].Cnitool("check", "lan", one).ExitCode == 0);
        hosts[0].Ip($"route del {one.Address} dev {one.HostEnd()}");
        Eventually.True("and at once when it runs", () => one.CanPing(Lab.GatewayAddress), limit: TimeSpan.FromSeconds(10));

        two.Vanish();
        hosts[0].Cnitool("del", "lan", one).OrThrow();
        hosts[0].Plugin("twill").Run("GC", Gc(conf)).OrThrow();
        hosts[1].Plugin("twill").Run("GC", Gc(conf)).OrThrow();
        for (int i = 0; i < hosts.Length; i++)
        {
            hosts[i].Agent!.Dispose();
            hosts[i].Ip("neigh show proxy").Should().BeEmpty();
            hosts[i].Seen().Should().Be(before[i]);
        }

        LabContainer last = hosts[0].AddContainer("last", "lan");
        hosts[0].Twill("cleanup --yes --force").OrThrow();
        hosts[0].HasLink(last.HostEnd()).Should().BeFalse();
        hosts[0].Ip("neigh show proxy").Should().BeEmpty();
        hosts[0].Seen().Should().Be(before[0]);
        hosts[0].Sh("nft list tables").Should().NotContain("lan");
    }

    [RequiresRootFact]
    public void An_address_that_a_machine_of_the_LAN_has_is_not_given()
    {
        using Lab lab = Lab.Create();
        LabHost host = lab.AddHost("host");
        JsonObject conf = SampleConf.LanRouted();
        host.Configure(conf);
        lab.Outside.Ip("address add 192.168.50.130/24 dev eth0");
        string mac = lab.Outside.IpJson("link show dev eth0")[0].GetProperty("address").GetString()!;

        LabContainer one = host.AddContainer("one", "lan");
        one.Address.Should().Be("192.168.50.131", "the first of the range answers");
        one.CanPing(Lab.OutsideAddress).Should().BeTrue();
        host.Cnitool("check", "lan", one).OrThrow();
        host.Complaints().Should().BeEmpty();

        LabContainer wants = host.NewContainer("wants");
        JsonObject asked = conf.ForPlugin();
        asked["runtimeConfig"] = JsonNode.Parse("""{"ips":["192.168.50.130"]}""");
        CniAnswer refused = host.Plugin("twill", wants).Add(asked.ToJsonString());
        refused.ErrorCode.Should().Be(11);
        refused.ErrorText.Should().Contain($"192.168.50.130 is that of {mac}");
        asked["runtimeConfig"] = JsonNode.Parse($$"""{"ips":["192.168.50.132"]}""");
        LabContainer given = host.NewContainer("given");
        host.Plugin("twill", given).Add(asked.ToJsonString()).OrThrow();

        JsonObject full = conf.DeepClone().AsObject();
        full.Ipam()["rangeEnd"] = "192.168.50.130";
        CniAnswer none = host.Plugin("twill", wants).Add(full.ForPlugin().ToJsonString());
        none.ErrorCode.Should().Be(11);
        none.ErrorText.Should().Contain("no free address: other machines of the LAN have them");
        host.Sh("ls /var/lib/cni/twill/lan").Should().NotContain("192.168.50.130").And.Contain("192.168.50.131");

        host.Ip("address add 192.168.50.11/24 dev lo");
        host.Ip("link add br0 type bridge");
        host.Ip("link set eth0 master br0");
        CniAnswer port = host.Plugin("twill", wants).Add(conf.ForPlugin().ToJsonString());
        port.ErrorText.Should().Contain("interface eth0 of $.lan.interface is a port of br0");
        host.Status(conf).ErrorCode.Should().Be(50);
    }

    private static string Gc(JsonObject conf)
    {
        JsonObject gc = conf.ForPlugin();
        gc["cniVersion"] = "1.1.0";
        gc["cni.dev/valid-attachments"] = new JsonArray();
        return gc.ToJsonString();
    }

    /// <summary>An address of the containers' slice that none of them has.</summary>
    private static string Free(params LabContainer[] containers)
    {
        int slice = IPAddress.Parse(containers[0].Address).GetAddressBytes()[3] & ~31;
        return Enumerable.Range(slice + 8, 8).Select(last => $"192.168.50.{last}").First(one => !containers.Any(c => c.Address == one));
    }
}
