using System.Net;
using Twill.Cni;
using Twill.Cni.Tests;
using Twill.Host.Backends;
using Twill.Network.Configuration;

namespace Twill.Network.Tests.Configuration;

/// <summary>What a configuration says about containers that would harm each other.</summary>
public sealed class IsolationTests
{
    [Theory]
    [InlineData("", true)]
    [InlineData(",'antiSpoof':true", true)]
    [InlineData(",'antiSpoof':false", false)]
    [InlineData(",'macspoofchk':false", false)]
    [InlineData(",'macspoofchk':true", true)]
    [InlineData(",'macspoofchk':false,'antiSpoof':false", false)]
    public void Containers_send_as_themselves_unless_it_is_turned_off(string keys, bool expected) =>
        Parse(keys).AntiSpoof.Should().Be(expected);

    [Fact]
    public void Allowed_addresses_are_addresses_and_prefixes_and_none_is_inside_another()
    {
        Parse("").AllowedAddresses.Should().BeEmpty();
        Parse(",'allowedAddresses':['10.9.0.5','10.9.0.0/16','192.0.2.7','fd99::5','fd00::/8','10.9.1.0/24','10.9.0.0/16']")
            .AllowedAddresses.Should()
            .Equal(IPNetwork.Parse("10.9.0.0/16"), IPNetwork.Parse("192.0.2.7/32"), IPNetwork.Parse("fd00::/8"));
    }

    [Theory]
    [InlineData("'antiSpoof':'no'", "$.antiSpoof: expected true or false, got 'no'")]
    [InlineData("'macspoofchk':1", "$.macspoofchk: expected true or false, got '1'")]
    [InlineData(
        "'macspoofchk':true,'antiSpoof':false",
        "$.macspoofchk: means the same as antiSpoof, which is false: leave one of them out"
    )]
    [InlineData("'allowedAddresses':'10.9.0.5'", "$.allowedAddresses: expected a list, got '10.9.0.5'")]
    [InlineData("'allowedAddresses':[7]", "$.allowedAddresses[0]: expected an address or a prefix, got '7'")]
    [InlineData("'allowedAddresses':['10.9.0.5','me']", "$.allowedAddresses[1]: expected an IP address, got 'me'")]
    [InlineData("'allowedAddresses':['10.9.0.0/33']", "$.allowedAddresses[0]: expected an IP prefix like 10.244.0.0/16, got '10.9.0.0/33'")]
    public void What_makes_no_sense_is_refused(string keys, string complaint) =>
        Refusal("," + keys).Should().BeEquivalentTo(new { Code = CniErrorCode.InvalidNetworkConfig, Details = complaint });

    [Theory]
    [InlineData("'vlan':100", "$.vlan", "'100'")]
    [InlineData("'vlan':'100'", "$.vlan", "'100'")]
    [InlineData("'vlanTrunk':[{'id':5}]", "$.vlanTrunk", "a list")]
    public void What_would_keep_containers_apart_and_is_not_supported_is_refused(string keys, string path, string value)
    {
        CniException refusal = Refusal("," + keys);
        refusal.Code.Should().Be(CniErrorCode.UnsupportedField);
        refusal.Message.Should().Be($"unsupported field in the network configuration: {path}, value {value}");
        string complaint = $"{path}: twill has no use for this value: ";
        refusal.Details.Should().StartWith(complaint);

        List<string> complaints = [];
        TwillConf.Parse(Calls.Reader(Text("," + keys)).Lenient(complaints), BackendTable.All);
        complaints.Should().ContainSingle("a DEL goes on").Which.Should().StartWith(complaint);
    }

    [Fact]
    public void Values_that_ask_for_nothing_pass() =>
        Parse(",'vlan':0,'vlanTrunk':[],'preserveDefaultVlan':true,'portIsolation':false,'macspoofchk':null").AntiSpoof.Should().BeTrue();

    private static CniException Refusal(string keys) =>
        FluentActions.Invoking(() => Parse(keys)).Should().Throw<CniException>().Which;

    private static TwillConf Parse(string keys) => TwillConf.Parse(Calls.Reader(Text(keys)), BackendTable.All);

    private static string Text(string keys) =>
        $"{{'cniVersion':'1.1.0','name':'blue','type':'twill'{keys},'ipam':{{'type':'twill-ipam','subnet':'10.244.0.0/24'}}}}";
}
