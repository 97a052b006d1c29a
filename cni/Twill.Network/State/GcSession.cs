using System.Text;
using Microsoft.Win32.SafeHandles;
using Twill.Cni;
using Twill.System;

namespace Twill.Network.State;

/// <summary>A GC at work in a network, and how it knows which ADDs are (<see cref="InFlightAdd"/>).</summary>
public sealed class GcSession : IDisposable
{
    /// <summary>How often the end of a GC looks for a moment in which no ADD is just ending: each takes a few system calls.</summary>
    private const int Attempts = 5;

    private readonly NetworkStateDir _network;
    private readonly SafeFileHandle _present;
    private readonly FileLock _turn;

    private GcSession(NetworkStateDir network, SafeFileHandle present, FileLock turn) =>
        (_network, _present, _turn) = (network, present, turn);

    /// <summary>Begins; from now on, and also while another GC is waited for, every ADD counts as running that is, or becomes so.</summary>
    /// <param name="network">the network's directory; made when missing</param>
    /// <param name="timeout">how long to wait for another GC</param>
    /// <exception cref="TimeoutException">another GC is at work</exception>
    public static GcSession Begin(NetworkStateDir network, TimeSpan timeout)
    {
        StateDir.MakePrivate(network.AddedPath);
        SafeFileHandle present = Libc.OpenPrivate(network.CollectingPath);
        try
        {
            if (Libc.TryLockAllBytes(present, network.CollectingPath))
            {
                DeleteEndedMarks(network); // of a GC that was killed
            }

            Libc.LockOneByte(present, Random.Shared.NextInt64(long.MaxValue - 1), network.CollectingPath);
            return new GcSession(network, present, FileLock.Acquire(network.CollectingPath, timeout));
        }
        catch
        {
            Leave(network, present);
            throw;
        }
    }

    /// <summary>
    /// The attachments whose ADDs run, or ran since the GC began. To be asked after what there is was listed: what was seen there is then
    /// either told here, or nobody is at work on it.
    /// </summary>
    /// <param name="network">the network's directory; may be missing</param>
    public static HashSet<CniAttachment> AddsInFlight(NetworkStateDir network)
    {
        HashSet<CniAttachment> running = [];
        foreach (string path in Files(network.AddingPath))
        {
            if (IsLocked(path))
            {
                Take(running, path);
            }
        }
        // Second: an ADD that ends meanwhile goes from there to here.
        foreach (string path in Files(network.AddedPath))
        {
            Take(running, path);
        }

        return running;
    }

    /// <summary>Frees what an attachment has left, unless an ADD of the same one is at work. One that begins meanwhile waits.</summary>
    /// <param name="hostName">The name of the attachment's host end.</param>
    /// <param name="free">What frees it.</param>
    /// <exception cref="TimeoutException">Another process holds the lock of that attachment.</exception>
    public void FreeUnlessAdded(string hostName, Action free)
    {
        using SafeFileHandle freeing = FreeingLock.Acquire(_network, hostName);
        foreach (CniAttachment attachment in AddsInFlight(_network))
        {
            if (DeviceNames.Veth(attachment.ContainerId, attachment.IfName) == hostName)
            {
                return;
            }
        }

        free();
    }

    /// <summary>Removes the marks of ADDs that were killed.</summary>
    public void DeleteStaleMarks()
    {
        foreach (string path in Files(_network.AddingPath))
        {
            using SafeFileHandle? mark = Libc.TryOpenToRead(path, follow: false);
            if (mark is null)
            {
                continue;
            }

            if (Libc.Lock(mark, wait: false, path) && Libc.IsStillNamed(mark, path))
            {
                Libc.TryUnlink(path);
            }

            Libc.Unlock(mark);
        }
    }

    /// <summary>Ends.</summary>
    public void Dispose()
    {
        Leave(_network, _present);
        _turn.Dispose();
    }

    /// <summary>The marks of ADDs that have ended go with the last of the GCs that began before they did.</summary>
    private static void Leave(NetworkStateDir network, SafeFileHandle present)
    {
        using (present)
        {
            for (int attempt = 0; attempt < Attempts; attempt++)
            {
                if (Libc.TryLockAllBytes(present, network.CollectingPath))
                {
                    DeleteEndedMarks(network);
                    break;
                }
                Thread.Sleep(1); // another GC, which needs them, or an ADD that is just ending
            }

            Libc.UnlockBytes(present, network.CollectingPath);
        }
    }

    private static void DeleteEndedMarks(NetworkStateDir network)
    {
        foreach (string path in Files(network.AddedPath))
        {
            Libc.TryUnlink(path);
        }
    }

    private static string[] Files(string directory) => Directory.Exists(directory) ? Directory.GetFiles(directory) : [];

    private static bool IsLocked(string path)
    {
        using SafeFileHandle? mark = Libc.TryOpenToRead(path, follow: false);
        if (mark is null)
        {
            return true; // it has just gone to the other directory
        }

        bool free = Libc.Lock(mark, wait: false, path);
        Libc.Unlock(mark);
        return !free;
    }

    private static void Take(HashSet<CniAttachment> running, string path)
    {
        if (AtomicFile.TryReadAll(path) is not { } content)
        {
            return;
        }
        // Cut short, it is of an ADD that has made nothing yet.
        if (Encoding.UTF8.GetString(content).Split('\n') is [{ Length: > 0 } container, { Length: > 0 } ifName, ""])
        {
            running.Add(new CniAttachment(container, ifName));
        }
    }
}
