using System.Diagnostics;
using System.Globalization;
using System.Net;
using Twill.Testing;

namespace Twill.Cluster.Tests;

/// <summary>One etcd for all tests that only use it; each works under a prefix of its own. Tests that stop or change it start their
/// own.</summary>
public sealed class SharedEtcd : IDisposable
{
    private static int s_prefixes;

    public EtcdServer Server { get; } = EtcdServer.Start();

    /// <summary>A prefix that no other test uses.</summary>
    public static string NewPrefix() => string.Create(CultureInfo.InvariantCulture, $"/test/{Interlocked.Increment(ref s_prefixes)}");

    /// <summary>Seconds on a monotonic clock.</summary>
    public static double Clock() => Stopwatch.GetTimestamp() / (double)Stopwatch.Frequency;

    /// <summary>What the n-th host of a test publishes.</summary>
    public static LeaseAttributes Host(int n) => LeaseAttributes.Vxlan(1, (IPAddress.Parse($"192.0.2.{n}"), $"02:00:00:00:00:{n:x2}"));

    /// <summary>The same on an underlay of both families.</summary>
    public static LeaseAttributes DualHost(int n) =>
        LeaseAttributes.Vxlan(
            1,
            (IPAddress.Parse($"192.0.2.{n}"), $"02:00:00:00:00:{n:x2}"),
            (IPAddress.Parse($"2001:db8::{n}"), $"02:00:00:00:06:{n:x2}")
        );

    /// <summary>A lease by its subnets.</summary>
    public static SubnetKey Lease(string subnet, string? subnetV6 = null) =>
        new(IPNetwork.Parse(subnet), subnetV6 is null ? null : IPNetwork.Parse(subnetV6));

    public EtcdClient NewClient() => new(new EtcdOptions([Server.Endpoint]));

    /// <summary>The keys under a prefix, as etcdctl lists them.</summary>
    public string[] Keys(string prefix) =>
        Server.Etcdctl("get", "--prefix", "--keys-only", prefix).Split('\n', StringSplitOptions.RemoveEmptyEntries);

    public void Dispose() => Server.Dispose();
}

[CollectionDefinition(nameof(SharedEtcd))]
public sealed class SharedEtcdCollection : ICollectionFixture<SharedEtcd>;
