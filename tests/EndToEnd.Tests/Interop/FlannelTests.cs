using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Interop;

/// <summary>A cluster on flannel's layout in etcd, whose configuration an administrator of flannel wrote and whose other hosts run
/// flannel.</summary>
public sealed class FlannelTests : IDisposable
{
    private const string Config = """{ "Network": "10.5.0.0/16", "Backend": { "Type": "vxlan" } }""";

    /// <summary>A lease that nobody stands behind, to see what is made of it.</summary>
    private const string GhostSubnet = "10.5.77.0",
        GhostIP = "192.168.50.77",
        GhostMac = "6a:11:22:33:44:77";

    private static readonly string s_ghostKey = $"{FlannelNode.Prefix}/subnets/{GhostSubnet}-24";

    private readonly Cluster? _cluster;

    public FlannelTests()
    {
        if (Environment.IsPrivilegedProcess)
        {
            _cluster = Cluster.Start(0);
            Etcd.Put($"{FlannelNode.Prefix}/config", Config);
        }
    }

    private Cluster Cluster => _cluster!;

    private EtcdServer Etcd => Cluster.Etcd;

    [RequiresRootFact]
    public void A_twill_host_and_a_flannel_host_carry_each_others_traffic()
    {
        LabHost twill = JoinTwill();
        FlannelNode flannel = new(Cluster.Lab.AddHost("flannel"), Etcd, third: 52);
        flannel.Publish();
        flannel.Follow();
        LabContainer here = twill.AddContainer("here"),
            there = flannel.AddContainer("there");
        Eventually.True(
            "the flannel host has a route",
            () => Cluster.RoutesOf(twill).Contains("10.5.52.0/24"),
            onFailure: () => twill.Agent!.Log
        );

        here.CanPing(there.Address).Should().BeTrue();
        there.CanPing(here.Address).Should().BeTrue();
        twill.CanPing(there.Address).Should().BeTrue("the host itself reaches containers, by its address on twill.1");
        flannel.Host.CanPing(here.Address).Should().BeTrue();
        foreach ((LabContainer from, LabContainer to) in new[] { (here, there), (there, here) })
        {
            from.Run("ping", "-n", "-c", "1", "-W", "1", "-M", "do", "-s", "1422", to.Address)
                .ExitCode.Should()
                .Be(0, "1450 bytes pass whole");
            from.Run("ping", "-n", "-c", "1", "-W", "1", "-M", "do", "-s", "1423", to.Address).ExitCode.Should().NotBe(0);
        }

        using Traffic traffic = Traffic.Start(here, there.Address);
        flannel.Publish();
        traffic.WaitForMore(50);
        traffic.Lost().Should().BeEmpty("flannel renews by writing its key again");
    }

    [RequiresRootFact]
    public void What_twill_publishes_is_what_flannel_would_have_written()
    {
        LabHost twill = JoinTwill();
        (string key, string value) = LeaseOf(twill);
        string mac = twill.IpJson("link show dev twill.1")[0].GetProperty("address").GetString()!;

        key.Should()
            .MatchRegex(@"^/coreos\.com/network/subnets/10\.5\.\d+\.0-24$")
            .And.NotEndWith("/10.5.0.0-24", "flannel leaves the first subnet out");
        value.Should().Be(FlannelNode.Value(twill.Address, mac));
        string lease = Etcd.LeaseIdOf(key);
        Etcd.Etcdctl("lease", "timetolive", lease).Should().Contain("granted with TTL(86400s)");
        Etcd.Get($"{FlannelNode.Prefix}/config").Should().Be(Config, "it is the administrator's");
        Etcd.List($"{FlannelNode.Prefix}/")
            .Keys.Should()
            .OnlyContain(
                k => k == key || k == $"{FlannelNode.Prefix}/config" || k.StartsWith($"{FlannelNode.Prefix}/twill/"),
                "flannel reads none but the first two"
            );
    }

    [RequiresRootFact]
    public void A_twill_host_has_the_entries_that_a_flannel_host_has()
    {
        Etcd.PutLeased(s_ghostKey, FlannelNode.Value(GhostIP, GhostMac));
        FlannelNode flannel = new(Cluster.Lab.AddHost("flannel"), Etcd, third: 52);
        flannel.Follow();
        LabHost twill = JoinTwill();

        string[] wanted = EntriesOf(flannel.Host, FlannelNode.Device);
        wanted.Should().HaveCount(3);
        Eventually.Pass(() => EntriesOf(twill, "twill.1").Should().Equal(wanted));

        const string NewIP = "192.168.50.78",
            NewMac = "6a:11:22:33:44:78";
        Etcd.PutLeased(s_ghostKey, FlannelNode.Value(NewIP, NewMac));
        Eventually.Pass(() =>
            EntriesOf(twill, "twill.1").Should().Equal(wanted.Select(entry => entry.Replace(GhostMac, NewMac).Replace(GhostIP, NewIP)))
        );
        twill.Bridge("fdb show dev twill.1").Should().NotContain(GhostMac, "flannel itself forgets to remove it");

        Etcd.Etcdctl("del", s_ghostKey);
        Eventually.Pass(() => EntriesOf(twill, "twill.1").Should().BeEmpty());
    }

