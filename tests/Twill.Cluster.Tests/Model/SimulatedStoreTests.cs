using System.Globalization;
using Twill.Testing;

namespace Twill.Cluster.Tests.Model;

/// <summary>The simulated etcd answers as the real one does: both are asked the same, whatever chance finds.</summary>
[Collection(nameof(SharedEtcd))]
[RequiresEtcd]
public sealed class SimulatedStoreTests(SharedEtcd etcd)
{
    private static readonly string[] s_names = ["subnets/a", "subnets/b", "subnets/b&c", "nodes/a"];

    [Fact]
    public async Task Three_hundred_calls_are_answered_as_by_a_real_etcd()
    {
        using EtcdClient real = etcd.NewClient();
        string prefix = SharedEtcd.NewPrefix();
        var simulated = new SimulatedStore(() => 0);
        var random = new Random(4);
        Dictionary<long, long> revisions = new() { [0] = 0 };
        List<(long Real, long Simulated)> leases = [(0, 0), (987654321, 987654321)];

        for (int i = 0; i < 300; i++)
        {
            int kind = random.Next(10);
            (long Real, long Simulated) lease = leases[random.Next(leases.Count)];
            if (kind == 0)
            {
                leases.Add(((await real.LeaseGrantAsync(600)).Id, simulated.Grant(600).Id));
            }
            else if (kind == 1 && lease.Real != 0)
            {
                (await real.LeaseRevokeAsync(lease.Real)).Should().Be(simulated.Revoke(lease.Simulated));
            }
            else if (kind == 2 && lease.Real != 0)
            {
                (await real.LeaseKeepAliveAsync(lease.Real)).Ttl.Should().Be(simulated.KeepAlive(lease.Simulated).Ttl);
            }
            else if (kind == 3)
            {
                EtcdRange range = Range(random);
                (await real.DeleteAsync(range)).Should().Be(simulated.Delete(range));
            }
            else
            {
                int seed = random.Next();
                string outcome = await Outcome(async () => (await real.TxnAsync(Txn(seed, isReal: true))).Succeeded);
                outcome.Should().Be(await Outcome(() => Task.FromResult(simulated.Txn(Txn(seed, isReal: false)).Succeeded)), $"call {i}");
            }
            await Compare();
        }
        leases.Count.Should().BeGreaterThan(10);

        EtcdRange Range(Random r) =>
            r.Next(2) == 0
                ? EtcdRange.Of($"{prefix}/{s_names[r.Next(s_names.Length)]}")
                : EtcdRange.Prefix($"{prefix}/{s_names[r.Next(s_names.Length)]}");

        // The same transaction for both: what it compares with is what the simulated store holds, or half the time something else.
        EtcdTxn Txn(int seed, bool isReal)
        {
            var r = new Random(seed);
            var txn = new EtcdTxn();
            for (int n = r.Next(3); n > 0; n--)
            {
                string key = $"{prefix}/{s_names[r.Next(s_names.Length)]}";
                KeyValue? now = simulated.Find(key);
                long mod =
                    r.Next(3) == 0 || now is null ? 0
                    : isReal ? revisions.First(p => p.Value == now.ModRevision).Key
                    : now.ModRevision;
                int l = r.Next(leases.Count);
                long lease =
                    r.Next(2) == 0 || now is null ? Lease(l)
                    : isReal ? leases.First(p => p.Simulated == now.Lease).Real
                    : now.Lease;
                txn = r.Next(4) switch
                {
                    0 => txn.IfAbsent(key),
                    1 => txn.IfPrefixAbsent(key),
                    2 => txn.IfModRevision(key, mod),
                    _ => txn.IfLease(key, lease),
                };
            }
            foreach (string name in s_names)
            {
                int what = r.Next(5),
                    l = r.Next(leases.Count);
                if (what == 0)
                {
                    txn.Then(EtcdOp.Put($"{prefix}/{name}", $"{seed}", Lease(l)));
                }

                if (what == 1)
                {
                    txn.Then(EtcdOp.Delete(EtcdRange.Of($"{prefix}/{name}")));
                }

                if (what == 2)
                {
                    txn.Else(EtcdOp.Put($"{prefix}/{name}", $"{seed}", Lease(l)));
                }
            }
            return txn;

            long Lease(int index) => isReal ? leases[index].Real : leases[index].Simulated;
        }

        async Task Compare()
        {
            IReadOnlyList<KeyValue> there = (await real.RangeAsync(EtcdRange.Prefix(prefix))).Items,
                here = simulated.Range(EtcdRange.Prefix(prefix)).Items;
            there.Select(kv => $"{kv.Key}={kv.Text}").Should().Equal(here.Select(kv => $"{kv.Key}={kv.Text}"));
            for (int k = 0; k < there.Count; k++)
            {
                leases.Should().Contain((there[k].Lease, here[k].Lease));
                // The real etcd counts for other tests too: what has to agree is which revisions are the same and their order.
                foreach (
                    (long a, long b) in new[]
                    {
                        (there[k].CreateRevision, here[k].CreateRevision),
                        (there[k].ModRevision, here[k].ModRevision),
                    }
                )
                {
                    if (!revisions.TryGetValue(a, out long known))
                    {
                        revisions[a] = b;
                    }
                    else
                    {
                        known.Should().Be(b);
                    }
                }
            }
            if (there.Count > 0)
            {
                int one = there.Count / 2;
                EtcdRange newer = EtcdRange.Prefix(prefix);
                IReadOnlyList<KeyValue> newerThere = (
                    await real.RangeAsync(newer with { CreatedAfter = there[one].CreateRevision })
                ).Items;
                newerThere.Select(kv => kv.Key).Should().Equal(
                    simulated.Range(newer with { CreatedAfter = here[one].CreateRevision }).Items.Select(kv => kv.Key)
                );
            }

            revisions.OrderBy(p => p.Key).Select(p => p.Value).Should().BeInAscendingOrder();
        }
    }

    private static async Task<string> Outcome(Func<Task<bool>> call)
    {
        try
        {
            return (await call()).ToString(CultureInfo.InvariantCulture);
        }
        catch (EtcdException e)
        {
            return e.Kind.ToString();
        }
    }
}
