using System.Net;
using System.Text;
using System.Text.Json;

namespace Twill.Cni.Tests.Results;

/// <summary>Every shape of a result, held against the text of that version's specification.</summary>
public sealed class CniResultTests
{
    private static readonly CniResult Full = new()
    {
        Interfaces =
        [
            new CniInterface("twill0", "00:11:22:33:44:55"),
            new CniInterface("eth0", "02:74:0a:01:00:05", 1450, "/run/netns/blue", "/run/sock", "0000:00:1f.6"),
        ],
        Ips =
        [
            new CniIp(IPAddress.Parse("10.1.0.5"), 16, IPAddress.Parse("10.1.0.1"), 1),
            new CniIp(IPAddress.Parse("fd00::5"), 64, InterfaceIndex: 1),
        ],
        Routes =
        [
            new CniRoute(IPNetwork.Parse("0.0.0.0/0")),
            new CniRoute(IPNetwork.Parse("fd01::/16"), IPAddress.Parse("fd00::1")),
            new CniRoute(IPNetwork.Parse("10.9.0.0/16"), IPAddress.Parse("10.1.0.2"), 1400, 1360, 50, 100, 253),
        ],
        Dns = new CniDns(["10.1.0.1"], "example.org", ["a.example.org"], ["ndots:2"]),
    };

    private const string Dns =
        """ "dns":{"nameservers":["10.1.0.1"],"domain":"example.org","search":["a.example.org"],"options":["ndots:2"]}""";

    private const string Legacy =
        """
            "ip4":{"ip":"10.1.0.5/16","gateway":"10.1.0.1","routes":[{"dst":"0.0.0.0/0"},{"dst":"10.9.0.0/16","gw":"10.1.0.2"}]},
            "ip6":{"ip":"fd00::5/64","routes":[{"dst":"fd01::/16","gw":"fd00::1"}]},
            """ + Dns;

    private const string Links = """
        "interfaces":[{"name":"twill0","mac":"00:11:22:33:44:55"},{"name":"eth0","mac":"02:74:0a:01:00:05","sandbox":"/run/netns/blue"}],
        """;

    private const string Routes =
        """
            "routes":[{"dst":"0.0.0.0/0"},{"dst":"fd01::/16","gw":"fd00::1"},{"dst":"10.9.0.0/16","gw":"10.1.0.2"}],
            """ + Dns;

    private const string Lists =
        Links
        + """
            "ips":[{"version":"4","interface":1,"address":"10.1.0.5/16","gateway":"10.1.0.1"},{"version":"6","interface":1,"address":"fd00::5/64"}],
            """
        + Routes;

    private const string Lists1 =
        Links
        + """
            "ips":[{"interface":1,"address":"10.1.0.5/16","gateway":"10.1.0.1"},{"interface":1,"address":"fd00::5/64"}],
            """
        + Routes;

    private const string Detailed =
        """
            "interfaces":[{"name":"twill0","mac":"00:11:22:33:44:55"},{"name":"eth0","mac":"02:74:0a:01:00:05","mtu":1450,
                "sandbox":"/run/netns/blue","socketPath":"/run/sock","pciID":"0000:00:1f.6"}],
            "ips":[{"interface":1,"address":"10.1.0.5/16","gateway":"10.1.0.1"},{"interface":1,"address":"fd00::5/64"}],
            "routes":[{"dst":"0.0.0.0/0"},{"dst":"fd01::/16","gw":"fd00::1"},
                {"dst":"10.9.0.0/16","gw":"10.1.0.2","mtu":1400,"advmss":1360,"priority":50,"table":100,"scope":253}],
            """ + Dns;

    public static TheoryData<string, string> Shapes =>
        new()
        {
            { "0.1.0", Legacy },
            { "0.2.0", Legacy },
            { "0.3.0", Lists },
            { "0.3.1", Lists },
            { "0.4.0", Lists },
            { "1.0.0", Lists1 },
            { "1.1.0", Detailed },
        };

    [Theory, MemberData(nameof(Shapes))]
    public void Each_version_is_written_with_its_own_members(string version, string members)
    {
        CniVersion.TryParse(version, out CniVersion asked).Should().BeTrue();

        string written = Encoding.UTF8.GetString(Full.ToJson(asked));

        Canonical(written).Should().Be(Canonical($$"""{"cniVersion":"{{version}}",{{members}}}"""));
    }

