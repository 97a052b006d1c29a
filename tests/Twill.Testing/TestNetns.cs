using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using static Tmds.Linux.LibC;

namespace Twill.Testing;

/// <summary>
/// A network namespace of its own for one test, loopback up, removed by <see cref="Dispose"/>, by the end of the process, or, when the
/// process was killed, by the next run. It is what `ip netns add` makes, without a run of ip: a test makes several.
/// </summary>
public sealed unsafe partial class TestNetns : NetnsShell, IDisposable
{
    private const string Prefix = "twt";
    private const string Directory = "/run/netns";
    private const nuint Bind = 0x1000; // MS_BIND
    private const int Detach = 2; // MNT_DETACH

    private static readonly ConcurrentDictionary<string, TestNetns> s_alive = new();

    private int _disposed;

    static TestNetns()
    {
        Sweep();
        ShareDirectory();
        AppDomain.CurrentDomain.ProcessExit += (_, _) =>
        {
            foreach (TestNetns left in s_alive.Values)
            {
                left.Dispose();
            }
        };
    }

    private TestNetns(string name) => Name = name;

    public string Name { get; }

    /// <summary>The path that names the namespace to `setns`, `nsenter --net=` and CNI_NETNS: /run/netns/NAME.</summary>
    public string Path => $"{Directory}/{Name}";

    public override IReadOnlyList<string> Enter => ["nsenter", $"--net={Path}", "--"];

    public static TestNetns Create()
    {
        UnitRing.Refuse("makes a network namespace", "RequiresRootFact");
        TestNetns ns = new(Owned.NewName(Prefix));
        s_alive[ns.Name] = ns;
        string? complaint = null;
        Thread thread = new(() => complaint = ns.Make(), maxStackSize: 256 * 1024); // it is of the new namespace until its end
        thread.UnsafeStart();
        thread.Join();
        if (complaint is not null)
        {
            ns.Dispose();
            throw new CmdException($"network namespace {ns.Name}: {complaint}");
        }

        return ns;
    }

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            s_alive.TryRemove(Name, out _);
            using NativeText path = new(Path);
            _ = UnmountAt(path.Pointer, Detach);
            _ = unlink(path.Pointer);
        }
    }

    /// <summary>Other mount namespaces see what is mounted and unmounted below /run/netns; `ip netns add` sees to that.</summary>
    private static void ShareDirectory()
    {
        string any = Owned.NewName(Prefix);
        Cmd.Run("ip", ["netns", "add", any]).OrThrow();
        Cmd.Run("ip", ["netns", "delete", any]).OrThrow();
    }

    /// <summary>Moves the calling thread into a new namespace, and gives that its name.</summary>
    /// <returns>what went wrong; null when all went well</returns>
    private string? Make()
    {
        using NativeText path = new(Path),
            own = new("/proc/thread-self/ns/net");
        int file = open(path.Pointer, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0);
        if (file < 0)
        {
            return Complaint("open");
        }

        _ = close(file);
        return unshare(CLONE_NEWNET) != 0 ? Complaint("unshare")
            : MountAt(own.Pointer, path.Pointer, null, Bind, null) != 0 ? Complaint("mount")
            : SetLoopbackUp();
    }

    private static string? SetLoopbackUp()
    {
        const int GetFlags = 0x8913, // SIOCGIFFLAGS
            SetFlags = 0x8914; // SIOCSIFFLAGS
        byte* request = stackalloc byte[40]; // struct ifreq: a name of 16 bytes, flags
        new Span<byte>(request, 40).Clear();
        "lo"u8.CopyTo(new Span<byte>(request, 16));
        int any = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (any < 0)
        {
            return Complaint("socket");
        }

        try
        {
            if (ioctl(any, GetFlags, request) != 0)
            {
                return Complaint("SIOCGIFFLAGS lo");
            }

            *(short*)(request + 16) |= 1; // IFF_UP
            return ioctl(any, SetFlags, request) == 0 ? null : Complaint("SIOCSIFFLAGS lo");
        }
        finally
        {
            _ = close(any);
        }
    }

    private static string Complaint(string call) => $"{call}: {Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())}";

    [LibraryImport("libc", EntryPoint = "mount", SetLastError = true)]
    private static partial int MountAt(byte* source, byte* target, byte* type, nuint flags, byte* data);

    [LibraryImport("libc", EntryPoint = "umount2", SetLastError = true)]
    private static partial int UnmountAt(byte* target, int flags);

    private static void Sweep()
    {
        if (!global::System.IO.Directory.Exists(Directory))
        {
            return;
        }

        foreach (
            string name in Owned.Orphans(
                Prefix,
                global::System.IO.Directory.GetFiles(Directory).Select(f => global::System.IO.Path.GetFileName(f))
            )
        )
        {
            Cmd.Run("ip", ["netns", "delete", name]);
        }
    }
}
