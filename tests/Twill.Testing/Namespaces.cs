using System.Runtime.InteropServices;
using static Tmds.Linux.LibC;

namespace Twill.Testing;

/// <summary>
/// The namespaces that words like `nsenter --target=PID --net --mount --` lead into. The thread that starts a program goes there itself:
/// running nsenter costs as much as running most of what the tests ask.
/// </summary>
internal sealed unsafe class Namespaces
{
    private readonly string? _net;
    private readonly string? _mount;

    private Namespaces(string? net, string? mount)
    {
        _net = net;
        _mount = mount;
    }

    /// <summary>The place that a prefix of commands leads to; null for here.</summary>
    /// <exception cref="ArgumentException">It is more than an `nsenter` that can be done without.</exception>
    internal static Namespaces? Of(IReadOnlyList<string> prefix)
    {
        ReadOnlySpan<string> command = [.. prefix, ""];
        Namespaces? place = Take(ref command);
        return command.Length == 1 ? place : throw new ArgumentException(string.Join(' ', prefix), nameof(prefix));
    }

    /// <summary>Takes `nsenter` and its options from the beginning of a command; null, and nothing taken, when there is none, or one that
    /// enters more than a network and a mount namespace.</summary>
    internal static Namespaces? Take(ref ReadOnlySpan<string> command)
    {
        int end = command.IndexOf("--");
        if (end < 0 || end == command.Length - 1 || command[0] != "nsenter")
        {
            return null;
        }

        const string NetOption = "--net=",
            TargetOption = "--target=";
        string? net = null,
            target = null;
        bool ofTarget = false,
            mount = false;
        foreach (string option in command[1..end])
        {
            switch (option)
            {
                case "--net":
                    ofTarget = true;
                    break;
                case "--mount":
                    mount = true;
                    break;
                case not null when option.StartsWith(NetOption, StringComparison.Ordinal):
                    net = option[NetOption.Length..];
                    break;
                case not null when option.StartsWith(TargetOption, StringComparison.Ordinal):
                    target = option[TargetOption.Length..];
                    break;
                default:
                    return null;
            }
        }

        if ((ofTarget || mount) && target is null)
        {
            return null;
        }

        command = command[(end + 1)..];
        return new Namespaces(net ?? (ofTarget ? $"/proc/{target}/ns/net" : null), mount ? $"/proc/{target}/ns/mnt" : null);
    }

    /// <summary>Runs something there, on a thread of its own: one that has gone somewhere is good for nothing else.</summary>
    /// <exception cref="SpawnException">There is no such place.</exception>
    internal T Run<T>(Func<T> body)
    {
        T? result = default;
        Exception? failure = null;
        Thread thread = new(
            () =>
            {
                try
                {
                    result = Enter() is string complaint ? throw new SpawnException(SpawnException.NotEntered, complaint) : body();
                }
                catch (Exception e)
                {
                    failure = e;
                }
            },
            maxStackSize: 256 * 1024
        );
        thread.UnsafeStart();
        thread.Join();
        return failure is null ? result! : throw failure;
    }

    /// <summary>Moves the calling thread there, for the rest of its life.</summary>
    /// <returns>what went wrong; null when it is there</returns>
    private string? Enter()
    {
        int net = -1,
            mount = -1;
        try
        {
            // Both are opened first: in the other mount namespace /proc may be another, or none.
            return Open(_net, ref net)
                ?? Open(_mount, ref mount)
                ?? (net >= 0 && setns(net, CLONE_NEWNET) != 0 ? Complaint("setns", _net!) : null)
                // A thread that shares its root and working directory with others may not change them.
                ?? (mount >= 0 && unshare(CLONE_FS) != 0 ? Complaint("unshare(CLONE_FS)", _mount!) : null)
                ?? (mount >= 0 && setns(mount, CLONE_NEWNS) != 0 ? Complaint("setns", _mount!) : null);
        }
        finally
        {
            _ = net < 0 ? 0 : close(net);
            _ = mount < 0 ? 0 : close(mount);
        }
    }

    private static string? Open(string? path, ref int fd)
    {
        if (path is null)
        {
            return null;
        }

        using NativeText name = new(path);
        fd = open(name.Pointer, O_RDONLY | O_CLOEXEC);
        return fd < 0 ? Complaint("open", path) : null;
    }

    private static string Complaint(string call, string path) =>
        $"cannot enter {path}: {call}: {Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())}";
}
