using System.Text.Json;
using System.Text.Json.Nodes;
using Twill.EndToEnd.Tests.Cli;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Overlap;

/// <summary>One host without etcd, whose configuration asks for addresses that the host has already.</summary>
public sealed class SingleHostOverlapTests : IDisposable
{
    private readonly Lab _lab = Lab.Create();
    private readonly LabHost _host;

    public SingleHostOverlapTests() => _host = _lab.AddHost("host0");

    [RequiresRootTheory]
    [InlineData("192.168.50.0/24", "192.168.50.")]
    [InlineData("192.168.50.64/26", "192.168.50.0/24, the network of eth0")]
    [InlineData("10.88.0.0/16", "10.88.0.1, this host's own address on podman0")]
    [InlineData("10.99.0.0/16", "10.99.0.0/16, which this host has a route to")]
    public void A_subnet_that_the_host_needs_is_refused_by_ADD_and_STATUS_and_nothing_is_left(string subnet, string reason)
    {
        _host.Sh("ip link add podman0 up type bridge; ip address add 10.88.0.1/16 dev podman0");
        _host.Sh("ip route add 10.99.0.0/16 via 192.168.50.254");
        Configure("twill", conf => conf.Ipam()["subnet"] = subnet);
        LabContainer container = _host.NewContainer("c1");

        CmdResult add = _host.Cnitool("add", "twill", container);

        add.ExitCode.Should().NotBe(0);
        (add.Stdout + add.Stderr).Should().Contain("overlaps").And.Contain(reason);
        container.HasLink("eth0").Should().BeFalse();
        _host.Sh("ip -4 -o address show dev twill0").Should().BeEmpty();
        _host.Run("sh", "-c", "ls /var/lib/cni/twill/twill | grep '^[0-9]'").ExitCode.Should().Be(1, "no address is taken");
        Ping(Lab.GatewayAddress).Should().BeTrue("the LAN is there");
        Refused("twill").Should().Contain("overlaps");
        _host.Run("/opt/cni/bin/twill", "doctor").Stdout.Should().Contain("overlaps");
    }

    [RequiresRootFact]
    public void With_isGateway_false_the_LANs_router_stays_the_LANs_and_containers_on_its_bridge_reach_it()
    {
        _host.Sh(
            """
            ip link add lan0 up type bridge; A=$(ip -4 -o address show dev eth0 | awk '{print $4}')
            ip address flush dev eth0; ip link set eth0 master lan0; ip address add $A dev lan0; ip route add default via 192.168.50.254
            """
        );
        void OnTheLan(JsonObject conf, bool? isGateway)
        {
            JsonObject plugin = conf.Plugin();
            plugin["bridge"] = "lan0";
            plugin["ipMasq"] = false;
            if (isGateway is { } value)
            {
                plugin["isGateway"] = value;
            }

            conf.Ipam()["subnet"] = "192.168.50.0/24";
            conf.Ipam()["gateway"] = Lab.GatewayAddress;
            conf.Ipam()["rangeStart"] = "192.168.50.100";
            conf.Ipam()["rangeEnd"] = "192.168.50.110";
        }

        Configure("twill", conf => OnTheLan(conf, null));
        CmdResult refused = _host.Cnitool("add", "twill", _host.NewContainer("c0"));
        (refused.Stdout + refused.Stderr).Should().Contain("192.168.50.254 is this host's own gateway").And.Contain("isGateway");
        _host.Sh("ip -4 -o address show").Should().NotContain("192.168.50.254/");

        Configure("twill", conf => OnTheLan(conf, false));
        LabContainer container = _host.AddContainer("c1");
        _host.Sh("ip -4 -o address show").Should().NotContain("192.168.50.254/");
        Eventually.True("the container reaches the LAN's router", () => container.CanPing(Lab.GatewayAddress));
        Ping(Lab.GatewayAddress).Should().BeTrue("the host reaches it");
        _host.Cnitool("check", "twill", container).ExitCode.Should().Be(0);
    }

