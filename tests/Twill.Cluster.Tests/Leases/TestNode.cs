using System.Net;
using Twill.Testing;

namespace Twill.Cluster.Tests.Leases;

/// <summary>A host in a test: a client, a store, and its attributes.</summary>
internal sealed class TestNode : IDisposable
{
    private readonly EtcdClient _client;

    public TestNode(EtcdServer server, string prefix, int n)
    {
        _client = new EtcdClient(new EtcdOptions([server.Endpoint]));
        Attributes = SharedEtcd.Host(n);
        Id = $"node-{n}";
        Store = new LeaseStore(_client, prefix, Id, SharedEtcd.Clock);
    }

    public string Id { get; }

    public LeaseStore Store { get; }

    public LeaseAttributes Attributes { get; set; }

    /// <summary>A network of 16 subnets, 10.244.0.0/20 to 10.244.240.0/20.</summary>
    public static NetworkConfig Sixteen { get; } =
        NetworkConfig.Create(IPNetwork.Parse("10.244.0.0/16"), 20, IPAddress.Parse("10.244.0.0"));

    public Task<HeldLease> Acquire(NetworkConfig? config = null, long ttl = 60) => Store.AcquireAsync(config ?? Sixteen, Attributes, ttl);

    public Task<RenewResult> Renew(HeldLease held) => Store.RenewAsync(held, Attributes);

    public void Dispose() => _client.Dispose();
}
