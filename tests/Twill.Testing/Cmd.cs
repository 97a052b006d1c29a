using System.Diagnostics;
using System.Text;

namespace Twill.Testing;

/// <summary>What a finished command left: its exit code and everything it wrote.</summary>
public sealed record CmdResult(string CommandLine, int ExitCode, string Stdout, string Stderr)
{
    /// <summary>This result, or an exception that shows the command and all it said when it failed.</summary>
    public CmdResult OrThrow() =>
        ExitCode == 0 ? this : throw new CmdException($"{CommandLine}\nexit code {ExitCode}\nstdout: {Stdout}\nstderr: {Stderr}");

    public override string ToString() => $"{CommandLine} -> {ExitCode}\n{Stdout}{Stderr}";
}

/// <summary>A command failed, could not be started, or took too long.</summary>
public sealed class CmdException(string message) : Exception(message);

/// <summary>Runs programs to their end.</summary>
public static class Cmd
{
    /// <summary>Long enough for a program's start on a machine where fifty others want the processors.</summary>
    public static readonly TimeSpan DefaultTimeout = TimeSpan.FromMinutes(2);

    /// <summary>Runs a program and waits for it; a failing exit code is the caller's to judge, a timeout is an exception.
    /// <paramref name="env"/> is added to this process's environment; a null value removes the variable.</summary>
    public static CmdResult Run(
        string file,
        IEnumerable<string> args,
        TimeSpan? timeout = null,
        IEnumerable<KeyValuePair<string, string?>>? env = null,
        string? stdin = null
    )
    {
        byte[]? input = stdin is null ? null : new UTF8Encoding(false).GetBytes(stdin);
        return RunBytes(file, args, timeout, env, input);
    }

    /// <summary>As <see cref="Run"/>, with arbitrary bytes on standard input.</summary>
    public static CmdResult RunBytes(
        string file,
        IEnumerable<string> args,
        TimeSpan? timeout = null,
        IEnumerable<KeyValuePair<string, string?>>? env = null,
        byte[]? stdin = null
    )
    {
        ProcessStartInfo start = new(file, args)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = new UTF8Encoding(false),
        };
        foreach ((string name, string? value) in env ?? [])
        {
            start.Environment[name] = value;
        }

        string line = $"{file} {string.Join(' ', start.ArgumentList)}";
        using Process process = Process.Start(start) ?? throw new CmdException($"{line}: could not be started");
        Task<string> stdout = process.StandardOutput.ReadToEndAsync(),
            stderr = process.StandardError.ReadToEndAsync();
        Feed(process, stdin ?? []);

        TimeSpan limit = timeout ?? DefaultTimeout;
        long started = Stopwatch.GetTimestamp();
        if (!process.WaitForExit(limit) || !Task.WaitAll([stdout, stderr], Remaining(limit, started)))
        {
            process.Kill(entireProcessTree: true);
            string said = stdout.IsCompleted ? stdout.Result + (stderr.IsCompleted ? stderr.Result : "") : "";
            throw new CmdException($"{line}: not finished after {limit.TotalSeconds} s\n{said}");
        }

        return new CmdResult(line, process.ExitCode, stdout.Result, stderr.Result);
    }

    /// <summary>Runs `sh -c script` and throws when it fails; gives its standard output.</summary>
    public static string Sh(string script, TimeSpan? timeout = null) => Run("sh", ["-c", script], timeout).OrThrow().Stdout;

    /// <summary>Splits a command line at spaces; single and double quotes keep spaces together.</summary>
    public static string[] Split(string commandLine)
    {
        List<string> words = [];
        StringBuilder word = new();
        char quote = '\0';
        bool inWord = false;
        foreach (char c in commandLine)
        {
            if (quote != '\0')
            {
                if (c == quote)
                {
                    quote = '\0';
                }
                else
                {
                    word.Append(c);
                }
            }
            else if (c is '\'' or '"')
            {
                (quote, inWord) = (c, true);
            }
            else if (char.IsWhiteSpace(c))
            {
                if (inWord)
                {
                    words.Add(word.ToString());
                }

                word.Clear();
                inWord = false;
            }
            else
            {
                word.Append(c);
                inWord = true;
            }
        }

        if (inWord)
        {
            words.Add(word.ToString());
        }

        return [.. words];
    }

    private static void Feed(Process process, byte[] stdin)
    {
        try
        {
            process.StandardInput.BaseStream.Write(stdin);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // The program ended without reading all of its input: its exit code says what that means.
        }
    }

    private static TimeSpan Remaining(TimeSpan limit, long started)
    {
        TimeSpan left = limit - Stopwatch.GetElapsedTime(started);
        return left > TimeSpan.FromSeconds(1) ? left : TimeSpan.FromSeconds(1);
    }
}
