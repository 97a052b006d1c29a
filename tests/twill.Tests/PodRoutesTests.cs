using System.Net;
using System.Text.Json;
using Twill.Cni;
using Twill.Host.Backends;
using Twill.Network.Configuration;

namespace Twill.Plugin.Tests;

public sealed class PodRoutesTests
{
    private static readonly CniResult s_addresses = new()
    {
        Ips = [new CniIp(IPAddress.Parse("10.244.7.5"), 24, IPAddress.Parse("10.244.7.1"))],
    };

    [Fact]
    public void Without_routes_from_the_ipam_plugin_the_cluster_network_is_still_reached() =>
        Routes(s_addresses).Should().Equal("10.244.0.0/16 via 10.244.7.1");

    [Theory]
    [InlineData("0.0.0.0/0")]
    [InlineData("10.0.0.0/8")]
    [InlineData("10.244.0.0/16")]
    public void A_route_that_covers_the_cluster_network_is_enough(string covering) =>
        Routes(s_addresses with { Routes = [new CniRoute(IPNetwork.Parse(covering))] }).Should().Equal($"{covering} via 10.244.7.1");

    [Fact]
    public void A_route_of_a_family_that_the_container_has_no_address_of_is_left_out() =>
        Routes(s_addresses with { Routes = [new CniRoute(IPNetwork.Parse("::/0")), new CniRoute(IPNetwork.Parse("0.0.0.0/0"))] })
            .Should()
            .Equal("0.0.0.0/0 via 10.244.7.1");

    [Fact]
    public void A_default_gateway_that_is_asked_for_is_a_route_unless_there_is_one()
    {
        TwillConf conf = TwillConf.Parse(
            new ConfigReader(
                JsonDocument.Parse("""{"name":"n","type":"twill","isDefaultGateway":true,"ipam":{"type":"x"}}""").RootElement
            ),
            BackendTable.All
        );

        PodRoutes.For(conf, s_addresses).Should().Equal(new CniRoute(IPNetwork.Parse("0.0.0.0/0"), IPAddress.Parse("10.244.7.1")));
        CniResult own = s_addresses with { Routes = [new CniRoute(IPNetwork.Parse("0.0.0.0/0"), IPAddress.Parse("10.244.7.9"))] };
        PodRoutes.For(conf, own).Should().Equal(own.Routes);
    }

    [Fact]
    public void A_route_in_another_table_does_not_cover_it() =>
        Routes(s_addresses with { Routes = [new CniRoute(IPNetwork.Parse("0.0.0.0/0"), Table: 100)] })
            .Should()
            .Equal("0.0.0.0/0 via 10.244.7.1", "10.244.0.0/16 via 10.244.7.1");

    [Fact]
    public void A_next_hop_of_the_route_s_own_is_kept_and_one_on_the_link_gets_none() =>
        Routes(
                s_addresses with
                {
                    Routes =
                    [
                        new CniRoute(IPNetwork.Parse("0.0.0.0/0"), IPAddress.Parse("10.244.7.9")),
                        new CniRoute(IPNetwork.Parse("192.0.2.0/24"), Scope: 253),
                    ],
                }
            )
            .Should()
            .Equal("0.0.0.0/0 via 10.244.7.9", "192.0.2.0/24 via ");

    [Fact]
    public void Without_a_gateway_nothing_is_routed_through_it() =>
        Routes(new CniResult { Ips = [new CniIp(IPAddress.Parse("10.244.7.5"), 24)] }).Should().BeEmpty();

    private static List<string> Routes(CniResult addresses)
    {
        TwillConf conf = TwillConf.Parse(
            new ConfigReader(
                JsonDocument
                    .Parse(
                        """
                        {"cniVersion":"1.0.0","name":"net1","type":"twill",
                         "ipam":{"type":"twill-ipam","network":"10.244.0.0/16","etcd":{"endpoints":["http://127.0.0.1:2379"]}}}
                        """
                    )
                    .RootElement
            ),
            BackendTable.All
        );
        return [.. PodRoutes.ForKernel(PodRoutes.For(conf, addresses), addresses).Select(r => $"{r.Dst} via {r.Gateway}")];
    }
}
