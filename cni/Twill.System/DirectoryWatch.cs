using System.Text;
using Microsoft.Win32.SafeHandles;
using Tmds.Linux;
using static Tmds.Linux.LibC;

namespace Twill.System;

/// <summary>
/// Hears on a thread of its own which files of a directory are written and removed (inotify). What is lost, because it came too fast or
/// the directory itself went, is told: then the directory is to be read.
/// </summary>
public sealed class DirectoryWatch : IDisposable
{
    private readonly SafeFileHandle _interrupt = Libc.EventFd(),
        _inotify;
    private readonly Action<string?> _changed;
    private readonly Thread _thread;
    private volatile bool _stopping;

    /// <param name="path">The directory, which is there.</param>
    /// <param name="changed">Called with the name of a file that was written or removed; with null when anything may have
    /// changed. On the watching thread.</param>
    /// <exception cref="LibcException">It cannot be watched.</exception>
    public DirectoryWatch(string path, Action<string?> changed)
    {
        _changed = changed;
        try
        {
            _inotify = Libc.WatchDirectory(path);
        }
        catch
        {
            _interrupt.Dispose();
            throw;
        }

        _thread = new Thread(Listen) { IsBackground = true, Name = "directory watch" };
        _thread.Start();
    }

    /// <summary>Whether it still hears; not once the directory was removed.</summary>
    public bool IsAlive => _thread.IsAlive;

    /// <summary>Hears no more.</summary>
    public void Dispose()
    {
        _stopping = true;
        Libc.Signal(_interrupt);
        _thread.Join();
        _inotify.Dispose();
        _interrupt.Dispose();
    }

    private void Listen()
    {
        byte[] buffer = new byte[16 << 10];
        Span<pollfd> fds = stackalloc pollfd[2];
        bool goesOn = true;
        while (!_stopping && goesOn)
        {
            fds[0] = new pollfd { fd = (int)_interrupt.DangerousGetHandle(), events = POLLIN };
            fds[1] = new pollfd { fd = (int)_inotify.DangerousGetHandle(), events = POLLIN };
            if (!Libc.Poll(fds, -1) || fds[0].revents != 0)
            {
                continue;
            }

            int length = Libc.ReceiveSome(_inotify, buffer, "inotify");
            goesOn = length < 0 || Hear(buffer.AsSpan(0, length));
        }
    }

    /// <summary>Reads struct inotify_event, one behind the other.</summary>
    /// <returns>False when the directory is gone.</returns>
    private bool Hear(ReadOnlySpan<byte> events)
    {
        const int Header = 16; // wd, mask, cookie, len: 4 bytes each
        while (events.Length >= Header)
        {
            uint mask = BitConverter.ToUInt32(events[4..]);
            int length = (int)BitConverter.ToUInt32(events[12..]);
            if ((mask & Libc.DirectoryGone) != 0)
            {
                _changed(null);
                return false;
            }

            ReadOnlySpan<byte> name = events[Header..(Header + length)];
            int end = name.IndexOf((byte)0);
            _changed((mask & Libc.EventsLost) != 0 || name.IsEmpty ? null : Encoding.UTF8.GetString(end < 0 ? name : name[..end]));
            events = events[(Header + length)..];
        }

        return true;
    }
}
