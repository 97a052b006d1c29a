using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;
using Tmds.Linux;
using static Tmds.Linux.LibC;

namespace Twill.System;

/// <summary>Processes: spawn, waitpid, a descriptor that becomes readable when a child ends.</summary>
internal static unsafe partial class Libc
{
    private const short POSIX_SPAWN_SETSIGDEF = 4,
        POSIX_SPAWN_SETSIGMASK = 8;
    private const int SYS_pidfd_open = 434; // the same number on every architecture

    /// <summary>Room for posix_spawn_file_actions_t (80 bytes in glibc), posix_spawnattr_t (336) and sigset_t (128).</summary>
    private const int Opaque = 512;

    /// <summary>A write to a closed pipe becomes EPIPE instead of the end of the process.</summary>
    internal static void IgnoreSigpipe() => signal(SIGPIPE, 1); // SIG_IGN

    private const ushort OwnerOnly = 0x3f; // 077
    private static ushort? _inheritedUmask;

    /// <summary>umask 077: the modes of what is made are those that are asked for, whatever the caller's mask would take away.</summary>
    internal static void SetPrivateUmask() => _inheritedUmask ??= (ushort)umask(OwnerOnly);

    internal static bool IsRoot => geteuid() == 0;

    internal static void Kill(int pid) => _ = kill(pid, SIGKILL);

    /// <summary>
    /// Starts a program with the given standard input and output, no blocked signals, SIGPIPE at its default (a child inherits what its
    /// parent ignores) and the umask that this process came with. This process stands still until the program is loaded, so a failed exec
    /// is known here.
    /// </summary>
    /// <returns>why it failed</returns>
    internal static Errno Spawn(string path, IReadOnlyList<string> environment, SafeFileHandle stdin, SafeFileHandle stdout, out int pid)
    {
        byte** argv = stackalloc byte*[2];
        byte** envp = (byte**)NativeMemory.AllocZeroed((nuint)(environment.Count + 1), (nuint)sizeof(byte*));
        int child = 0;
        argv[0] = Utf8(path);
        argv[1] = null;
        try
        {
            for (int i = 0; i < environment.Count; i++)
            {
                envp[i] = Utf8(environment[i]);
            }

            int input = (int)stdin.DangerousGetHandle(),
                output = (int)stdout.DangerousGetHandle();
            int error = RuntimeFeature.IsDynamicCodeSupported
                ? PosixSpawn(&child, argv, envp, input, output)
                : twill_spawn(&child, argv[0], argv, envp, input, output, _inheritedUmask ?? OwnerOnly);
            pid = child;
            return (Errno)error;
        }
        finally
        {
            for (int i = 0; i < environment.Count; i++)
            {
                NativeMemory.Free(envp[i]);
            }

            NativeMemory.Free(envp);
            NativeMemory.Free(argv[0]);
        }
    }

    // Where plugin_spawn.c is not linked in: in whatever is compiled as it runs, tests for one.
    private static int PosixSpawn(int* child, byte** argv, byte** envp, int input, int output)
    {
        byte* actions = stackalloc byte[Opaque],
            attributes = stackalloc byte[Opaque],
            signals = stackalloc byte[Opaque];
        posix_spawnattr_init(attributes);
        posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
        sigemptyset((sigset_t*)signals);
        posix_spawnattr_setsigmask(attributes, signals);
        sigaddset((sigset_t*)signals, SIGPIPE);
        posix_spawnattr_setsigdefault(attributes, signals);

        int error = posix_spawn_file_actions_init(actions);
        if (error != 0)
        {
            return error;
        }

        if (_inheritedUmask is ushort inherited)
        {
            umask(inherited);
        }

        error = posix_spawn_file_actions_adddup2(actions, input, 0);
        if (error == 0)
        {
            error = posix_spawn_file_actions_adddup2(actions, output, 1);
        }

        if (error == 0)
        {
            error = posix_spawn(child, argv[0], actions, attributes, argv, envp);
        }

        posix_spawn_file_actions_destroy(actions);
        if (_inheritedUmask is not null)
        {
            umask(OwnerOnly);
        }

        return error;
    }

    /// <summary>
    /// Becomes another program, with this one's environment, the umask that this process came with and SIGPIPE at its default. Returns only
    /// when that fails.
    /// </summary>
    /// <param name="path">The program.</param>
    /// <param name="arguments">What it is told, behind its name.</param>
    /// <returns>why it failed</returns>
    internal static Errno Become(string path, IReadOnlyList<string> arguments)
    {
        byte** argv = stackalloc byte*[arguments.Count + 2];
        argv[0] = Utf8(path);
        for (int i = 0; i < arguments.Count; i++)
        {
            argv[i + 1] = Utf8(arguments[i]);
        }

        argv[arguments.Count + 1] = null;
        signal(SIGPIPE, 0); // SIG_DFL: a program inherits what the one before it ignores
        if (_inheritedUmask is ushort inherited)
        {
            umask(inherited);
        }

        execv(argv[0], argv);
        return LastError;
    }

    /// <summary>Waits for a child and gives its status as waitpid(2) encodes it.</summary>
    internal static int WaitFor(int pid)
    {
        int status;
        while (waitpid(pid, &status, 0) < 0)
        {
            if (LastError != Errno.EINTR)
            {
                throw LibcException.Last($"waitpid {pid}");
            }
        }
        return status;
    }

    /// <summary>A descriptor that polls readable once the child has ended; invalid on kernels before 5.3.</summary>
    internal static SafeFileHandle OpenPidFd(int pid) => new((nint)(long)syscall(SYS_pidfd_open, pid, 0), ownsHandle: true);

    private static byte* Utf8(string text)
    {
        int length = Encoding.UTF8.GetByteCount(text);
        byte* bytes = (byte*)NativeMemory.Alloc((nuint)length + 1);
        Encoding.UTF8.GetBytes(text, new Span<byte>(bytes, length));
        bytes[length] = 0;
        return bytes;
    }
}
