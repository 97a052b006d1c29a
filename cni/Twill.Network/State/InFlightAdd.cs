using System.Text;
using Microsoft.Win32.SafeHandles;
using Twill.Cni;
using Twill.System;

namespace Twill.Network.State;

/// <summary>
/// Says that an ADD is at work, so that a GC beside it, whose list was made before, does not take away what the ADD is making:
/// <code>
/// adding/4f2c..:eth0   locked (flock) while the ADD runs. Not locked: that ADD was killed, and what it made is an orphan
/// added/4f2c..:eth0    the ADD ended while a GC runs or waits, to which it still counts as running
/// collecting           locked (flock) by the GC that runs; a byte of it (fcntl) by each that runs or waits for its turn
/// freeing              a byte of it locked (fcntl) by a GC while it frees the rest of one attachment, and by its next ADD after the mark
/// </code>
/// An ADD asks at its end whether there is a GC, in one step with its farewell, so that to a GC every ADD counts that was at work at any
/// moment since the GC was called, and none that had ended before.
/// </summary>
public sealed class InFlightAdd : IDisposable
{
    private readonly NetworkStateDir _network;
    private readonly string _name;
    private readonly SafeFileHandle? _mark;

    private InFlightAdd(NetworkStateDir network, string name, SafeFileHandle? mark) => (_network, _name, _mark) = (network, name, mark);

    /// <summary>To be called before anything is made.</summary>
    /// <param name="network">the network's directory</param>
    /// <param name="attachment">what is being made</param>
    /// <exception cref="IOException">the mark cannot be made</exception>
    /// <exception cref="TimeoutException">a GC that frees what a former container of that name left does not come to an end</exception>
    public static InFlightAdd Begin(NetworkStateDir network, CniAttachment attachment)
    {
        InFlightAdd add = Mark(network, attachment);
        try
        {
            // A GC that saw no mark yet may be removing what a former ADD of the same attachment left.
            FreeingLock.Acquire(network, DeviceNames.Veth(attachment.ContainerId, attachment.IfName)).Dispose();
            return add;
        }
        catch
        {
            add.Dispose();
            throw;
        }
    }

    private static InFlightAdd Mark(NetworkStateDir network, CniAttachment attachment)
    {
        // of a millisecond: a GC looks at a mark for much less. Another ADD for the same attachment keeps it, and goes first
        const int Attempts = 20;
        string name = attachment.FileName(),
            path = Path.Combine(network.AddingPath, name);
        for (int attempt = 0; attempt < Attempts; attempt++)
        {
            SafeFileHandle mark = Open(network, path);
            if (Libc.Lock(mark, wait: false, path))
            {
                if (Libc.IsStillNamed(mark, path))
                {
                    Libc.Truncate(mark, path);
                    Libc.WriteAll(
                        (int)mark.DangerousGetHandle(),
                        Encoding.UTF8.GetBytes($"{attachment.ContainerId}\n{attachment.IfName}\n"),
                        path
                    );
                    return new InFlightAdd(network, name, mark);
                }
            }
            else
            {
                Thread.Sleep(1);
            }
            mark.Dispose();
        }
        return new InFlightAdd(network, name, null);
    }

    /// <summary>Removes the mark that a killed ADD of an attachment may have left. For DEL.</summary>
    /// <exception cref="IOException">it cannot be removed</exception>
    public static void DeleteMark(NetworkStateDir network, CniAttachment attachment) =>
        Libc.TryUnlink(Path.Combine(network.AddingPath, attachment.FileName()));

    /// <summary>The ADD has made all, or taken back all.</summary>
    public void Dispose()
    {
        if (_mark is null || _mark.IsClosed)
        {
            return;
        }

        string path = Path.Combine(_network.AddingPath, _name);
        using (SafeFileHandle gate = Libc.OpenPrivate(_network.CollectingPath))
        {
            bool collecting = !Libc.TryShareAllBytes(gate, _network.CollectingPath);
            if (!collecting || !Libc.TryRename(path, Path.Combine(_network.AddedPath, _name)))
            {
                Libc.TryUnlink(path);
            }

            Libc.UnlockBytes(gate, _network.CollectingPath);
        }
        Libc.Unlock(_mark);
        _mark.Dispose();
    }

    private static SafeFileHandle Open(NetworkStateDir network, string path)
    {
        if (Libc.TryOpenPrivate(path) is { } mark)
        {
            return mark;
        }

        StateDir.MakePrivate(network.AddingPath);
        return Libc.OpenPrivate(path);
    }
}
