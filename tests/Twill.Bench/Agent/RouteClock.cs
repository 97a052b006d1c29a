using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using Twill.Linux;

namespace Twill.Bench.Agent;

/// <summary>Notes when routes come to be and go in a network namespace, by the kernel's own notifications. A route is what the agent writes
/// last.</summary>
internal sealed class RouteClock : IDisposable
{
    private const byte Twill = 116;

    private readonly NetlinkMonitor _monitor;
    private readonly Thread _thread;
    private readonly ConcurrentDictionary<(IPNetwork, bool), long> _seen = [];
    private readonly AutoResetEvent _news = new(false);
    private volatile bool _stop;
    private volatile int _present;

    public RouteClock(int pid)
    {
        using NetNs ns = NetNs.Open($"/proc/{pid}/ns/net");
        _monitor = NetlinkMonitor.Open(ns, MonitorGroups.IPv4Routes, receiveBuffer: 64 << 20);
        _thread = new Thread(Listen) { IsBackground = true };
        _thread.Start();
    }

    /// <summary>Waits until so many routes are there, and gives the time at which the last one came.</summary>
    public long WaitForCount(int routes, TimeSpan limit) =>
        Wait(() => _present >= routes, limit, $"{routes} routes (there are {_present})");

    /// <summary>Waits until a route has come (or gone), and gives the time at which it did.</summary>
    public long WaitFor(IPNetwork subnet, bool removal)
    {
        Wait(() => _seen.ContainsKey((subnet, removal)), TimeSpan.FromSeconds(20), $"route {subnet} {(removal ? "gone" : "there")}");
        return _seen[(subnet, removal)];
    }

    public void Dispose()
    {
        _stop = true;
        _monitor.Interrupt();
        _thread.Join();
        _monitor.Dispose();
    }

    private long Wait(Func<bool> done, TimeSpan limit, string what)
    {
        long began = Stopwatch.GetTimestamp();
        while (!done())
        {
            if (Stopwatch.GetElapsedTime(began) > limit)
            {
                throw new TimeoutException($"not within {limit.TotalSeconds} s: {what}");
            }

            _news.WaitOne(50);
        }
        return Stopwatch.GetTimestamp();
    }

    private void Listen()
    {
        while (!_stop)
        {
            if (!_monitor.Wait(Timeout.InfiniteTimeSpan))
            {
                continue;
            }

            while (_monitor.TryRead(out NetworkChange change))
            {
                long now = Stopwatch.GetTimestamp();
                if (change.Kind == NetworkChangeKind.Everything)
                {
                    throw new InvalidOperationException("notifications were lost: the buffer is too small");
                }

                if (change.Route is not { Protocol: Twill } route)
                {
                    continue;
                }

                if (_seen.TryAdd((route.Destination, change.IsRemoval), now))
                {
                    _present += change.IsRemoval ? -1 : 1;
                }
            }
            _news.Set();
        }
    }
}
