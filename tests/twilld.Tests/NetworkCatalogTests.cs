using Twill.Testing;

namespace Twill.Agent.Tests;

public sealed class NetworkCatalogTests : IDisposable
{
    private readonly TempDir _dir = TempDir.Create();

    [Fact]
    public void Every_network_of_ours_is_served_and_others_are_left_alone()
    {
        Write("10-a.conflist", "a", "10.1.0.0/16", vni: 1, bridge: "twill0");
        Write("20-b.conflist", "b", "10.2.0.0/16", vni: 2, bridge: "twill1");
        _dir.Write("30-c.conflist", """{"cniVersion":"1.0.0","name":"c","plugins":[{"type":"bridge","ipam":{"type":"host-local"}}]}""");
        _dir.Write(
            "40-d.conf",
            """
            {"cniVersion":"1.0.0","name":"d","type":"bridge",
             "ipam":{"type":"twill-ipam","network":"10.4.0.0/16","etcd":{"endpoints":["http://127.0.0.1:2379"]}}}
            """
        );

        NetworkCatalog catalog = Load();

        catalog.Networks.Select(n => n.Conf.Name).Should().Equal("a", "b", "d");
        catalog.Problems.Should().BeEmpty();
    }

    [Theory]
    [InlineData("a", "10.2.0.0/16", 2, "twill1", "'a'")]
    [InlineData("b", "10.1.128.0/17", 2, "twill1", "10.1.128.0/17 overlaps 10.1.0.0/16 of network 'a'")]
    [InlineData("b", "10.2.0.0/16", 1, "twill1", "backend.vni: 1 is taken by network 'a'")]
    [InlineData("b", "10.2.0.0/16", 2, "twill0", "bridge: 'twill0' is taken by network 'a'")]
    public void Of_two_networks_that_would_fight_the_first_is_served_and_the_reason_is_told(
        string name,
        string network,
        int vni,
        string bridge,
        string reason
    )
    {
        Write("10-a.conflist", "a", "10.1.0.0/16", vni: 1, bridge: "twill0");
        Write("20-b.conflist", name, network, vni, bridge);

        NetworkCatalog catalog = Load();

        catalog.Networks.Should().ContainSingle().Which.File.Should().EndWith("10-a.conflist");
        catalog.Problems.Should().ContainSingle().Which.Should().Contain(reason).And.Contain("10-a.conflist").And.Contain("20-b.conflist");
    }

    [Fact]
    public void Two_networks_cannot_have_the_same_addresses_of_either_family()
    {
        const string None = """{"type":"host-gw"}""",
            Six = "\"10.1.0.0/16\",\"ipv6Network\":\"fd00:1::/48\"";
        _dir.Write("10-a.conflist", Text("a", "10.1.0.0/16", None, "twill0").Replace("\"10.1.0.0/16\"", Six, StringComparison.Ordinal));
        _dir.Write(
            "20-b.conflist",
            Text("b", "10.2.0.0/16", None, "twill1")
                .Replace("\"10.2.0.0/16\"", "\"10.2.0.0/16\",\"ipv6Network\":\"fd00:1:0:8000::/49\"", StringComparison.Ordinal)
        );

        NetworkCatalog catalog = Load();

        catalog.Networks.Select(n => n.Conf.Name).Should().Equal("a");
        catalog.Problems.Should().ContainSingle().Which.Should().Contain("fd00:1:0:8000::/49 overlaps fd00:1::/48 of network 'a'");
    }

    [Fact]
    public void A_network_that_runs_goes_on_when_another_that_contradicts_it_comes_first()
    {
        Write("10-a.conflist", "a", "10.1.0.0/16", vni: 1, bridge: "twill0");
        Write("05-b.conflist", "b", "10.2.0.0/16", vni: 1, bridge: "twill1");

        NetworkCatalog catalog = NetworkCatalog.Load(new AgentOptions { ConfDir = _dir.Path }, network => network.Conf.Name == "a");

        catalog.Networks.Select(n => n.Conf.Name).Should().Equal("a");
        catalog.Problems.Should().ContainSingle().Which.Should().Contain("05-b.conflist: backend.vni: 1 is taken by network 'a'");
    }

    [Fact]
    public void A_broken_file_hides_no_other()
    {
        _dir.Write("00-broken.conflist", "{");
        Write("10-a.conflist", "a", "10.1.0.0/16", vni: 1, bridge: "twill0");

        NetworkCatalog catalog = Load();

        catalog.Networks.Should().HaveCount(1);
        catalog.Problems.Should().ContainSingle().Which.Should().Contain("00-broken.conflist");
    }

    [Fact]
    public void Two_networks_cannot_listen_on_one_WireGuard_port()
    {
        _dir.Write("10-w.conflist", Text("w", "10.1.0.0/16", """{"type":"wireguard"}""", "twill0"));
        _dir.Write("11-v.conflist", Text("v", "10.2.0.0/16", """{"type":"wireguard","port":51820}""", "twill1"));
        _dir.Write("12-u.conflist", Text("u", "10.3.0.0/16", """{"type":"wireguard","port":51830}""", "twill2"));

        NetworkCatalog catalog = Load();

        catalog.Networks.Select(n => n.Conf.Name).Should().Equal("w", "u");
        catalog.Problems.Should().ContainSingle().Which.Should().Contain("11-v.conflist: backend.port: 51820 is taken by network 'w'");
    }

    [Fact]
    public void A_file_named_on_the_command_line_must_hold_a_network_of_ours()
    {
        string file = _dir.Write("x.conflist", """{"cniVersion":"1.0.0","name":"x","plugins":[{"type":"loopback"}]}""");

        NetworkCatalog catalog = NetworkCatalog.Load(new AgentOptions { ConfFiles = [file] });

        catalog.Networks.Should().BeEmpty();
        catalog.Problems.Should().ContainSingle().Which.Should().Contain(file).And.Contain("found neither");
    }

    public void Dispose() => _dir.Dispose();

    private NetworkCatalog Load() => NetworkCatalog.Load(new AgentOptions { ConfDir = _dir.Path });

    private void Write(string file, string name, string network, int vni, string bridge) =>
        _dir.Write(file, Text(name, network, $$"""{"type":"vxlan","vni":{{vni}}}""", bridge));

    private static string Text(string name, string network, string backend, string bridge) =>
        $$"""
            {
              "cniVersion": "1.1.0", "name": "{{name}}",
              "plugins": [{
                "type": "twill", "bridge": "{{bridge}}", "backend": {{backend}},
                "ipam": { "type": "twill-ipam", "network": "{{network}}", "etcd": { "endpoints": ["http://127.0.0.1:2379"] } }
              }]
            }
            """;
}
