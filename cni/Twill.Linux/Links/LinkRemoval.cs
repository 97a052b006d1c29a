using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Tmds.Linux;
using Twill.Linux.Netlink;
using Twill.Linux.Nftables;
using Twill.System;
using static Tmds.Linux.LibC;

namespace Twill.Linux.Links;

/// <summary>
/// <c>ip link del dev NAME</c> for those who need not wait for the kernel to forget it.
/// </summary>
/// <remarks>
/// RTM_DELLINK takes the link off every list within a fraction of a millisecond and announces it. The system call returns later, when
/// no processor can hold a reference any more (rcu_barrier in netdev_run_todo): 7 ms on a quiet machine, 30 on a busy one. Its name can be
/// used again long before that. So a child process makes the call, and this one goes on at the announcement. A child, because a
/// process does not end before its threads' system calls do. A DEL takes 3.6 ms with the child and 28.6 without (medians of 60, kernel
/// 6.18, two busy processors). Where nobody would reap the child, the call is made here.
/// </remarks>
public static class LinkRemoval
{
    private const int Patience = 10_000; // milliseconds; after that the call is made here, and says what is wrong

    /// <summary>Deletes a link of the calling thread's network namespace; when this returns, it is gone from it.</summary>
    /// <param name="route">A socket of that namespace.</param>
    /// <param name="link">The link.</param>
    /// <param name="held">A socket that the caller deletes something with afterwards: the child has it too, and as it is the last to
    /// close it, the caller does not wait for the kernel to free what was deleted.</param>
    /// <returns>False when there is none any more.</returns>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public static bool Run(RouteSocket route, Link link, NftSocket? held = null)
    {
        // Code that is compiled as it runs may need the compiler in the child, which is not there.
        if (!RuntimeFeature.IsDynamicCodeSupported && IsGoneAfterChild(route, link.Index, held?.Handle))
        {
            return true;
        }

        return route.DeleteLinkIfPresent(link.Index);
    }

    // False when it is still there, for whatever reason.
    private static bool IsGoneAfterChild(RouteSocket route, int index, SafeFileHandle? held)
    {
        using NetlinkMonitor announcements = NetlinkMonitor.Open(MonitorGroups.Links);
        using SafeFileHandle netlink = Libc.NetlinkSocket((int)NetlinkFamily.Route);
        (SafeFileHandle report, SafeFileHandle reporter) = Libc.Pipe();
        using (report)
        {
            using (reporter)
            {
                MessageBuffer message = new(64);
                message.Append(new DeleteLink(index), sequence: 1, NetlinkFlags.Ack);
                route.Trace(new DeleteLink(index));
                if (!Libc.TrySendFromChild(netlink, reporter, message.Bytes, held))
                {
                    return false;
                }
            }
            return IsAnnounced(announcements, report, index);
        }
    }

    private static bool IsAnnounced(NetlinkMonitor announcements, SafeFileHandle report, int index)
    {
        long deadline = Environment.TickCount64 + Patience;
        Span<pollfd> fds = stackalloc pollfd[2];
        for (long left = Patience; left > 0; left = deadline - Environment.TickCount64)
        {
            fds[0] = new() { fd = (int)announcements.Handle.DangerousGetHandle(), events = POLLIN };
            fds[1] = new() { fd = (int)report.DangerousGetHandle(), events = POLLIN };
            if (!Libc.Poll(fds, (int)left))
            {
                continue;
            }

            while (announcements.TryRead(out NetworkChange change))
            {
                if (change is { Kind: NetworkChangeKind.Link, IsRemoval: true } && change.Index == index)
                {
                    return true;
                }

                if (change.Kind == NetworkChangeKind.Everything)
                {
                    return false; // it may have been among the lost ones
                }
            }
            if (fds[1].revents != 0)
            {
                return ReportOf(report) == Errno.None;
            }
        }
        return false;
    }

    private static Errno ReportOf(SafeFileHandle report)
    {
        Span<byte> errno = stackalloc byte[sizeof(int)];
        return Libc.Read(report, errno, "the report of a link's removal") == errno.Length
            ? (Errno)MemoryMarshal.Read<int>(errno)
            : Errno.EIO;
    }
}
