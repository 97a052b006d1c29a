using Twill.Linux;
using Twill.Linux.Netlink;

namespace Twill.Agent;

/// <summary>Listens to the kernel on a thread of its own and passes on every change.</summary>
internal sealed class KernelWatch : IDisposable
{
    private const MonitorGroups Groups =
        MonitorGroups.Links
        | MonitorGroups.Neighbours
        | MonitorGroups.IPv4Addresses
        | MonitorGroups.IPv4Routes
        | MonitorGroups.IPv4Settings
        | MonitorGroups.IPv6Addresses
        | MonitorGroups.IPv6Routes
        | MonitorGroups.IPv6Settings
        | MonitorGroups.Nexthops
        | MonitorGroups.Nftables;

    private readonly NetlinkMonitor _monitor = NetlinkMonitor.Open(Groups);
    private readonly Thread _thread;
    private readonly Action<NetworkChange> _hear;
    private readonly Log _log;
    private volatile bool _stopping;

    /// <param name="hear">Called for every change, on the watching thread.</param>
    /// <param name="log">Where to tell of notifications that make no sense.</param>
    internal KernelWatch(Action<NetworkChange> hear, Log log)
    {
        (_hear, _log) = (hear, log);
        _thread = new Thread(Listen) { IsBackground = true, Name = "kernel watch" };
        _thread.Start();
    }

    /// <summary>Whether it still listens.</summary>
    internal bool IsAlive => _thread.IsAlive;

    public void Dispose()
    {
        _stopping = true;
        _monitor.Interrupt();
        _thread.Join();
        _monitor.Dispose();
    }

    private void Listen()
    {
        while (!_stopping)
        {
            try
            {
                _monitor.Wait(Timeout.InfiniteTimeSpan);
                while (_monitor.TryRead(out NetworkChange change))
                {
                    _hear(change);
                }
            }
            catch (NetlinkFormatException e)
            {
                _log.Warning($"a notification of the kernel makes no sense, and everything is compared instead: {e.Message}");
                _hear(NetworkChange.Everything);
            }
        }
    }
}
