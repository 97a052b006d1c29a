using System.Text;
using Microsoft.Win32.SafeHandles;
using Tmds.Linux;
using static Tmds.Linux.LibC;

namespace Twill.System;

internal static unsafe partial class Libc
{
    /// <summary>Connects to a socket in the file system; the handle does not block.</summary>
    /// <exception cref="LibcException">ENOENT: there is none; ECONNREFUSED: nobody listens any more.</exception>
    internal static SafeFileHandle ConnectUnix(string path)
    {
        sockaddr_un address = new() { sun_family = AF_UNIX };
        if (Encoding.UTF8.GetByteCount(path) >= 108)
        {
            throw new LibcException($"connect {path}", Errno.ENAMETOOLONG);
        }

        Encoding.UTF8.GetBytes(path, new Span<byte>(address.sun_path, 107));
        SafeFileHandle opened = Opened(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), $"connect {path}");
        using Descriptor fd = new(opened);
        if (connect(fd.Number, (sockaddr*)&address, sizeof(sockaddr_un)) == 0)
        {
            return opened;
        }

        var failure = LibcException.Last($"connect {path}");
        opened.Dispose();
        throw failure;
    }

    /// <summary>Sends what a stream takes at once.</summary>
    /// <returns>How many bytes; 0 when it takes none now.</returns>
    internal static int SendSome(SafeFileHandle handle, ReadOnlySpan<byte> bytes, string path)
    {
        using Descriptor fd = new(handle);
        fixed (byte* first = bytes)
        {
            long length = send(fd.Number, first, bytes.Length, MSG_NOSIGNAL);
            if (length >= 0)
            {
                return (int)length;
            }

            return LastError is Errno.EAGAIN or Errno.EINTR ? 0 : throw LibcException.Last($"send to {path}");
        }
    }

    /// <summary>Receives what a stream has.</summary>
    /// <returns>How many bytes, 0 at its end; -1 when there are none now.</returns>
    internal static int ReceiveSome(SafeFileHandle handle, Span<byte> buffer, string path)
    {
        using Descriptor fd = new(handle);
        fixed (byte* first = buffer)
        {
            long length = read(fd.Number, first, buffer.Length);
            if (length >= 0)
            {
                return (int)length;
            }

            return LastError is Errno.EAGAIN or Errno.EINTR ? -1 : throw LibcException.Last($"receive from {path}");
        }
    }
}