    [Theory, MemberData(nameof(Shapes))]
    public void What_is_written_in_a_version_reads_back_as_what_that_version_can_say(string version, string members)
    {
        _ = members;
        CniVersion.TryParse(version, out CniVersion asked);

        byte[] once = Full.ToJson(asked);
        CniResult read = CniResult.Parse(new ConfigReader(JsonDocument.Parse(once).RootElement), CniVersion.V1_1_0);

        Encoding.UTF8.GetString(read.ToJson(asked)).Should().Be(Encoding.UTF8.GetString(once));
        read.Ips.Select(ip => ip.Cidr).Should().Equal("10.1.0.5/16", "fd00::5/64");
        read.Routes.Should().HaveCount(3);
        if (asked >= CniVersion.V0_3_0)
        {
            read.InterfaceOf(read.Ips[0])!.Name.Should().Be("eth0");
        }

        if (asked == CniVersion.V1_1_0)
        {
            read.Should().BeEquivalentTo(Full);
        }
    }

    [Fact]
    public void The_result_of_a_delegated_plugin_may_lack_everything()
    {
        CniResult read = CniResult.Parse(Calls.Reader("{}"), CniVersion.V1_0_0);

        read.Should().BeEquivalentTo(new CniResult());
        Encoding.UTF8.GetString(read.ToJson(CniVersion.V1_0_0)).Trim().Should().Be("""{"cniVersion":"1.0.0"}""");
    }

    [Fact]
    public void The_oldest_shape_has_room_for_one_address_of_each_family()
    {
        var two = new CniResult { Ips = [new CniIp(IPAddress.Parse("10.0.0.2"), 24), new CniIp(IPAddress.Parse("10.0.0.3"), 24)] };

        Encoding.UTF8.GetString(two.ToJson(CniVersion.V0_2_0)).Trim().Should().Be("""{"cniVersion":"0.2.0","ip4":{"ip":"10.0.0.2/24"}}""");
    }

    [Fact]
    public void Routes_of_others_may_have_bits_beyond_the_prefix()
    {
        CniResult read = CniResult.Parse(Calls.Reader("{'routes':[{'dst':'10.1.2.3/16','gw':'10.0.0.1'}]}"), CniVersion.V1_0_0);

        read.Routes.Should().ContainSingle().Which.Dst.ToString().Should().Be("10.1.0.0/16");
    }

    [Theory]
    [InlineData("{'interfaces':[{'mac':'02:00:00:00:00:01'}]}", "$.interfaces[0].name: expected the interface's name, got nothing")]
    [InlineData("{'interfaces':[{'name':''}]}", "$.interfaces[0].name: expected the interface's name, got ''")]
    [InlineData("{'interfaces':[{'name':5}]}", "$.interfaces[0].name: expected the interface's name, got '5'")]
    [InlineData("{'interfaces':[{'name':'a','mtu':-1}]}", "$.interfaces[0].mtu: expected a whole number, not negative, got '-1'")]
    [InlineData("{'interfaces':[{'name':'a','mtu':1e400}]}", "$.interfaces[0].mtu: expected a whole number, not negative, got '1e400'")]
    [InlineData("{'ips':[{}]}", "$.ips[0].address: expected an IP address with prefix length like 10.1.0.5/16, got nothing")]
    [InlineData("{'ips':[{'address':'10.0.0.1'}]}", "$.ips[0].address: expected")]
    [InlineData("{'ips':[{'address':'10.0.0.1/33'}]}", "$.ips[0].address: expected")]
    [InlineData("{'ips':[{'address':'10.0.0.1/24','gateway':'fd00::1'}]}", "$.ips[0].gateway: expected an IPv4 address, got 'fd00::1'")]
    [InlineData(
        "{'ips':[{'address':'10.0.0.1/24','interface':-1}]}",
        "$.ips[0].interface: expected an index into the 0 interfaces, got '-1'"
    )]
    [InlineData(
        "{'routes':[{'dst':'0.0.0.0/0','table':4294967296}]}",
        "$.routes[0].table: expected a whole number from 0 to 4294967295, got '4294967296'"
    )]
    [InlineData("{'dns':{'nameservers':['one.one.one.one']}}", "$.dns.nameservers[0]: expected an IP address, got 'one.one.one.one'")]
    [InlineData("{'dns':{'search':['']}}", "$.dns.search[0]: expected a string that is not empty, got ''")]
    [InlineData("{'cniVersion':'0.2.0','ip4':{'ip':'fd00::1/64'}}", "$.ip4.ip: expected an IPv4 address with prefix length")]
    [InlineData("{'cniVersion':'0.2.0','ip4':{'ip':'10.0.0.1/24','routes':[{}]}}", "$.ip4.routes[0].dst: expected")]
    public void A_member_of_the_wrong_form_is_named(string json, string complaint) =>
        FluentActions
            .Invoking(() => CniResult.Parse(Calls.Reader(json), CniVersion.V1_1_0))
            .Should()
            .Throw<CniException>()
            .Which.Details.Should()
            .StartWith(complaint);

    private static string Canonical(string json)
    {
        using JsonDocument document = JsonDocument.Parse(json);
        return JsonSerializer.Serialize(document.RootElement);
    }
}
