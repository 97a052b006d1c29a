using Microsoft.Win32.SafeHandles;
using Twill.System;
using static Tmds.Linux.LibC;

namespace Twill.Linux.Netlink;

/// <summary>A netlink socket that only listens: one datagram at a time, cut into changes.</summary>
internal sealed class NotificationSocket : IDisposable
{
    /// <summary>NFNLGRP_NFTABLES (7) as bind(2) takes it.</summary>
    internal const uint NftablesGroup = 1 << 6;

    private readonly byte[] _buffer = new byte[32 * 1024];
    private int _offset,
        _length; // what of the last datagram is not read yet

    private NotificationSocket(SafeFileHandle handle) => Handle = handle;

    /// <summary>Readable (POLLIN) when there is another datagram.</summary>
    internal SafeFileHandle Handle { get; }

    /// <summary>Whether a part of the last datagram is still to be read.</summary>
    internal bool HasMore => _offset < _length;

    /// <param name="family">What to listen to.</param>
    /// <param name="groups">Its groups, a bit each.</param>
    /// <param name="receiveBuffer">Room for notifications that were not read yet, in bytes.</param>
    /// <exception cref="LibcException">The kernel lacks the family, or descriptors ran out.</exception>
    internal static NotificationSocket Open(NetlinkFamily family, uint groups, int receiveBuffer)
    {
        SafeFileHandle socket = Libc.NetlinkSocket((int)family);
        try
        {
            if (!Libc.TrySetOption(socket, SOL_SOCKET, SO_RCVBUFFORCE, receiveBuffer))
            {
                Libc.TrySetOption(socket, SOL_SOCKET, SO_RCVBUF, receiveBuffer);
            }

            Libc.Bind(socket, groups);
            return new NotificationSocket(socket);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Takes the next change, without waiting.</summary>
    /// <returns>False when there is none at present.</returns>
    /// <exception cref="NetlinkFormatException">A notification was malformed: it is dropped, the next call goes on behind it.</exception>
    internal bool TryRead(out NetworkChange change)
    {
        while (true)
        {
            while (_offset < _length)
            {
                ReadOnlySpan<byte> rest = _buffer.AsSpan(_offset, _length - _offset);
                _offset = _length; // in case the next line throws
                NetlinkMessages messages = new(rest);
                if (!messages.TryRead(out NetlinkMessage message))
                {
                    break;
                }

                _offset = _length - messages.Remaining;
                if (NetworkChange.TryDecode(in message, out change))
                {
                    return true;
                }
            }
            int length;
            try
            {
                length = Libc.TryReceive(Handle, _buffer, out uint sender);
                if (length >= 0 && sender != 0)
                {
                    continue; // any process may send to a netlink port: only the kernel is believed
                }
            }
            catch (LibcException e) when (e.Errno == Errno.ENOBUFS)
            {
                length = int.MaxValue;
            }
            change = NetworkChange.Everything;
            if (length < 0)
            {
                return false;
            }

            if (length > _buffer.Length)
            {
                return true;
            }

            (_offset, _length) = (0, length);
        }
    }

    public void Dispose() => Handle.Dispose();
}
