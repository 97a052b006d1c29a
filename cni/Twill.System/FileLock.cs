using System.Diagnostics;
using Microsoft.Win32.SafeHandles;

namespace Twill.System;

/// <summary>An exclusive lock between processes: flock(2) on a file, gone with its holder however that ends.</summary>
public sealed class FileLock : IDisposable
{
    private readonly SafeFileHandle _file;

    private FileLock(SafeFileHandle file) => _file = file;

    /// <summary>Takes the lock.</summary>
    /// <param name="path">the file to lock; made with mode 0600 when missing. Its directory exists</param>
    /// <param name="timeout">how long to wait for another holder</param>
    /// <exception cref="TimeoutException">another process holds it; the message names the file and, where the kernel tells, the
    /// process</exception>
    /// <exception cref="IOException">the file cannot be opened</exception>
    public static FileLock Acquire(string path, TimeSpan timeout) =>
        TryAcquire(path, timeout)
        ?? throw new TimeoutException(
            $"the lock {path} is held by {Libc.LockHolder(path) ?? "another process"}, waited {timeout.TotalSeconds:0.###} s for it"
        );

    /// <summary>Takes the lock, or returns null when another holder keeps it for <paramref name="timeout"/>.</summary>
    public static FileLock? TryAcquire(string path, TimeSpan timeout)
    {
        SafeFileHandle file = Libc.OpenPrivate(path);
        try
        {
            long start = Stopwatch.GetTimestamp();
            for (int pause = 1; !Libc.Lock(file, wait: false, path); pause = Math.Min(pause * 2, 50))
            {
                TimeSpan left = timeout - Stopwatch.GetElapsedTime(start);
                if (left <= TimeSpan.Zero)
                {
                    file.Dispose();
                    return null;
                }
                Thread.Sleep((int)Math.Clamp(left.TotalMilliseconds, 1, pause));
            }
            return new FileLock(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Releases the lock. The file stays: removing it would let two processes hold "the" lock.</summary>
    public void Dispose()
    {
        Libc.Unlock(_file);
        _file.Dispose();
    }
}
