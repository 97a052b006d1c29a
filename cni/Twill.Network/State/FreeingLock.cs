using System.Buffers.Binary;
using System.Diagnostics;
using System.Text;
using Microsoft.Win32.SafeHandles;
using Twill.System;

namespace Twill.Network.State;

/// <summary>
/// Keeps a GC that frees the rest of an attachment apart from an ADD of the same one. Both lock one byte of the file <c>freeing</c>
/// (fcntl, open file description), at an offset that follows from the name of the host end. Others meet at the same byte by chance alone.
/// </summary>
internal static class FreeingLock
{
    /// <summary>What a GC frees of one attachment takes milliseconds. It may stand still as a stopped process.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    /// <summary>Takes the lock; it ends with the file handle.</summary>
    /// <param name="network">The network's directory.</param>
    /// <param name="hostName">The name of the attachment's host end.</param>
    /// <exception cref="TimeoutException">Another process keeps it.</exception>
    /// <exception cref="IOException">The file cannot be opened.</exception>
    internal static SafeFileHandle Acquire(NetworkStateDir network, string hostName)
    {
        string path = network.FreeingPath;
        SafeFileHandle file = Libc.OpenPrivate(path);
        try
        {
            long start = Stopwatch.GetTimestamp();
            while (!Libc.TryLockOneByte(file, Offset(hostName), path))
            {
                if (Stopwatch.GetElapsedTime(start) > s_patience)
                {
                    throw new TimeoutException(
                        $"a GC holds {path} and has not freed what a former container left of {hostName} for {s_patience.TotalSeconds:0} s"
                    );
                }

                Thread.Sleep(1);
            }

            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    // The last eight characters, which are hashed ones: 63 bits at most, as ASCII has seven.
    private static long Offset(string hostName)
    {
        Span<byte> bytes = stackalloc byte[8];
        Encoding.ASCII.GetBytes(hostName.AsSpan(Math.Max(0, hostName.Length - bytes.Length)), bytes);
        return BinaryPrimitives.ReadInt64BigEndian(bytes);
    }
}
