using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Twill.System;

internal static unsafe partial class Libc
{
    private const int AF_UNIX = 1;
    private const int SOCK_STREAM = 1;
    private const int SOCK_NONBLOCK = 0x800;
    private const int MSG_NOSIGNAL = 0x4000;

    [StructLayout(LayoutKind.Sequential)]
    private struct SockAddrUnix // struct sockaddr_un
    {
        internal ushort Family; // sun_family
        internal fixed byte Path[108]; // sun_path
    }

    /// <summary>Connects to a socket in the file system; the handle does not block.</summary>
    /// <exception cref="LibcException">ENOENT: there is none; ECONNREFUSED: nobody listens any more.</exception>
    internal static SafeFileHandle ConnectUnix(string path)
    {
        SockAddrUnix address = new() { Family = AF_UNIX };
        if (Encoding.UTF8.GetByteCount(path) >= 108)
        {
            throw new LibcException($"connect {path}", Errno.ENAMETOOLONG);
        }

        Encoding.UTF8.GetBytes(path, new Span<byte>(address.Path, 107));
        SafeFileHandle socket = Opened(Libc.socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), $"connect {path}");
        using Descriptor fd = new(socket);
        if (connect(fd.Number, &address, (uint)sizeof(SockAddrUnix)) == 0)
        {
            return socket;
        }

        var failure = LibcException.Last($"connect {path}");
        socket.Dispose();
        throw failure;
    }

    /// <summary>Sends what a stream takes at once.</summary>
    /// <returns>How many bytes; 0 when it takes none now.</returns>
    internal static int SendSome(SafeFileHandle socket, ReadOnlySpan<byte> bytes, string path)
    {
        using Descriptor fd = new(socket);
        fixed (byte* first = bytes)
        {
            nint length = send(fd.Number, first, (nuint)bytes.Length, MSG_NOSIGNAL);
            if (length >= 0)
            {
                return (int)length;
            }

            return LastError is Errno.EAGAIN or Errno.EINTR ? 0 : throw LibcException.Last($"send to {path}");
        }
    }

    /// <summary>Receives what a stream has.</summary>
    /// <returns>How many bytes, 0 at its end; -1 when there are none now.</returns>
    internal static int ReceiveSome(SafeFileHandle socket, Span<byte> buffer, string path)
    {
        using Descriptor fd = new(socket);
        fixed (byte* first = buffer)
        {
            nint length = read(fd.Number, first, (nuint)buffer.Length);
            if (length >= 0)
            {
                return (int)length;
            }

            return LastError is Errno.EAGAIN or Errno.EINTR
                ? -1
                : throw LibcException.Last($"receive from {path}");
        }
    }
}
