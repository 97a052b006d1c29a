using System.Diagnostics;
using System.Runtime.InteropServices;
using Tmds.Linux;
using static Tmds.Linux.LibC;

namespace Twill.Testing;

/// <summary>
/// A program that one thread starts, feeds, listens to and waits for. System.Diagnostics.Process takes three threads for it. Every
/// descriptor is close-on-exec, so that programs started at the same time do not inherit each other's.
/// </summary>
internal sealed unsafe partial class ChildProcess : IDisposable
{
    private const short SpawnSetSignalDefaults = 4, // POSIX_SPAWN_SETSIGDEF
        SpawnSetSignalMask = 8; // POSIX_SPAWN_SETSIGMASK
    private const int PidFdOpen = 434, // SYS_pidfd_open, the same number on every architecture
        Opaque = 512; // more than posix_spawnattr_t (336 bytes in glibc), posix_spawn_file_actions_t (80) and sigset_t (128)

    /// <summary>What a pipe takes without blocking when poll(2) says that it takes something.</summary>
    private const int PipeBuffer = 4096;

    private readonly int _pid;
    private int _stdin = -1,
        _stdout = -1,
        _stderr = -1,
        _pidFd = -1;
    private bool _reaped;

    /// <summary>Starts a program.</summary>
    /// <param name="command">Its path, or a name that is looked for in PATH, and its arguments.</param>
    /// <param name="environment">Its variables.</param>
    /// <param name="place">Where it runs; null for here.</param>
    /// <exception cref="SpawnException">The program does not run.</exception>
    internal ChildProcess(ReadOnlySpan<string> command, IReadOnlyDictionary<string, string> environment, Namespaces? place)
    {
        int* ends = stackalloc int[6];
        new Span<int>(ends, 6).Fill(-1);
        try
        {
            for (int i = 0; i < 6; i += 2)
            {
                if (pipe2(ends + i, O_CLOEXEC) != 0)
                {
                    throw new SpawnException(SpawnException.NotStarted, $"pipe2: {LastError}");
                }
            }

            string[] words = [.. command];
            (int stdin, int stdout, int stderr) = (ends[0], ends[3], ends[5]);
            int Start() => Spawn(words, environment, stdin, stdout, stderr);
            _pid = place is null ? Start() : place.Run(Start);
            (_stdin, _stdout, _stderr) = (ends[1], ends[2], ends[4]);
            ends[1] = ends[2] = ends[4] = -1;
        }
        finally
        {
            for (int i = 0; i < 6; i++)
            {
                Close(ref ends[i]);
            }
        }

        _pidFd = (int)(long)syscall(PidFdOpen, _pid, 0);
        if (_pidFd < 0)
        {
            string error = LastError;
            Dispose();
            throw new SpawnException(SpawnException.NotStarted, $"pidfd_open: {error}");
        }
    }

    /// <summary>Feeds the program, and reads all that it writes until it has ended and nobody has its standard output and error open any
    /// more.</summary>
    /// <param name="input">Its standard input.</param>
    /// <param name="limit">How long it may take.</param>
    /// <param name="stdout">Gets its standard output.</param>
    /// <param name="stderr">Gets its standard error.</param>
    /// <returns>the exit code, 128 + signal when a signal ended it; null when it has not ended in time</returns>
    internal int? Run(ReadOnlySpan<byte> input, TimeSpan limit, MemoryStream stdout, MemoryStream stderr)
    {
        long started = Stopwatch.GetTimestamp();
        pollfd* fds = stackalloc pollfd[4];
        int? exitCode = null;
        while (exitCode is null || _stdout >= 0 || _stderr >= 0)
        {
            if (input.IsEmpty)
            {
                Close(ref _stdin);
            }

            // A descriptor of -1 is passed over.
            fds[0] = new pollfd { fd = _stdin, events = POLLOUT };
            fds[1] = new pollfd { fd = _stdout, events = POLLIN };
            fds[2] = new pollfd { fd = _stderr, events = POLLIN };
            fds[3] = new pollfd { fd = exitCode is null ? _pidFd : -1, events = POLLIN };
            double left = (limit - Stopwatch.GetElapsedTime(started)).TotalMilliseconds;
            int ready = Poll(fds, 4, (int)Math.Clamp(Math.Ceiling(left), 0, int.MaxValue));
            if (ready == 0 && left <= 0)
            {
                return null;
            }

            if (ready < 0)
            {
                continue; // a signal of the runtime's
            }

            if (fds[0].revents != 0)
            {
                Write(ref input);
            }

            if (fds[1].revents != 0)
            {
                Read(ref _stdout, stdout);
            }

            if (fds[2].revents != 0)
            {
                Read(ref _stderr, stderr);
            }

            if (fds[3].revents != 0)
            {
                exitCode = Reap();
            }
        }

        return exitCode;
    }

    /// <summary>Ends what is left of it: the program and all that it has started.</summary>
    public void Dispose()
    {
        if (!_reaped)
        {
            try
            {
                using Process process = Process.GetProcessById(_pid);
                process.Kill(entireProcessTree: true);
            }
            catch (Exception e) when (e is ArgumentException or InvalidOperationException or AggregateException)
            {
                // It has ended just now, or a part of it has.
            }

            Reap();
        }

        Close(ref _stdin);
        Close(ref _stdout);
        Close(ref _stderr);
        Close(ref _pidFd);
    }

