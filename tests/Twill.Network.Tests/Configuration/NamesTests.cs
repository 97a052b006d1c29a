using Twill.Cni;
using Twill.Cni.Tests;
using Twill.Host.Backends;
using Twill.Network.Configuration;

namespace Twill.Network.Tests.Configuration;

/// <summary>The key <c>names</c>.</summary>
public sealed class NamesTests
{
    [Theory]
    [InlineData("{}", "twill.internal")]
    [InlineData("{'zone':''}", "twill.internal")]
    [InlineData("{'zone':'Example.Internal.'}", "example.internal")]
    [InlineData("{'zone':'a'}", "a")]
    public void The_zone_is_a_domain_in_lower_case(string names, string zone)
    {
        NamesConf read = Parse($",'names':{names}").Names!;
        (read.Zone, read.Domain).Should().Be((zone, $"net.{zone}"));
    }

    [Fact]
    public void Without_the_key_there_are_no_names() => Parse("").Names.Should().BeNull();

    [Theory]
    [InlineData("'names':'twill.internal'", "$.names: expected an object, got 'twill.internal'")]
    [InlineData("'names':{'zone':7}", "$.names.zone: expected a string, got '7'")]
    [InlineData("'names':{'zone':'a_b'}", "$.names.zone: expected a domain like twill.internal (a label of it: expected letters, digits")]
    [InlineData("'names':{'zone':'-a.b'}", "$.names.zone: expected a domain like twill.internal (a label of it: expected 1 to 63")]
    [InlineData("'names':{'zone':'a..b'}", "$.names.zone: expected a domain like twill.internal (a label of it: expected 1 to 63")]
    [InlineData("'names':{'zone':'.'}", "$.names.zone: expected a domain like twill.internal (a label of it: expected 1 to 63")]
    [InlineData("'names':{'zone':'10.in-addr.arpa'}", "$.names.zone: expected a domain like twill.internal: addresses are looked up below")]
    [InlineData("'names':{},'isGateway':false", "$.names: names are answered for at the gateway address")]
    [InlineData("'names':{}", "$.name: expected a label of a domain", "a_b")]
    [InlineData("'names':{}", "$.name: expected a label of a domain", "a.b")]
    public void What_makes_no_sense_is_refused(string keys, string complaint, string network = "net")
    {
        CniException refusal = Refusal("," + keys, network);
        refusal.Code.Should().Be(CniErrorCode.InvalidNetworkConfig);
        refusal.Details.Should().StartWith(complaint);
    }

    [Fact]
    public void A_zone_has_room_for_names_before_it() =>
        Refusal($",'names':{{'zone':'{string.Join('.', Enumerable.Repeat("abcdefghi", 11))}'}}")
            .Details.Should()
            .Contain("expected at most 100 characters");

    [Fact]
    public void An_unknown_key_inside_is_unsupported()
    {
        CniException refusal = Refusal(",'names':{'zone':'a.b','ttl':60}");
        refusal.Code.Should().Be(CniErrorCode.UnsupportedField);
        refusal.Message.Should().Contain("$.names.ttl").And.Contain("'60'");
    }

    private static TwillConf Parse(string keys, string network = "net") =>
        TwillConf.Parse(Calls.Reader(Text(keys, network)), BackendTable.All);

    private static CniException Refusal(string keys, string network = "net") =>
        FluentActions.Invoking(() => Parse(keys, network)).Should().Throw<CniException>().Which;

    private static string Text(string keys, string network) =>
        $"{{'cniVersion':'1.1.0','name':'{network}','type':'twill','ipam':{{'type':'twill-ipam','subnet':'10.1.0.0/24'}}{keys}}}".Replace(
            '\'',
            '"'
        );
}
