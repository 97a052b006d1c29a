using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Twill.Testing;

/// <summary>Signals by their number on Linux.</summary>
public enum Signal
{
    Hup = 1,
    Int = 2,
    Kill = 9,
    Term = 15,
    Cont = 18,
    Stop = 19,
}

/// <summary>
/// A program running beside the test, its output in a log. A small shell stands between: it kills the program as soon as this
/// process ends, however it ends, because then its standard input closes.
/// </summary>
public sealed partial class Daemon : IDisposable
{
    private const string Guard = """
        exec 3<&0
        "$@" </dev/null >>"$TWILL_TEST_LOG" 2>&1 3<&- & program=$!
        echo $program
        exec 2>/dev/null # where the shell would say that it was killed
        ( read -r _ <&3; kill -KILL $program ) & guard=$!
        wait $program; code=$?
        kill $guard
        echo $code
        """;

    private readonly Process _shell;
    private readonly Task<int> _exit;

    private Daemon(string name, Process shell, string logFile)
    {
        Name = name;
        LogFile = logFile;
        _shell = shell;
        Pid = int.Parse(shell.StandardOutput.ReadLine() ?? throw new CmdException($"{name}: no process id"), CultureInfo.InvariantCulture);
        _exit = ExitCodeAsync();
    }

    public string Name { get; }

    public int Pid { get; }

    /// <summary>Where its standard output and error go; a restarted program appends.</summary>
    public string LogFile { get; }

    public bool HasExited => _exit.IsCompleted;

    /// <summary>All it wrote so far.</summary>
    public string Log
    {
        get
        {
            using StreamReader reader = new(new FileStream(LogFile, FileMode.OpenOrCreate, FileAccess.Read, FileShare.ReadWrite));
            return reader.ReadToEnd();
        }
    }

    /// <summary>Starts a program; <paramref name="env"/> is added to this process's environment, null removes a variable.</summary>
    public static Daemon Start(
        string name,
        IEnumerable<string> command,
        string logFile,
        IEnumerable<KeyValuePair<string, string?>>? env = null
    )
    {
        ProcessStartInfo start = new("sh", ["-c", Guard, name, .. command]) { RedirectStandardInput = true, RedirectStandardOutput = true };
        foreach ((string variable, string? value) in env ?? [])
        {
            start.Environment[variable] = value;
        }

        start.Environment["TWILL_TEST_LOG"] = logFile;
        return new Daemon(name, Process.Start(start) ?? throw new CmdException($"{name}: could not be started"), logFile);
    }

    /// <summary>Sends a signal to the program; one that has ended already is left in peace. After <see cref="Signal.Stop"/> it stands
    /// still.</summary>
    public void Send(Signal signal)
    {
        if (HasExited)
        {
            return;
        }

        if (SendSignal(Pid, (int)signal) != 0)
        {
            int errno = Marshal.GetLastPInvokeError();
            const int NoSuchProcess = 3;
            if (errno != NoSuchProcess)
            {
                throw new Win32Exception(errno, $"kill {Pid} ({Name}) with {signal}: {Marshal.GetPInvokeErrorMessage(errno)}");
            }
        }
        else if (signal == Signal.Stop)
        {
            Eventually.True($"every thread of {Name} stands still", () => HasExited || StandsStill());
        }
    }

    // No thread waits for it: the pool has few, and what a test runs meanwhile needs them.
    private async Task<int> ExitCodeAsync() =>
        int.Parse(await _shell.StandardOutput.ReadLineAsync().ConfigureAwait(false) ?? "-1", CultureInfo.InvariantCulture);

    /// <summary>Whether each thread is stopped, as the third field of its <c>stat</c> tells (proc(5)).</summary>
    private bool StandsStill()
    {
        try
        {
            return Directory.GetDirectories($"/proc/{Pid}/task").All(task => File.ReadAllText($"{task}/stat").Split(") ")[^1][0] == 'T');
        }
        catch (IOException)
        {
            return false; // a thread, or the program, ended just now
        }
    }

    /// <summary>Waits for the program's end and gives its exit code (128 + signal when a signal ended it).</summary>
    public int WaitForExit(TimeSpan timeout) =>
        _exit.Wait(timeout) ? _exit.Result : throw new CmdException($"{Name}: still running after {timeout.TotalSeconds} s\n{Log}");

    /// <summary>SIGTERM and the exit code; SIGKILL and an exception when it does not end in time.</summary>
    public int Stop(TimeSpan? timeout = null)
    {
        Send(Signal.Term);
        Send(Signal.Cont);
        return WaitForExit(timeout ?? TimeSpan.FromSeconds(10));
    }

    /// <summary>SIGKILL; returns when the program is gone.</summary>
    public void Kill()
    {
        Send(Signal.Kill);
        WaitForExit(TimeSpan.FromSeconds(10));
    }

    public void Dispose()
    {
        if (!HasExited)
        {
            Kill();
        }

        _shell.Dispose();
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int SendSignal(int pid, int signal);
}
