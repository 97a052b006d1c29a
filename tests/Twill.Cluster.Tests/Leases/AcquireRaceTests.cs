using Twill.Testing;

namespace Twill.Cluster.Tests.Leases;

[Collection(nameof(SharedEtcd))]
[RequiresEtcd]
public sealed class AcquireRaceTests(SharedEtcd etcd)
{
    [Fact]
    public async Task Of_twenty_nodes_at_once_on_sixteen_subnets_exactly_sixteen_win_distinct_ones()
    {
        string prefix = SharedEtcd.NewPrefix();
        ((int)TestNode.Sixteen.IPv4.Count).Should().Be(16);

        (HeldLease? Held, ClusterException? Error)[] results = await Task.WhenAll(
            Enumerable.Range(1, 20).Select(n => Task.Run(() => Start(n, prefix)))
        );

        results.Count(r => r.Held is not null).Should().Be(16);
        results.Where(r => r.Held is not null).Select(r => r.Held!.Subnets.Single()).Should().OnlyHaveUniqueItems();
        foreach (ClusterException? error in results.Select(r => r.Error).Where(e => e is not null))
        {
            error!.Kind.Should().Be(ClusterErrorKind.NetworkFull);
            error.Message.Should().Contain("all 16 subnets").And.Contain("10.244.0.0/16");
        }
        etcd.Keys($"{prefix}/subnets/")
            .Should()
            .BeEquivalentTo(Enumerable.Range(0, 16).Select(i => $"{prefix}/subnets/10.244.{16 * i}.0-20"));
        etcd.Keys($"{prefix}/twill/nodes/").Should().HaveCount(16);
    }

    [Fact]
    public async Task Twenty_nodes_that_race_for_the_subnets_of_sixteen_gone_ones_get_sixteen_of_them()
    {
        string prefix = SharedEtcd.NewPrefix();
        for (int n = 1; n <= 16; n++)
        {
            etcd.Server.Put(
                $"{prefix}/twill/nodes/gone-{n}",
                $$"""{"publicIP":"192.0.2.99","lease":"1","subnets":["10.244.{{16 * (n - 1)}}.0/20"]}"""
            );
        }

        (HeldLease? Held, ClusterException? Error)[] results = await Task.WhenAll(
            Enumerable.Range(1, 20).Select(n => Task.Run(() => Start(n, prefix)))
        );

        results.Where(r => r.Held is not null).Select(r => r.Held!.Subnets.Single()).Should().OnlyHaveUniqueItems().And.HaveCount(16);
        etcd.Keys($"{prefix}/twill/nodes/")
            .Should()
            .HaveCount(16)
            .And.OnlyContain(k => k.Contains("/node-"), "the gone ones' memory went with their subnets");
    }

    [Fact]
    public async Task Four_starts_of_the_same_node_at_once_leave_it_with_one_subnet()
    {
        string prefix = SharedEtcd.NewPrefix();

        (HeldLease? Held, ClusterException? Error)[] results = await Task.WhenAll(
            Enumerable.Range(1, 4).Select(_ => Task.Run(() => Start(1, prefix)))
        );

        results.Select(r => r.Held!.Subnets.Single()).Distinct().Should().HaveCount(1);
        etcd.Keys($"{prefix}/subnets/").Should().HaveCount(1);
    }

    private async Task<(HeldLease? Held, ClusterException? Error)> Start(int n, string prefix)
    {
        using TestNode node = new(etcd.Server, prefix, n);
        try
        {
            await node.Store.EnsureConfigAsync(TestNode.Sixteen);
            return (await node.Acquire(), null);
        }
        catch (ClusterException e)
        {
            return (null, e);
        }
    }
}
