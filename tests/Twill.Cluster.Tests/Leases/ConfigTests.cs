using System.Net;
using Twill.Testing;

namespace Twill.Cluster.Tests.Leases;

[Collection(nameof(SharedEtcd))]
[RequiresEtcd]
public sealed class ConfigTests(SharedEtcd etcd)
{
    private readonly string _prefix = SharedEtcd.NewPrefix();

    private static NetworkConfig Wanted(string network = "10.244.0.0/16", int port = 4789) =>
        NetworkConfig.Create(IPNetwork.Parse(network), 24, backend: BackendSettings.Vxlan(1, port));

    [Fact]
    public async Task The_first_node_writes_every_field()
    {
        using TestNode node = new(etcd.Server, _prefix, 1);

        NetworkConfig valid = await node.Store.EnsureConfigAsync(Wanted());

        valid.Should().Be(Wanted());
        etcd.Server.Get($"{_prefix}/config")
            .Should()
            .Be(
                """{"EnableIPv4":true,"EnableIPv6":false,"EnableNFTables":false,"Network":"10.244.0.0/16","""
                    + """ "SubnetMin":"10.244.1.0","SubnetMax":"10.244.255.0","SubnetLen":24,""".TrimStart()
                    + """ "Backend":{"Type":"vxlan","VNI":1,"Port":4789,"GBP":false,"Learning":false,"DirectRouting":false}}""".TrimStart()
            );
    }

    [Fact]
    public async Task Of_ten_nodes_that_write_different_ones_at_once_one_wins_and_the_others_refuse()
    {
        string[] results = await Task.WhenAll(
            Enumerable
                .Range(1, 10)
                .Select(n =>
                    Task.Run(async () =>
                    {
                        using TestNode node = new(etcd.Server, _prefix, n);
                        try
                        {
                            await node.Store.EnsureConfigAsync(Wanted($"10.{n}.0.0/16"));
                            return "ok";
                        }
                        catch (ClusterException e) when (e.Kind == ClusterErrorKind.ConfigMismatch)
                        {
                            return e.Message;
                        }
                    })
                )
        );

        results.Count(r => r == "ok").Should().Be(1);
        results.Should().OnlyContain(r => r == "ok" || (r.Contains("Network is 10.") && r.Contains("in etcd")));
    }

    [Fact]
    public async Task A_contradiction_names_key_field_and_both_values_and_changes_nothing()
    {
        etcd.Server.Put($"{_prefix}/config", """{"Network":"10.5.0.0/16","SubnetLen":25,"Backend":{"Type":"vxlan"}}""");
        using TestNode node = new(etcd.Server, _prefix, 1);

        Func<Task> ensure = () => node.Store.EnsureConfigAsync(Wanted());

        (await ensure.Should().ThrowAsync<ClusterException>())
            .Which.Message.Should()
            .Contain($"{_prefix}/config")
            .And.Contain("Network is 10.244.0.0/16 here and 10.5.0.0/16 in etcd")
            .And.Contain("SubnetLen is 24 here and 25 in etcd")
            .And.Contain("Backend.Port is 4789 here and 8472 in etcd");
        etcd.Server.Get($"{_prefix}/config").Should().StartWith("""{"Network":"10.5.0.0/16","SubnetLen":25""");
    }

    [Fact]
    public async Task What_the_node_leaves_open_is_taken_from_etcd()
    {
        etcd.Server.Put(
            $"{_prefix}/config",
            """{"network":"10.5.0.0/16","subnetlen":26,"SUBNETMIN":"10.5.9.0","Backend":{"type":"host-gw"}}"""
        );
        using TestNode node = new(etcd.Server, _prefix, 1);

        NetworkConfig valid = await node.Store.EnsureConfigAsync(NetworkConfig.Create(IPNetwork.Parse("10.5.0.0/16")));

        valid.IPv4.SubnetLen.Should().Be(26);
        valid.IPv4.SubnetMin.Should().Be(IPAddress.Parse("10.5.9.0"));
        valid.Backend!.Type.Should().Be("host-gw");
    }

    [Fact]
    public async Task A_configuration_that_cannot_be_used_is_told_with_its_key_and_value()
    {
        etcd.Server.Put($"{_prefix}/config", """{"Network":"10.5.0.0/33"}""");
        using TestNode node = new(etcd.Server, _prefix, 1);

        Func<Task> ensure = () => node.Store.EnsureConfigAsync(Wanted());

        ClusterException e = (await ensure.Should().ThrowAsync<ClusterException>()).Which;
        e.Kind.Should().Be(ClusterErrorKind.ConfigInvalid);
        e.Message.Should().Contain($"{_prefix}/config").And.Contain("config.Network").And.Contain("'10.5.0.0/33'");
    }
}
