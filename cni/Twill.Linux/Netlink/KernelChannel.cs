using Microsoft.Win32.SafeHandles;
using Tmds.Linux;
using Twill.System;
using static Tmds.Linux.LibC;

namespace Twill.Linux.Netlink;

/// <summary>A netlink socket of the kernel's, in the network namespace of the thread that opened it.</summary>
internal sealed class KernelChannel : INetlinkChannel
{
    private const int NETLINK_CAP_ACK = 10,
        NETLINK_EXT_ACK = 11,
        NETLINK_GET_STRICT_CHK = 12;
    private const int DumpReceiveBuffer = 1 << 20;
    private const int AnswerWithinMilliseconds = 10_000;

    private readonly SafeFileHandle _fd;
    private int _roomFor = 4096; // datagrams up to this length, and all answers to them, fit into the buffers a socket has at first
    private bool _preparedForDumps;

    private KernelChannel(SafeFileHandle fd) => _fd = fd;

    /// <exception cref="LibcException">The kernel lacks the family, or descriptors ran out.</exception>
    internal static KernelChannel Open(NetlinkFamily family)
    {
        SafeFileHandle fd = Libc.NetlinkSocket((int)family);
        // Both are refinements that kernels before 4.12 and 4.2 lack: without them errors have no text and repeat the request.
        Libc.TrySetOption(fd, SOL_NETLINK, NETLINK_EXT_ACK, 1);
        Libc.TrySetOption(fd, SOL_NETLINK, NETLINK_CAP_ACK, 1);
        return new KernelChannel(fd);
    }

    public uint PortId => Libc.PortId(_fd);

    public SafeFileHandle Handle => _fd;

    public void Send(ReadOnlySpan<byte> datagram)
    {
        if (datagram.Length > _roomFor)
        {
            MakeRoomFor(datagram.Length);
        }

        Libc.Send(_fd, datagram);
    }

    /// <remarks>
    /// The kernel answers inside the system call that sends, so the answer is there when <see cref="Send"/> returns and no call
    /// needs to wait. Where one must after all, the time limit keeps a lost answer from hanging the caller for ever.
    /// </remarks>
    public int Receive(Span<byte> buffer)
    {
        while (true)
        {
            int length = TryReceive(buffer, out uint sender);
            if (length < 0)
            {
                AwaitAnswer();
                continue;
            }
            if (sender != 0)
            {
                continue; // any process may send to a netlink port: only the kernel is believed
            }

            return length <= buffer.Length
                ? length
                : throw new NetlinkException("receive", Errno.EMSGSIZE, $"a datagram of {length} bytes, room for {buffer.Length}");
        }
    }

    public void PrepareForDumps()
    {
        if (_preparedForDumps)
        {
            return;
        }

        _preparedForDumps = true;
        Libc.TrySetOption(_fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1); // kernels before 4.20 list all: callers filter as well
        if (!Libc.TrySetOption(_fd, SOL_SOCKET, SO_RCVBUFFORCE, DumpReceiveBuffer))
        {
            Libc.TrySetOption(_fd, SOL_SOCKET, SO_RCVBUF, DumpReceiveBuffer);
        }
    }

    public void Dispose() => _fd.Dispose();

    // Large batches exceed the send buffer (EMSGSIZE), and their answers the receive buffer (ENOBUFS) when every message is refused: of
    // some 36 bytes each, while an answer is charged with some 1,200. These are limits: nothing is allocated.
    private void MakeRoomFor(int length)
    {
        _roomFor = length;
        Libc.TrySetOption(_fd, SOL_SOCKET, SO_SNDBUFFORCE, length);
        Libc.TrySetOption(_fd, SOL_SOCKET, SO_RCVBUFFORCE, (int)Math.Max(DumpReceiveBuffer, Math.Min(16L * length, int.MaxValue / 2)));
    }

    private void AwaitAnswer()
    {
        long deadline = Environment.TickCount64 + AnswerWithinMilliseconds;
        Span<pollfd> fds = [new() { fd = (int)_fd.DangerousGetHandle(), events = POLLIN }];
        // A signal ends the wait as well: then there is time left.
        for (long left = AnswerWithinMilliseconds; !Libc.Poll(fds, (int)left); left = Math.Max(0, deadline - Environment.TickCount64))
        {
            if (left == 0)
            {
                throw new NetlinkException("receive", Errno.ETIMEDOUT, "the kernel did not answer");
            }
        }
    }

    private int TryReceive(Span<byte> buffer, out uint sender)
    {
        try
        {
            return Libc.TryReceive(_fd, buffer, out sender);
        }
        catch (LibcException e)
        {
            throw new NetlinkException("receive", e.Errno);
        }
    }
}
