using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Twill.Agent.Conversions;
using Twill.Cni;
using Twill.Host.Backends;
using Twill.Network.Configuration;
using Twill.System;
using Twill.Testing;

namespace Twill.Agent.Tests.Conversions;

/// <summary>Configurations as others write them, made into twill's, and read by twill.</summary>
public sealed class ConvertTests
{
    // What podman 4 makes with CNI.
    private const string Podman = """
        {
          "cniVersion": "0.4.0", "name": "podman",
          "plugins": [
            { "type": "bridge", "bridge": "cni-podman0", "isGateway": true, "ipMasq": true, "hairpinMode": true,
              "ipam": { "type": "host-local", "routes": [{ "dst": "0.0.0.0/0" }],
                        "ranges": [[{ "subnet": "10.88.0.0/16", "gateway": "10.88.0.1" }]] } },
            { "type": "portmap", "capabilities": { "portMappings": true } },
            { "type": "firewall", "backend": "" },
            { "type": "tuning", "capabilities": { "mac": true } }
          ]
        }
        """;

    // What nerdctl 1 makes.
    private const string Nerdctl = """
        {
          "cniVersion": "1.0.0", "name": "bridge", "nerdctlID": "17f29b073143", "nerdctlLabels": { "nerdctl/default-network": "true" },
          "plugins": [
            { "type": "bridge", "bridge": "nerdctl0", "isGateway": true, "ipMasq": true, "hairpinMode": true,
              "ipam": { "ranges": [[{ "gateway": "10.4.0.1", "subnet": "10.4.0.0/24" }]], "routes": [{ "dst": "0.0.0.0/0" }],
                        "type": "host-local" } },
            { "type": "portmap", "capabilities": { "portMappings": true } },
            { "type": "firewall", "ingressPolicy": "same-bridge" },
            { "type": "tuning" }
          ]
        }
        """;

    // contrib/cni/10-crio-bridge.conflist of CRI-O
    private const string Crio = """
        {
          "cniVersion": "1.0.0", "name": "crio",
          "plugins": [
            { "type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": true, "hairpinMode": true,
              "ipam": { "type": "host-local", "routes": [{ "dst": "0.0.0.0/0" }, { "dst": "::/0" }],
                        "ranges": [[{ "subnet": "10.85.0.0/16" }], [{ "subnet": "1100:200::/24" }]] } }
          ]
        }
        """;

    private const string Flannel = """
        {
          "name": "cbr0", "cniVersion": "0.3.1",
          "plugins": [
            { "type": "flannel", "subnetFile": "SUBNETFILE", "delegate": { "hairpinMode": true, "isDefaultGateway": true } },
            { "type": "portmap", "capabilities": { "portMappings": true } }
          ]
        }
        """;

    private const string Macvlan = """
        { "cniVersion": "0.3.1", "name": "lan", "type": "macvlan", "master": "eth0", "mode": "bridge",
          "ipam": { "type": "host-local", "subnet": "192.168.1.0/24", "rangeStart": "192.168.1.200", "gateway": "192.168.1.1" } }
        """;

    // What podman network inspect prints with netavark.
    private const string Netavark = """
        [ { "name": "web", "id": "2f259bab93aaaaa2542ba43ef33eb990d0999ee1b9924b557b7be53c0b7a1bb9", "driver": "bridge",
            "network_interface": "podman1", "created": "2026-01-02T03:04:05.6Z",
            "subnets": [ { "subnet": "10.89.0.0/24", "gateway": "10.89.0.1",
                           "lease_range": { "start_ip": "10.89.0.20", "end_ip": "10.89.0.40" } },
                         { "subnet": "fd00:89::/64", "gateway": "fd00:89::1" } ],
            "routes": [ { "destination": "10.9.0.0/16", "gateway": "10.89.0.9", "metric": 5 } ],
            "ipv6_enabled": true, "internal": false, "dns_enabled": true, "network_dns_servers": [ "9.9.9.9" ],
            "labels": { "a": "b" }, "options": { "mtu": "1400", "isolate": "true" }, "ipam_options": { "driver": "host-local" } } ]
        """;

