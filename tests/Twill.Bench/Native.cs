using System.Runtime.InteropServices;

namespace Twill.Bench;

/// <summary>The system calls the benchmark needs itself: namespaces of a thread, and processes measured by the kernel's own
/// accounting.</summary>
internal static unsafe partial class Native
{
    private const int CLONE_NEWNS = 0x00020000;
    private const int CLONE_NEWNET = 0x40000000;
    private const ulong MS_REC = 0x4000,
        MS_PRIVATE = 1 << 18;
    private const int POSIX_SPAWN_SETSIGMASK = 8;
    private const int WNOTHREAD = 0x20000000;

    /// <summary>Gives the calling thread a network and a mount namespace of its own, whose mounts no other sees.</summary>
    public static void LeaveNamespaces()
    {
        Check(unshare(CLONE_NEWNS | CLONE_NEWNET), "unshare(CLONE_NEWNS|CLONE_NEWNET)");
        Check(mount("none", "/", null, MS_REC | MS_PRIVATE, null), "mount --make-rprivate /");
    }

    /// <summary><c>mount -t tmpfs none PATH</c>.</summary>
    public static void MountTmpfs(string path) => Check(mount("none", path, "tmpfs", 0, "mode=0755"), $"mount -t tmpfs {path}");

    /// <summary>
    /// Starts a program in the calling thread's namespaces. <paramref name="stdin"/> is the path of a file; stdout and stderr go to
    /// <paramref name="output"/>. The first argument is its own name.
    /// </summary>
    /// <returns>Its process id.</returns>
    public static int Start(string file, string[] arguments, string stdin, string output, params string[] environment)
    {
        byte* actions = stackalloc byte[256]; // posix_spawn_file_actions_t: 80 bytes in glibc
        byte* attributes = stackalloc byte[512]; // posix_spawnattr_t: 336 bytes in glibc
        byte* noSignals = stackalloc byte[128];
        new Span<byte>(noSignals, 128).Clear();
        posix_spawn_file_actions_init(actions);
        posix_spawnattr_init(attributes);
        posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK);
        posix_spawnattr_setsigmask(attributes, noSignals);
        posix_spawn_file_actions_addopen(actions, 0, stdin, 0, 0);
        posix_spawn_file_actions_addopen(
            actions,
            1,
            output,
            0x241 /* O_WRONLY|O_CREAT|O_TRUNC */
            ,
            0x180
        );
        posix_spawn_file_actions_adddup2(actions, 1, 2);
        string?[] argv = [.. arguments, null];
        string?[] envp = [.. environment, null];

        int failed = posix_spawn(out int pid, file, actions, attributes, argv, envp);
        posix_spawn_file_actions_destroy(actions);
        posix_spawnattr_destroy(attributes);
        return failed == 0 ? pid : throw new InvalidOperationException($"{file}: {Marshal.GetPInvokeErrorMessage(failed)}");
    }

    /// <summary>
    /// Waits for the end of any process that the calling thread started. Processor time is what wait4(2) says of it and of the children it
    /// waited for.
    /// </summary>
    public static (int Pid, int Status, double CpuMs) WaitAny()
    {
        Rusage usage;
        int status,
            pid;
        while (
            (pid = wait4(-1, &status, WNOTHREAD, &usage)) < 0 && Marshal.GetLastPInvokeError() == 4 /* EINTR */
        ) { }
        Check(pid < 0 ? -1 : 0, "wait4");
        double cpu = (usage.UserSeconds + usage.SystemSeconds) * 1e3 + (usage.UserMicroseconds + usage.SystemMicroseconds) / 1e3;
        return (pid, status, cpu);
    }

    private static void Check(int result, string what)
    {
        if (result != 0)
        {
            throw new InvalidOperationException($"{what}: {Marshal.GetLastPInvokeErrorMessage()}");
        }
    }

    /// <summary>struct rusage of 64-bit Linux: two struct timeval, and 14 counters that nobody here reads.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 144)]
    private struct Rusage
    {
        public long UserSeconds,
            UserMicroseconds,
            SystemSeconds,
            SystemMicroseconds;
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int unshare(int flags);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int mount(string source, string target, string? type, ulong flags, string? data);

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int posix_spawn(out int pid, string path, byte* actions, byte* attributes, string?[] argv, string?[] envp);

    [LibraryImport("libc")]
    private static partial int posix_spawn_file_actions_init(byte* actions);

    [LibraryImport("libc")]
    private static partial int posix_spawn_file_actions_destroy(byte* actions);

    [LibraryImport("libc")]
    private static partial int posix_spawnattr_init(byte* attributes);

    [LibraryImport("libc")]
    private static partial int posix_spawnattr_destroy(byte* attributes);

    [LibraryImport("libc")]
    private static partial int posix_spawnattr_setflags(byte* attributes, short flags);

    [LibraryImport("libc")]
    private static partial int posix_spawnattr_setsigmask(byte* attributes, byte* mask);

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int posix_spawn_file_actions_addopen(byte* actions, int fd, string path, int flags, uint mode);

    [LibraryImport("libc")]
    private static partial int posix_spawn_file_actions_adddup2(byte* actions, int fd, int newFd);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int wait4(int pid, int* status, int options, Rusage* usage);
}
