using Twill.Cni;
using Twill.Cni.Tests;
using Twill.Host.Backends;
using Twill.Network.Configuration;

namespace Twill.Network.Tests.Configuration;

/// <summary>Keys of the reference plugins that mean something which twill does not do: code 2, with key and value.</summary>
public sealed class UnsupportedFieldTests
{
    [Theory]
    [InlineData("'ipMasqBackend':'iptables'", "ipMasqBackend", "'iptables'")]
    [InlineData("'preserveDefaultVlan':false", "preserveDefaultVlan", "'false'")]
    [InlineData("'disableContainerInterface':true", "disableContainerInterface", "'true'")]
    [InlineData("'delegate':{'bridge':'cni0'}", "delegate", "an object")]
    [InlineData("'subnetFile':'/run/flannel/subnet.env'", "subnetFile", "'/run/flannel/subnet.env'")]
    [InlineData("'dataDir':'/var/lib/cni/flannel'", "dataDir", "'/var/lib/cni/flannel'")]
    [InlineData("'master':'eth0'", "master", "'eth0'")]
    [InlineData("'mode':'l2'", "mode", "'l2'")]
    [InlineData("'linkInContainer':true", "linkInContainer", "'true'")]
    [InlineData("'bcqueuelen':5", "bcqueuelen", "'5'")]
    [InlineData("'vlanId':5", "vlanId", "'5'")]
    public void Keys_of_reference_plugins_that_would_be_ignored(string json, string key, string value)
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
    public void Keys_of_the_reference_bridge_that_are_honoured()
    {
        TwillConf conf = Parse("'forceAddress':true,'promiscMode':true,'enabledad':true,'portIsolation':true");

        (conf.ForceAddress, conf.PromiscMode, conf.EnableDad, conf.PortIsolation).Should().Be((true, true, true, true));
        conf.HairpinMode.Should().BeFalse("a bridge that takes all frames sends them back already");
        conf = Parse("'isGateway':true");
        (conf.ForceAddress, conf.PromiscMode, conf.EnableDad, conf.PortIsolation).Should().Be((false, false, false, false));
        conf.HairpinMode.Should().BeTrue();
    }

    [Theory]
    [InlineData("'promiscMode':true,'hairpinMode':true", "$.hairpinMode: expected false beside \"promiscMode\": true")]
    [InlineData("'portIsolation':true,'icc':false", "$.portIsolation: \"icc\": false keeps the containers apart already")]
    [InlineData("'promiscMode':'yes'", "$.promiscMode: expected true or false, got 'yes'")]
    public void Keys_of_the_reference_bridge_that_contradict_others(string json, string complaint) =>
        FluentActions.Invoking(() => Parse(json)).Should().Throw<CniException>().Which.Details.Should().StartWith(complaint);

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

    private static TwillConf Parse(string members) =>
        TwillConf.Parse(Calls.Reader($"{{'name':'n','type':'twill',{members},'ipam':{{'type':'x'}}}}"), BackendTable.All);
}