    [Fact]
    public void What_podman_made_with_CNI()
    {
        (TwillConf conf, JsonObject list, Conversion made) = Convert(Podman);

        (conf.Name, conf.Bridge, conf.IsGateway, conf.IpMasq, conf.HairpinMode).Should().Be(("podman", "cni-podman0", true, true, true));
        conf.Ipam.Ranges.Should().Equal(IPNetwork.Parse("10.88.0.0/16"));
        conf.Ipam.Routes.Should().ContainSingle();
        list["plugins"]!.AsArray().Should().ContainSingle("twill does what the others did");
        list.Plugin()["capabilities"]!.ToJsonString().Should().Be("""{"mac":true,"portMappings":true}""");
        ((string?)list["cniVersion"]).Should().Be("0.4.0");
        made.Notes.Should().Contain(note => note.Contains("host-local")).And.Contain(note => note.Contains("antiSpoof"));
    }

    [Fact]
    public void What_nerdctl_made_keeps_what_nerdctl_knows_it_by()
    {
        (TwillConf conf, JsonObject list, _) = Convert(Nerdctl);

        (conf.Bridge, conf.Ipam.Ranges[0].ToString()).Should().Be(("nerdctl0", "10.4.0.0/24"));
        ((string?)list["nerdctlID"]).Should().Be("17f29b073143");
        list["nerdctlLabels"]!.ToJsonString().Should().Be("""{"nerdctl/default-network":"true"}""");
        list["plugins"]!.AsArray().Should().ContainSingle();
    }

    [Fact]
    public void What_CRI_O_ships()
    {
        Refusal(Crio).Should().Match("*$.plugins[0].ipam.ranges[1][0].subnet: expected a prefix of global *, got '1100:200::/24'");

        (TwillConf conf, _, _) = Convert(Crio.Replace("1100:200::/24", "fd00:85::/64"));
        (conf.Name, conf.Bridge, conf.HairpinMode).Should().Be(("crio", "cni0", true));
        conf.Ipam.Ranges.Select(range => range.ToString()).Should().Equal("10.85.0.0/16", "fd00:85::/64");
    }

    [Fact]
    public void What_flannel_ships_with_what_its_daemon_wrote()
    {
        using TempDir dir = TempDir.Create();
        string file = Path.Combine(dir.Path, "subnet.env");
        File.WriteAllText(file, "FLANNEL_NETWORK=10.7.0.0/16\nFLANNEL_SUBNET=10.7.3.1/26\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n");
        ConvertOptions options = ConvertOptions.Parse(["--etcd", "http://10.0.0.1:2379,http://10.0.0.2:2379", "FILE"]);

        (TwillConf conf, JsonObject list, _) = Convert(Flannel.Replace("SUBNETFILE", file), options);

        (conf.Bridge, conf.IsDefaultGateway, conf.HairpinMode, conf.IpMasq).Should().Be(("cni0", true, true, true));
        (conf.Backend.Type, conf.Backend.TunnelPort?.Port).Should().Be(("vxlan", (ushort?)8472));
        (conf.Ipam.IPv4.Network!.Value.ToString(), conf.Ipam.IPv4.SubnetLen).Should().Be(("10.7.0.0/16", 26));
        conf.Ipam.Etcd!.Endpoints.Should().Equal("http://10.0.0.1:2379", "http://10.0.0.2:2379");
        conf.Ipam.Etcd.Prefix.Should().Be("/coreos.com/network");
        list.Plugin().ContainsKey("delegate").Should().BeFalse();

        Conversion elsewhere = Convert(Flannel.Replace("SUBNETFILE", file + ".no")).Made;
        elsewhere.Notes.Should().Contain(note => note.Contains("is not on this host"));
        File.WriteAllText(file, "FLANNEL_NETWORK=10.7.0.0/99\n");
        Refusal(Flannel.Replace("SUBNETFILE", file)).Should().Be($"{file}: FLANNEL_NETWORK: expected a prefix like 10.244.0.0/16, got "
            + "'10.7.0.0/99'");
    }

