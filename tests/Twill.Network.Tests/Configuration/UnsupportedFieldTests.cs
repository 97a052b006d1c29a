using Twill.Cni;
using Twill.Cni.Tests;
using Twill.Host.Backends;
using Twill.Network.Configuration;

namespace Twill.Network.Tests.Configuration;

/// <summary>Keys of the reference plugins that mean something which twill does not do: code 2, with key and value.</summary>
public sealed class UnsupportedFieldTests
{
    [Theory]
    [InlineData("'forceAddress':true", "forceAddress", "'true'")]
    [InlineData("'ipMasqBackend':'iptables'", "ipMasqBackend", "'iptables'")]
    [InlineData("'promiscMode':true", "promiscMode", "'true'")]
    [InlineData("'preserveDefaultVlan':false", "preserveDefaultVlan", "'false'")]
    [InlineData("'promiscMode':'yes'", "promiscMode", "'yes'")]
    [InlineData("'enabledad':true", "enabledad", "'true'")]
    [InlineData("'disableContainerInterface':true", "disableContainerInterface", "'true'")]
    public void Keys_of_the_reference_bridge_that_would_be_ignored(string json, string key, string value)
    {
        string plugin = "{'name':'n','type':'twill'," + json + ",'ipam':{'type':'x'}}";

        CniException e = FluentActions
            .Invoking(() => TwillConf.Parse(Calls.Reader(plugin), BackendTable.All))
            .Should()
            .Throw<CniException>()
            .Which;

        e.Code.Should().Be(CniErrorCode.UnsupportedField);
        e.Message.Should().Be($"unsupported field in the network configuration: $.{key}, value {value}");
        TwillConf.Parse(Calls.Reader(plugin).Lenient([]), BackendTable.All).Name.Should().Be("n", "a DEL goes on");
        string others = plugin.Replace("'twill'", "'bridge'");
        TwillConf.Parse(Calls.Reader(others), BackendTable.All).Type.Should().Be("bridge", "it honours them");
    }

    [Fact]
    public void Keys_of_the_reference_bridge_are_taken_with_the_values_that_ask_for_what_is_done() =>
        TwillConf
            .Parse(
                Calls.Reader(
                    "{'name':'n','type':'twill','forceAddress':false,'ipMasqBackend':'nftables','promiscMode':false,'vlan':0,"
                        + "'vlanTrunk':[],"
                        + "'preserveDefaultVlan':true,'enabledad':false,'disableContainerInterface':false,'portIsolation':false,"
                        + "'isDefaultGateway':true,'ipam':{'type':'x'}}"
                ),
                BackendTable.All
            )
            .IsDefaultGateway.Should()
            .BeTrue();

    [Theory]
    [InlineData("'ranges':[[{'subnet':'10.1.0.0/24'}],[{'subnet':'10.2.0.0/24'}]]", "$.ipam.ranges[1]")]
    [InlineData("'subnet':'10.1.0.0/24','ranges':[[{'subnet':'10.2.0.0/24'}]]", "$.ipam.ranges[0]")]
    public void Ranges_for_more_than_one_address_of_a_family(string members, string path)
    {
        CniException e = FluentActions
            .Invoking(() =>
                TwillConf.Parse(
                    Calls.Reader($"{{'name':'n','type':'twill','ipam':{{'type':'twill-ipam',{members}}}}}"),
                    BackendTable.All
                )
            )
            .Should()
            .Throw<CniException>()
            .Which;

        e.Code.Should().Be(CniErrorCode.UnsupportedField);
        e.Message.Should().Be($"unsupported field in the network configuration: {path}, value a list");
    }
}
