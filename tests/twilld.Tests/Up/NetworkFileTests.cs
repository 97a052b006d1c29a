using System.Net;
using System.Text.Json.Nodes;
using Twill.Agent.Up;
using Twill.Cluster;
using Twill.Network.Configuration;
using Twill.System;
using Twill.Testing;

namespace Twill.Agent.Tests.Up;

public sealed class NetworkFileTests
{
    private static readonly UpOptions s_etcd = new() { Etcd = ["http://192.168.50.200:2379"] };

    [Fact]
    public void Without_further_options_it_means_what_the_sample_means()
    {
        NetworkFile file = NetworkFile.Of(s_etcd, stored: null);

        file.Path.Should().Be("/etc/cni/net.d/10-twill.conflist");
        TwillConf sample = Load("10-twill.conflist");
        file.Conf.Backend.Should().Be(sample.Backend);
        file.Conf.Ipam.Ranges.Should().Equal(sample.Ipam.Ranges);
        file.Conf.Ipam.Etcd!.Prefix.Should().Be(sample.Ipam.Etcd!.Prefix);
        file.Conf.Ipam.Etcd.Endpoints.Should().Equal("http://192.168.50.200:2379");
        file.Conf.Bridge.Should().Be(sample.Bridge);
        JsonNode.DeepEquals(Plugin(file)["capabilities"], SampleConf.Single().Plugin()["capabilities"]).Should().BeTrue();
    }

    [Fact]
    public void A_network_of_one_host_is_the_sample_for_one()
    {
        NetworkFile file = NetworkFile.Of(new UpOptions { Single = true }, stored: null);

        JsonNode.DeepEquals(JsonNode.Parse(file.Content), SampleConf.Single()).Should().BeTrue(file.Content);
    }

    [Fact]
    public void What_etcd_has_is_taken_over_and_what_is_usual_is_not_written()
    {
        NetworkConfig usual = LeaseMapper.Network(NetworkFile.Of(s_etcd, stored: null).Conf);
        NetworkFile.Of(s_etcd, usual).Content.Should().Be(NetworkFile.Of(s_etcd, stored: null).Content, "the first host wrote that");

        NetworkConfig other = NetworkConfig.Create(
            SubnetRange.Create(IPNetwork.Parse("10.7.0.0/16"), 26),
            SubnetRange.Create(IPNetwork.Parse("fd00:7::/48")),
            BackendSettings.Vxlan(9, 8472, directRouting: true)
        );
        NetworkFile joined = NetworkFile.Of(s_etcd, other);
        LeaseMapper.Network(joined.Conf).DescribeDifference(other).Should().BeNull();
        Plugin(joined)["backend"]!.ToJsonString().Should().Be("""{"type":"vxlan","vni":9,"port":8472,"directRouting":true}""");
        Plugin(joined)["ipam"]!["routes"]!.AsArray().Should().HaveCount(2);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_later_run_with_fewer_options_goes_on_with_what_an_earlier_one_wrote(bool single)
    {
        UpOptions options = single ? new UpOptions { Single = true } : s_etcd;
        UpOptions first = options with { Cidr = IPNetwork.Parse("10.9.0.0/22"), IPv6Cidr = IPNetwork.Parse("fd00:9::/48") };
        NetworkFile written = NetworkFile.Of(single ? first : first with { Vni = 9 }, stored: null);

        NetworkFile.Of(options, stored: null, written.Conf).Content.Should().Be(written.Content);
    }

    [Fact]
    public void An_option_counts_more_than_etcd()
    {
        NetworkConfig stored = NetworkConfig.Create(IPNetwork.Parse("10.7.0.0/16"), backend: BackendSettings.WireGuard(51821));
        NetworkFile file = NetworkFile.Of(s_etcd with { Cidr = IPNetwork.Parse("10.8.0.0/16"), Backend = "host-gw" }, stored);

        LeaseMapper.Network(file.Conf).DescribeDifference(stored).Should().Contain("10.8.0.0/16").And.Contain("host-gw");
    }

    [Theory]
    [InlineData("carrier-pigeon", null, "backend.type: expected vxlan, host-gw, wireguard or none, got 'carrier-pigeon'")]
    [InlineData("host-gw", 7, "backend.vni: belongs to the vxlan backend")]
    public void Options_that_make_no_network_are_refused_by_the_configurations_own_words(string backend, int? vni, string words) =>
        FluentActions
            .Invoking(() => NetworkFile.Of(s_etcd with { Backend = backend, Vni = vni }, stored: null))
            .Should()
            .Throw<UsageException>()
            .Which.Message.Should()
            .StartWith("the options make no network: ")
            .And.Contain(words);

    private static JsonNode Plugin(NetworkFile file) => JsonNode.Parse(file.Content)!["plugins"]![0]!;

    private static TwillConf Load(string sample) =>
        NetworkConfigList.Load(Path.Combine(RepoPaths.Conf, sample), Host.Backends.BackendTable.All).Networks.Single().Conf;
}
