using System.Net;
using System.Net.Sockets;
using Twill.Cni;
using Twill.Host.Backends;
using Twill.Host.Forwarding;
using Twill.Host.Reconcile;
using Twill.Network.Configuration;
using Twill.Network.State;
using Twill.Plugin.Cli;

namespace Twill.Plugin.Tests;

/// <summary>A backend is a class and a line in a table: this one is made up, and nothing else knows of it.</summary>
public sealed class MadeUpBackendTests
{
    /// <summary>Routes by way of an interface that something else provides, with a metric of its own.</summary>
    private sealed record RelayBackend(int Lane = 3) : BackendConf, IBackend
    {
        public override string Type => "relay";

        public override IReadOnlyList<string> Keys => ["lane", BackendTypes.InterfaceKey];

        public override IReadOnlyList<string> DeviceNames => [$"relay{Lane}"];

        public override string? ExclusiveSetting => $"backend.lane: {Lane}";

        public override int Overhead(AddressFamily underlay) => 12;

        public override string? DeviceNameOver(AddressFamily outer) => DeviceNames[0];

        public override BackendConf Read(ConfigReader section) => this with { Lane = section["lane"].Int(Lane, 1, 9) };

        public override NodeFile Describe(NodeFile node, NodeKeys keys) => node with { Port = Lane };

        public override IReadOnlyList<StatusField> Status(NodeFile? node) => [new StatusField("lane", (long)Lane, $"lane {Lane}")];

        public Desired ComputeDesired(LocalNode self, IEnumerable<PeerLease> others)
        {
            Desired desired = new();
            foreach (PeerLease peer in others)
            {
                desired.Routes.Add(PeerRoute.Tunnel(peer.Subnet, DeviceNames[0]));
            }

            return desired;
        }
    }

    private static readonly BackendTypes s_table = new([.. BackendTable.All.All, new RelayBackend()]);

    [Fact]
    public void Its_section_of_the_configuration_is_read_and_checked()
    {
        Parse("'type':'relay','lane':5,'interface':'eth*'").Backend.Should().Be(new RelayBackend(5) { Interface = "eth*" });
        Parse("'type':'relay'").Backend.Should().Be(new RelayBackend());
        Refusal("'type':'relay','lane':10").Should().Contain("$.backend.lane: expected a whole number from 1 to 9, got '10'");
        Refusal("'type':'relay','vni':1").Should().Contain("$.backend.vni: belongs to the vxlan backend, but backend.type is 'relay'");
        Refusal("'lane':1").Should().Contain("$.backend.lane: belongs to the relay backend, but backend.type is 'vxlan'");
        Refusal("'type':'delay'").Should().Contain("expected vxlan, host-gw, wireguard, none or relay, got 'delay'");
        FluentActions
            .Invoking(() => Parse("'type':'relay'", ",'bridge':'relay3'"))
            .Should()
            .Throw<CniException>()
            .Which.Text.Should()
            .Contain("$.bridge: expected another name than the overlay device's (relay3)");
    }

    [Fact]
    public void It_says_what_this_host_is_and_what_must_be_in_the_kernel()
    {
        TwillConf conf = Parse("'type':'relay','lane':7");
        NodeFile node = NodeFile.Of(
            conf,
            IPAddress.Parse("192.168.64.2"),
            null,
            "eth0",
            1500 - conf.Backend.Overhead(AddressFamily.InterNetwork),
            new NodeKeys(
                _ => throw new InvalidOperationException("it has no VTEP"),
                () => throw new InvalidOperationException("it has no key")
            )
        );
        LocalNode self = new(conf.Name, conf.Ipam.Ranges, [], [], default, "eth0", []);
        PeerLease peer = new(IPNetwork.Parse("10.244.7.0/24"), default, "relay");

        (node.BackendType, node.Port, node.Mtu, conf.Backend.IsIn(node)).Should().Be(("relay", 7, 1488, true));
        BackendTable.Of(conf).ComputeDesired(self, [peer]).Routes.Should().Equal(PeerRoute.Tunnel(peer.Subnet, "relay7"));
        ForwardPaths.Of(conf, hasIPv6: false).Should().ContainSingle().Which.Across!.Name.Should().Be("relay7");
    }

    [Fact]
    public void Status_tells_of_it_to_people_and_programs()
    {
        BackendConf backend = Parse("'type':'relay','lane':7").Backend;
        NetworkStatus status = new()
        {
            Name = "n",
            File = "n.conflist",
            Backend = backend.Type,
            BackendFields = backend.Status(node: null),
            Subnets = [],
            Agent = new AgentStatus(),
        };
        ConsoleOutput people = new(colours: false),
            programs = new(colours: false);

        StatusReport.Print(people, [status], [], "/etc/cni/net.d");
        programs.Json(w => StatusReport.Write(w, [status], []));

        people.Text.Should().Contain("relay, lane 7");
        programs.Text.Should().Contain("\"backend\": \"relay\"").And.Contain("\"lane\": 7");
    }

    private static TwillConf Parse(string section, string more = "")
    {
        string json =
            "{'cniVersion':'1.0.0','name':'n','type':'twill','backend':{"
            + section
            + "},'ipam':{'type':'twill-ipam','network':'10.244.0.0/16','etcd':{'endpoints':['http://127.0.0.1:2379']}}"
            + more
            + "}";
        using global::System.Text.Json.JsonDocument document = global::System.Text.Json.JsonDocument.Parse(json.Replace('\'', '"'));
        return TwillConf.Parse(new ConfigReader(document.RootElement.Clone()), s_table);
    }

    private static string Refusal(string section) => FluentActions.Invoking(() => Parse(section)).Should().Throw<CniException>().Which.Text;
}