    [RequiresRootFact]
    public void A_second_network_on_the_same_bridge_is_refused_and_the_first_goes_on()
    {
        Configure("twill", conf => conf.Ipam()["subnet"] = "10.70.0.0/24");
        Configure("second", conf => conf.Ipam()["subnet"] = "10.71.0.0/24");
        LabContainer first = _host.AddContainer("c1");

        CmdResult second = _host.Cnitool("add", "second", _host.NewContainer("c2"));

        (second.Stdout + second.Stderr).Should().Contain("bridge twill0 is network 'twill's");
        Refused("second").Should().Contain("bridge twill0 is network 'twill's");
        first.CanPing("10.70.0.1").Should().BeTrue();
        _host.Cnitool("check", "twill", first).ExitCode.Should().Be(0);
    }

    [RequiresRootFact]
    public void The_second_IPv4_default_route_in_a_container_comes_behind_the_first_and_its_address_leaves_by_its_own_interface()
    {
        foreach ((string name, string bridge, string subnet) in (ReadOnlySpan<(string, string, string)>)
            [("twill", "twill0", "10.70.0.0/24"), ("second", "twill2", "10.71.0.0/24")])
        {
            Configure(name, conf =>
            {
                conf.Plugin()["bridge"] = bridge;
                conf.Ipam()["subnet"] = subnet;
                conf.Ipam()["routes"] = new JsonArray(new JsonObject { ["dst"] = "0.0.0.0/0" });
            });
        }

        LabContainer container = _host.AddContainer("c1");
        _host.Run(["env", "CNI_IFNAME=eth1", .. Cnitool("add", "second", container)]).ExitCode.Should().Be(0);

        JsonElement[] defaults = [.. container.IpJson("route show default").EnumerateArray()];
        defaults.Select(route => $"{route.GetProperty("dev")}").Should().Equal("eth0", "eth1");
        defaults[0].TryGetProperty("metric", out _).Should().BeFalse();
        defaults[1].GetProperty("metric").GetInt32().Should().Be(1);

        string second = $"{container.IpJson("-4 address show dev eth1")[0].GetProperty("addr_info")[0].GetProperty("local")}";
        CmdResult Check() => _host.Run(["env", "CNI_IFNAME=eth1", .. Cnitool("check", "second", container)]);
        Check().OrThrow();
        _host.Complaints().Should().BeEmpty();

        container.Ip($"rule del from {second}");

        CmdResult checkedNow = Check();
        string missing = $"packets from {second} leave by another network's interface: the rule 'from {second} lookup ";
        (checkedNow.Stdout + checkedNow.Stderr).Should().Contain(missing);
        _host.Cnitool("check", "twill", container).OrThrow();
        Complaint named = _host.Complaints().Should().ContainSingle().Subject;
        (named.Check, named.Outcome).Should().Be(("containers", "failed"));
        named.Text.Should().Contain(missing);
        _host.Sh(named.Remedy.Split(';')[0]);
        Check().OrThrow();
        _host.Complaints().Should().BeEmpty();
    }

    public void Dispose() => _lab.Dispose();

    private static string[] Cnitool(string verb, string network, LabContainer container) =>
        ["CNI_PATH=/opt/cni/bin", "NETCONFPATH=/etc/cni/net.d", RepoPaths.Cnitool, verb, network, container.NetnsPath];

    private void Configure(string name, Action<JsonObject> change)
    {
        JsonObject conf = SampleConf.Single();
        conf["name"] = name;
        conf.Ipam().Remove("rangeStart");
        conf.Ipam().Remove("rangeEnd");
        change(conf);
        _host.Configure(conf);
    }

    private bool Ping(string address) => _host.Run("ping", "-n", "-q", "-c", "1", "-W", "2", address).ExitCode == 0;

    /// <summary>What STATUS answers with code 50, which libcni's cnitool of this age does not ask.</summary>
    private string Refused(string network)
    {
        JsonObject conf = JsonNode.Parse(_host.Sh($"cat /etc/cni/net.d/10-{network}.conflist"))!.AsObject().ForPlugin();
        conf["cniVersion"] = "1.1.0";
        _host.Write("/run/status.json", conf.ToJsonString());
        CmdResult answer = _host.Run("sh", "-c", "CNI_COMMAND=STATUS CNI_PATH=/opt/cni/bin /opt/cni/bin/twill </run/status.json");
        JsonNode error = JsonNode.Parse(answer.Stdout)!;
        ((int)error["code"]!).Should().Be(50, answer.Stdout);
        return $"{error["msg"]} {error["details"]}";
    }
}
