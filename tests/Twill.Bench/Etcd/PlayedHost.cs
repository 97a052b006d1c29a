using System.Diagnostics;
using System.Net;
using Twill.Cluster;
using Twill.Network.State;
using Twill.System;

namespace Twill.Bench.Etcd;

/// <summary>
/// A host as etcd sees it: it leases a subnet, keeps it, and watches the leases of all and the configuration, by the library and at the
/// pace
/// of the agent, over a connection of its own. It has no kernel, and its files are in memory.
/// </summary>
internal sealed class PlayedHost : IDisposable
{
    private const string Network = "load";
    private const int Ttl = 86_400; // ipam.leaseTtl unless configured

    private static readonly NetworkConfig s_network = NetworkConfig.Create(IPNetwork.Parse("10.0.0.0/8"), subnetLen: 24);

    private readonly EtcdClient _client;
    private readonly LeaseStore _store;
    private readonly LeaseManager _manager;
    private readonly LeaseAttributes _attributes;
    private readonly CancellationTokenSource _stop = new();
    private readonly HashSet<string> _added = [];
    private long _newestCreated;
    private Task _running = Task.CompletedTask;

    /// <summary>A host that does nothing yet.</summary>
    /// <param name="number">Which one it is, from 0.</param>
    /// <param name="endpoint">Where etcd is.</param>
    public PlayedHost(int number, string endpoint)
    {
        string id = $"host-{number}";
        MemoryState state = new();
        _client = new EtcdClient(new EtcdOptions([endpoint]));
        _store = new LeaseStore(_client, Prefix, id, () => BootClock.Now)
        {
            Instance = new HostInstance($"incarnation-{number}", Network, _ => state.File is not null, "none") { Renew = former => former },
        };
        _manager = new LeaseManager(_store, new LeaseRequest(Network, s_network, Ttl, id, BootClock.BootId, Prefix), state, new NoLog());
        byte[] address = [172, (byte)(16 + (number >> 16)), (byte)(number >> 8), (byte)number];
        string mac = $"02:cc:00:{number >> 16 & 0xff:x2}:{number >> 8 & 0xff:x2}:{number & 0xff:x2}";
        _attributes = LeaseAttributes.Vxlan(1, (new IPAddress(address), mac));
    }

    /// <summary>The prefix of the network in etcd.</summary>
    public static string Prefix => $"/twill/{Network}";

    /// <summary>How many leases it knows of.</summary>
    public int Known { get; private set; }

    /// <summary>When it was told something last, in ticks of <see cref="Stopwatch"/>.</summary>
    public long ToldAt { get; private set; }

    /// <summary>Milliseconds from <see cref="Start"/> to its lease; null: it has none.</summary>
    public double? JoinedMs { get; private set; }

    /// <summary>Whether its watch runs.</summary>
    public bool IsWatching { get; private set; }

    /// <summary>Steps of the lease that failed, breaks of the watch, lists of all leases, and goings on without one.</summary>
    public int Failures { get; private set; }

    public int Breaks { get; private set; }

    public int Lists { get; private set; }

    public int Resumptions { get; private set; }

    /// <summary>Joins, and stays.</summary>
    public void Start() => _running = Task.WhenAll(KeepAsync(), WatchAsync(), _store.WatchConfigAsync(static () => { }, _stop.Token));

    public void Dispose()
    {
        _stop.Cancel();
        ((Task)_running).ContinueWith(static _ => { }, TaskScheduler.Default).Wait();
        _client.Dispose();
        _stop.Dispose();
    }

    private async Task KeepAsync()
    {
        long began = Stopwatch.GetTimestamp();
        TimeSpan retry = TimeSpan.Zero;
        while (true)
        {
            try
            {
                await _manager.StepAsync(null, () => _attributes, _stop.Token).ConfigureAwait(false);
                JoinedMs ??= Stopwatch.GetElapsedTime(began).TotalMilliseconds;
                retry = TimeSpan.Zero;
            }
            catch (Exception e) when (e is EtcdException or ClusterException)
            {
                Failures++;
                retry = _manager.RetryAfter(retry);
            }

            await Task.Delay(retry == TimeSpan.Zero ? _manager.RenewAfter : retry, _stop.Token).ConfigureAwait(false);
        }
    }

    private async Task WatchAsync()
    {
        await foreach (LeaseEvent told in _store.WatchAsync(_stop.Token).ConfigureAwait(false))
        {
            IsWatching = told is not WatchInterrupted;
            switch (told)
            {
                case WatchInterrupted:
                    Breaks++;
                    break;
                case WatchResumed:
                    Resumptions++;
                    break;
                case LeaseSnapshot all:
                    Lists++;
                    Known = all.Leases.Count;
                    foreach (NodeLease lease in all.Leases)
                    {
                        _newestCreated = Math.Max(_newestCreated, lease.Created);
                    }

                    break;
                case LeaseChanged { Lease: var lease } when lease.Created > _newestCreated:
                    _newestCreated = lease.Created;
                    _added.Add(lease.Key);
                    Known++;
                    break;
                case LeaseRemoved { Key: var key } when _added.Remove(key):
                    Known--;
                    break;
            }

            ToldAt = Stopwatch.GetTimestamp();
        }
    }

    /// <summary>The lease file, in memory.</summary>
    private sealed class MemoryState : ILeaseState
    {
        internal SubnetFile? File { get; private set; }

        public IDisposable Lock(TimeSpan timeout) => new MemoryStream();

        public SubnetFile? Read(out string? problem)
        {
            problem = null;
            return File;
        }

        public void Write(SubnetFile file) => File = file;

        public bool HasContainers(IPNetwork subnet) => false;
    }

    private sealed class NoLog : ILeaseLog;
}