    [Fact]
    public void Macvlan_stays_and_its_addresses_are_twills()
    {
        (TwillConf conf, JsonObject list, _) = Convert(Macvlan);

        (conf.Name, conf.Type, conf.IsForeign).Should().Be(("lan", "macvlan", true));
        conf.Ipam.Ranges[0].ToString().Should().Be("192.168.1.0/24");
        ((string?)list.Plugin()["master"]).Should().Be("eth0");
        list.Plugin().ContainsKey("name").Should().BeFalse("it is the list's");
    }

    [Fact]
    public void What_podman_has_for_netavark()
    {
        (TwillConf conf, _, Conversion made) = Convert(Netavark);

        (conf.Name, conf.Bridge, conf.Mtu).Should().Be(("web", "podman1", 1400));
        conf.Ipam.Ranges.Select(range => range.ToString()).Should().Equal("10.89.0.0/24", "fd00:89::/64");
        conf.Ipam.IPv4.Fixed[0].Start!.ToString().Should().Be("10.89.0.20");
        conf.Ipam.Routes.Select(route => $"{route.Dst} {route.Gw} {route.Priority}")
            .Should()
            .Equal("0.0.0.0/0  0", "::/0  0", "10.9.0.0/16 10.89.0.9 5");
        conf.Dns.Nameservers.Should().Equal("9.9.9.9");
        made.Notes.Should().Contain(note => note.StartsWith("$[0].dns_enabled"));
    }

    [Fact]
    public void The_defaults_of_the_plugin_bridge_are_written_out()
    {
        (TwillConf conf, JsonObject list, _) = Convert(Bridge("'ipMasqBackend':'iptables'"));

        (conf.Bridge, conf.IsGateway, conf.IpMasq, conf.HairpinMode).Should().Be(("cni0", false, false, false));
        list.Plugin().ContainsKey("ipMasqBackend").Should().BeFalse();
        Convert(Bridge("'isDefaultGateway':true,'promiscMode':true")).Conf.IsGateway.Should().BeTrue();
        Convert(Bridge("'macspoofchk':false")).Conf.AntiSpoof.Should().BeFalse();
        Convert("{'name':'n','type':'bridge','ipam':{'type':'host-local','subnet':'fd00::/64','rangeStart':'fd00::9'}}")
            .Conf.Ipam.IPv6!.Fixed[0]
            .Start!.ToString()
            .Should()
            .Be("fd00::9");
    }

    [Fact]
    public void Plugins_that_do_something_else_stay()
    {
        string text = """
            { "name": "n", "cniVersion": "9.9.9", "plugins": [
              { "type": "bridge", "ipam": { "type": "static", "addresses": [{ "address": "10.1.0.5/24" }] } },
              { "type": "tuning", "sysctl": { "net.core.somaxconn": "500" }, "capabilities": { "mac": true } },
              { "type": "bandwidth", "ingressRate": 1000, "ingressBurst": 1000 }, { "type": "sbr" } ] }
            """;

        (_, JsonObject list, Conversion made) = Convert(text);

        list["plugins"]!.AsArray().Skip(1).Select(plugin => plugin!.ToJsonString()).Should().Equal(
            """{"type":"tuning","sysctl":{"net.core.somaxconn":"500"}}""",
            """{"type":"bandwidth","ingressRate":1000,"ingressBurst":1000}""",
            """{"type":"sbr"}"""
        );
        ((string?)list["cniVersion"]).Should().Be("1.0.0");
        made.Notes.Should().Contain("the IPAM plugin static stays");
    }

