using Microsoft.Win32.SafeHandles;
using Tmds.Linux;
using Twill.Linux.Netlink;
using Twill.System;
using static Tmds.Linux.LibC;

namespace Twill.Linux;

/// <summary>
/// Hears of changes in one network namespace, whoever makes them: what <c>ip monitor</c> does. Made for those who compare the whole
/// state anyway and want to know when: nothing is ever missed silently, since lost notifications are told as
/// <see cref="NetworkChangeKind.Everything"/>.
/// </summary>
public sealed class NetlinkMonitor : IDisposable
{
    private readonly List<NotificationSocket> _sockets = [];
    private readonly SafeFileHandle _interrupt = Libc.EventFd();

    private NetlinkMonitor() { }

    /// <summary>
    /// Readable (POLLIN) when there is something to <see cref="TryRead"/>: for callers that listen to one family only and wait for several
    /// things at once.
    /// </summary>
    public SafeFileHandle Handle => _sockets[0].Handle;

    /// <summary>Listens in the network namespace of the calling thread. What happens from now on is heard.</summary>
    /// <param name="groups">What to hear of.</param>
    /// <param name="receiveBuffer">Room for notifications that were not read yet, in bytes.</param>
    /// <exception cref="LibcException">Descriptors ran out.</exception>
    public static NetlinkMonitor Open(MonitorGroups groups, int receiveBuffer = 4 << 20)
    {
        NetlinkMonitor monitor = new();
        try
        {
            if ((groups & ~MonitorGroups.Nftables) != 0)
            {
                monitor._sockets.Add(NotificationSocket.Open(NetlinkFamily.Route, (uint)(groups & ~MonitorGroups.Nftables), receiveBuffer));
            }

            if ((groups & MonitorGroups.Nftables) != 0)
            {
                monitor._sockets.Add(NotificationSocket.Open(NetlinkFamily.Netfilter, NotificationSocket.NftablesGroup, receiveBuffer));
            }

            return monitor;
        }
        catch
        {
            monitor.Dispose();
            throw;
        }
    }

    /// <summary>Listens in a network namespace.</summary>
    /// <exception cref="LibcException">Descriptors ran out, or CAP_SYS_ADMIN is missing.</exception>
    public static NetlinkMonitor Open(NetNs ns, MonitorGroups groups, int receiveBuffer = 4 << 20) =>
        ns.Visit(() => Open(groups, receiveBuffer));

    /// <summary>Waits for a change.</summary>
    /// <param name="timeout">The longest wait; <see cref="Timeout.InfiniteTimeSpan"/> for no limit.</param>
    /// <param name="cancel">Ends the wait.</param>
    /// <returns>True when there is something to <see cref="TryRead"/>; false when the time was over, or <see cref="Interrupt"/> or
    /// cancellation came.</returns>
    public bool Wait(TimeSpan timeout, CancellationToken cancel = default)
    {
        foreach (NotificationSocket socket in _sockets)
        {
            if (socket.HasMore)
            {
                return true;
            }
        }
        using CancellationTokenRegistration registration = cancel.Register(static m => ((NetlinkMonitor)m!).Interrupt(), this);
        long deadline = timeout == Timeout.InfiniteTimeSpan ? long.MaxValue : Environment.TickCount64 + (long)timeout.TotalMilliseconds;
        Span<pollfd> fds = stackalloc pollfd[1 + _sockets.Count];
        while (true)
        {
            long left = deadline == long.MaxValue ? -1 : Math.Max(0, deadline - Environment.TickCount64);
            fds[0] = Readable(_interrupt);
            for (int i = 0; i < _sockets.Count; i++)
            {
                fds[1 + i] = Readable(_sockets[i].Handle);
            }

            bool ready = Libc.Poll(fds, (int)Math.Min(left, int.MaxValue));
            if (fds[0].revents != 0)
            {
                Libc.Reset(_interrupt);
            }

            if (ready)
            {
                return fds[0].revents == 0;
            }

            if (left == 0)
            {
                return false; // a signal ends a poll as well: then there is time left
            }
        }
    }

    /// <summary>Ends the <see cref="Wait"/> of another thread, or the next one. The one method that any thread may call at any
    /// time.</summary>
    public void Interrupt() => Libc.Signal(_interrupt);

    /// <summary>Takes the next change, without waiting.</summary>
    /// <returns>False when there is none at present.</returns>
    /// <exception cref="NetlinkFormatException">A notification was malformed: it is dropped, the next call goes on behind it.</exception>
    public bool TryRead(out NetworkChange change)
    {
        foreach (NotificationSocket socket in _sockets)
        {
            if (socket.TryRead(out change))
            {
                return true;
            }
        }
        change = default;
        return false;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _sockets.ForEach(socket => socket.Dispose());
        _interrupt.Dispose();
    }

    private static pollfd Readable(SafeFileHandle handle) => new() { fd = (int)handle.DangerousGetHandle(), events = POLLIN };
}