    [RequiresRootFact]
    public void A_host_gw_cluster_of_flannel_is_joined_by_plain_routes()
    {
        Etcd.Put($"{FlannelNode.Prefix}/config", """{"Network":"10.5.0.0/16","SubnetLen":25,"Backend":{"Type":"host-gw"}}""");
        LabHost twill = JoinTwill(conf =>
        {
            conf.Plugin()["backend"] = new JsonObject { ["type"] = "host-gw" };
            conf.Ipam()["subnetLen"] = 25;
        });
        Etcd.PutLeased(
            $"{FlannelNode.Prefix}/subnets/10.5.77.128-25",
            """{"PublicIP":"192.168.50.77","PublicIPv6":null,"BackendType":"host-gw"}"""
        );

        LeaseOf(twill).Value.Should().Be($$"""{"PublicIP":"{{twill.Address}}","PublicIPv6":null,"BackendType":"host-gw"}""");
        Eventually.Pass(() =>
        {
            JsonElement route = twill.IpJson("route show proto 116").EnumerateArray().Should().ContainSingle().Subject;
            route.GetProperty("dst").GetString().Should().Be("10.5.77.128/25");
            route.GetProperty("gateway").GetString().Should().Be(GhostIP);
            route.GetProperty("dev").GetString().Should().Be("eth0");
        });
    }

    [RequiresRootFact]
    public void A_configuration_that_contradicts_flannels_is_refused_with_both_values_and_nothing_is_touched()
    {
        LabHost twill = JoinTwill(conf => conf.Plugin()["backend"]!.AsObject().Remove("port"), wait: false);

        Eventually.True(
            "the refusal is told",
            () => twill.Agent!.Log.Contains("Backend.Port is 4789 here and 8472 in etcd"),
            onFailure: () => twill.Agent!.Log
        );
        Etcd.List($"{FlannelNode.Prefix}/").Should().ContainSingle("nothing was leased").Which.Value.Should().Be(Config);
        twill.HasLink("twill.1").Should().BeFalse();
    }

    /// <summary>The way from flannel to twill, one host at a time.</summary>
    [RequiresRootFact]
    public void Where_flannels_device_still_stands_it_is_named_and_twill_goes_on_as_soon_as_it_is_gone()
    {
        LabHost host = Cluster.Lab.AddHost("moving");
        FlannelNode before = new(host, Etcd, third: 52);
        before.Publish();
        host.Configure(ConfOf(Etcd));
        host.StartAgent();

        Eventually.Pass(() =>
            host.Agent!.Log.Should().Contain("VXLAN device flannel.1").And.Contain("delete it, or choose another vni or port")
        );
        host.HasLink(FlannelNode.Device).Should().BeTrue("it is not ours to delete");

        host.Ip($"link delete {FlannelNode.Device}");
        Eventually.True("the overlay device is made", () => host.HasLink("twill.1"), onFailure: () => host.Agent!.Log);
        host.AddContainer("first")
            .Address.Should()
            .StartWith("10.5.")
            .And.NotStartWith("10.5.52.", "that subnet is leased by the flannel that was here");
    }

    public void Dispose() => _cluster?.Dispose();

    private static JsonObject ConfOf(EtcdServer etcd)
    {
        JsonObject conf = SampleConf.Cluster(etcd.Endpoint);
        conf.Ipam()["etcd"]!["prefix"] = FlannelNode.Prefix;
        conf.Ipam()["network"] = "10.5.0.0/16";
        conf.Plugin()["backend"]!["port"] = 8472;
        return conf;
    }

    private LabHost JoinTwill(Action<JsonObject>? change = null, bool wait = true)
    {
        LabHost host = Cluster.Lab.AddHost("twill");
        JsonObject conf = ConfOf(Etcd);
        change?.Invoke(conf);
        host.Configure(conf);
        host.StartAgent();
        if (wait)
        {
            Eventually.True(
                "a subnet is leased",
                () => Etcd.List($"{FlannelNode.Prefix}/subnets").Values.Any(v => v.Contains(host.Address)),
                onFailure: () => host.Agent!.Log
            );
            Eventually.True(
                "the overlay device is made",
                () => (string?)conf.Plugin()["backend"]!["type"] != "vxlan" || host.HasLink("twill.1"),
                onFailure: () => host.Agent!.Log
            );
        }

        return host;
    }

    private KeyValuePair<string, string> LeaseOf(LabHost host) =>
        Etcd.List($"{FlannelNode.Prefix}/subnets").Should().ContainSingle(lease => lease.Value.Contains($"\"{host.Address}\"")).Subject;

    /// <summary>Neighbours, FDB entries and routes of an overlay device, all that flannel's have but no device's name.</summary>
    private static string[] EntriesOf(LabHost host, string device)
    {
        static string Text(JsonElement entry, string name) => entry.TryGetProperty(name, out JsonElement value) ? value.ToString() : "";
        static string All(JsonElement entry, string name) =>
            entry.TryGetProperty(name, out JsonElement values)
                ? string.Join(' ', values.EnumerateArray().Select(v => v.GetString()).Order(StringComparer.Ordinal))
                : "";
        return
        [
            .. host.IpJson($"neighbour show dev {device}")
                .EnumerateArray()
                .Where(n => n.TryGetProperty("lladdr", out _))
                .Select(n =>
                    string.Create(CultureInfo.InvariantCulture, $"neighbour {Text(n, "dst")} {Text(n, "lladdr")} {All(n, "state")}")
                ),
            .. host.BridgeJson($"fdb show dev {device}")
                .EnumerateArray()
                .Where(f => f.TryGetProperty("dst", out _))
                .Select(f =>
                    $"fdb {Text(f, "mac")} {Text(f, "dst")} {Text(f, "state")} "
                    + $"{(All(f, "flags").Contains("self", StringComparison.Ordinal) ? "self" : "")}"
                ),
            .. host.IpJson($"route show dev {device}")
                .EnumerateArray()
                .Where(r => Text(r, "gateway").Length > 0)
                .Select(r =>
                    $"route {Text(r, "dst")} {Text(r, "gateway")} {All(r, "flags")} scope {Text(r, "scope")} table {Text(r, "table")}"
                ),
        ];
    }
}