    private static string LastError => Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError());

    private static int Spawn(string[] command, IReadOnlyDictionary<string, string> environment, int stdin, int stdout, int stderr)
    {
        byte* actions = stackalloc byte[Opaque],
            attributes = stackalloc byte[Opaque],
            signals = stackalloc byte[Opaque];
        using NativeText path = new(Find(command[0], environment));
        using NativeTexts arguments = new(command);
        using NativeTexts variables = new([.. environment.Select(variable => $"{variable.Key}={variable.Value}")]);

        // The runtime ignores SIGPIPE, and a program inherits what is ignored.
        posix_spawnattr_init(attributes);
        posix_spawnattr_setflags(attributes, SpawnSetSignalDefaults | SpawnSetSignalMask);
        sigemptyset((sigset_t*)signals);
        posix_spawnattr_setsigmask(attributes, signals);
        sigaddset((sigset_t*)signals, SIGPIPE);
        posix_spawnattr_setsigdefault(attributes, signals);
        posix_spawn_file_actions_init(actions);
        int pid = 0,
            error = posix_spawn_file_actions_adddup2(actions, stdin, 0);
        error = error != 0 ? error : posix_spawn_file_actions_adddup2(actions, stdout, 1);
        error = error != 0 ? error : posix_spawn_file_actions_adddup2(actions, stderr, 2);
        error = error != 0 ? error : posix_spawn(&pid, path.Pointer, actions, attributes, arguments.Pointers, variables.Pointers);
        posix_spawn_file_actions_destroy(actions);
        posix_spawnattr_destroy(attributes);
        return error == 0
            ? pid
            : throw new SpawnException(
                error == ENOENT ? SpawnException.NotFound : SpawnException.NotExecutable,
                $"cannot execute {command[0]}: {Marshal.GetPInvokeErrorMessage(error)}"
            );
    }

    /// <summary>The path of a program as the calling thread finds it.</summary>
    private static string Find(string program, IReadOnlyDictionary<string, string> environment)
    {
        if (program.Contains('/'))
        {
            return program;
        }

        foreach (string directory in environment.GetValueOrDefault("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").Split(':'))
        {
            string candidate = $"{directory}/{program}";
            using NativeText name = new(candidate);
            if (access(name.Pointer, X_OK) == 0)
            {
                return candidate;
            }
        }

        throw new SpawnException(SpawnException.NotFound, $"cannot execute {program}: it is in no directory of PATH");
    }

    private void Write(ref ReadOnlySpan<byte> input)
    {
        fixed (byte* bytes = input)
        {
            long written = write(_stdin, bytes, Math.Min(input.Length, PipeBuffer));

            // A program that ends, or closes its input, without reading all of it: its exit code says what that means.
            input = written < 0 ? [] : input[(int)written..];
        }
    }

    private static void Read(ref int fd, MemoryStream to)
    {
        const int Most = 16 * 1024;
        byte* bytes = stackalloc byte[Most];
        long count = read(fd, bytes, Most);
        if (count > 0)
        {
            to.Write(new ReadOnlySpan<byte>(bytes, (int)count));
        }
        else
        {
            Close(ref fd);
        }
    }

    private int Reap()
    {
        int status = 0;
        while (WaitPid(_pid, &status, 0) < 0 && Marshal.GetLastPInvokeError() == EINTR) { }

        _reaped = true;
        int signal = status & 0x7f;
        return signal == 0 ? (status >> 8) & 0xff : 128 + signal;
    }

    private static void Close(ref int fd)
    {
        if (fd >= 0)
        {
            _ = close(fd);
            fd = -1;
        }
    }

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    private static partial int Poll(pollfd* fds, nuint count, int milliseconds);

    [LibraryImport("libc", EntryPoint = "waitpid", SetLastError = true)]
    private static partial int WaitPid(int pid, int* status, int options);

    [LibraryImport("libc")]
    private static partial int posix_spawn(int* pid, byte* path, byte* actions, byte* attributes, byte** argv, byte** envp);

    [LibraryImport("libc")]
    private static partial int posix_spawn_file_actions_init(byte* actions);

    [LibraryImport("libc")]
    private static partial int posix_spawn_file_actions_adddup2(byte* actions, int fd, int newFd);

    [LibraryImport("libc")]
    private static partial int posix_spawn_file_actions_destroy(byte* actions);

    [LibraryImport("libc")]
    private static partial int posix_spawnattr_init(byte* attributes);

    [LibraryImport("libc")]
    private static partial int posix_spawnattr_destroy(byte* attributes);

    [LibraryImport("libc")]
    private static partial int posix_spawnattr_setflags(byte* attributes, short flags);

    [LibraryImport("libc")]
    private static partial int posix_spawnattr_setsigdefault(byte* attributes, byte* signals);

    [LibraryImport("libc")]
    private static partial int posix_spawnattr_setsigmask(byte* attributes, byte* signals);
}

/// <summary>A program does not run.</summary>
/// <param name="exitCode">What nsenter and a shell exit with then.</param>
/// <param name="message">What went wrong.</param>
internal sealed class SpawnException(int exitCode, string message) : Exception(message)
{
    internal const int NotEntered = 1,
        NotStarted = 125,
        NotExecutable = 126,
        NotFound = 127;

    internal int ExitCode => exitCode;
}