    [Theory]
    [InlineData("{'name':'n','type':'bridge','vlan':9,'ipam':{'type':'host-local','subnet':'10.1.0.0/24'}}", "*$.vlan, value '9'*VLANs*")]
    [InlineData("{'name':'n','type':'bridge'}", "$.ipam: there is no ipam: *")]
    [InlineData("{'name':'n','type':'bridge','ipam':{}}", "$.ipam: there is no ipam.type: *")]
    [InlineData("{'name':'n','type':'bridge','ipam':{'type':'dhcp'}}", "$.ipam.type: value 'dhcp' cannot be converted: *host-local*")]
    [InlineData("{'name':'n','type':'ptp','ipam':{}}", "$.plugins: expected a plugin of type bridge, *, got 'ptp': *")]
    [InlineData("{'name':'n','type':'twill','ipam':{}}", "$.type: this is a network of twill's already")]
    [InlineData("{'name':'n','type':'flannel','delegate':{'type':'macvlan'}}", "$.delegate.type: value 'macvlan' cannot be converted: *")]
    [InlineData("{'name':'n','type':'bridge','mtu':1,'mtu':2,'ipam':{'type':'host-local','subnet':'10.1.0.0/24'}}", "$.mtu: *twice*")]
    [InlineData("{'type':'bridge','ipam':{'type':'host-local','subnet':'10.1.0.0/24'}}", "$.name: expected the network's name, *")]
    [InlineData("{'name':'n','driver':'bridge','internal':true}", "$.internal: value 'true' cannot be converted: *")]
    [InlineData("{'name':'n','driver':'bridge','options':{'vlan':'7'}}", "$.options.vlan: value '7' cannot be converted: *")]
    [InlineData("{'name':'n','driver':'bridge','subnets':[]}", "$.subnets: there are none*")]
    [InlineData(
        "{'name':'n','driver':'bridge','subnets':[{'subnet':'10.1.0.0/24'},{'subnet':'10.2.0.0/24'}]}",
        "$.subnets[1].subnet: value '10.2.0.0/24' cannot be converted: *"
    )]
    [InlineData("{'name':'n','driver':'overlay'}", "$.driver: value 'overlay' cannot be converted: *")]
    [InlineData("[]", "$: expected one network, got a list of 0*")]
    [InlineData("{", "not valid JSON at line 1*")]
    [InlineData("", "it is empty*")]
    public void What_cannot_be_converted_is_named(string text, string complaint) => Refusal(text).Should().Match(complaint);

    [Theory]
    [InlineData("")]
    [InlineData("a b")]
    [InlineData("--etcd")]
    [InlineData("--quiet a")]
    public void Command_lines_that_make_no_sense(string line) =>
        FluentActions
            .Invoking(() => ConvertOptions.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)))
            .Should()
            .Throw<UsageException>();

    private static string Bridge(string members) =>
        $"{{'name':'n','type':'bridge',{members},'ipam':{{'type':'host-local','subnet':'10.1.0.0/24'}}}}";

    private static (TwillConf Conf, JsonObject List, Conversion Made) Convert(string text, ConvertOptions? options = null)
    {
        Conversion made = ConvertCommand.Convert(options ?? new ConvertOptions { File = "FILE" }, Bytes(text));
        NetworkConfigList read = NetworkConfigList.Parse("FILE", Encoding.UTF8.GetBytes(made.Text), BackendTable.All);
        read.Problems.Should().BeEmpty();
        return (read.Networks[0].Conf, JsonNode.Parse(made.Text)!.AsObject(), made);
    }

    private static string Refusal(string text) =>
        FluentActions
            .Invoking(() => ConvertCommand.Convert(new ConvertOptions { File = "FILE" }, Bytes(text)))
            .Should()
            .Throw<CniException>()
            .Which.Details;

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text.Replace('\'', '"'));
}
