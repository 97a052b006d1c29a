using System.Collections;
using System.Diagnostics;
using System.Text;
using Tmds.Linux;
using Twill.System;
using static Tmds.Linux.LibC;

namespace Twill.Cni;

/// <summary>The real process: descriptors 0, 1 and 2, without System.Console.</summary>
public sealed class CniProcess : ICniProcess
{
    /// <summary>
    /// How long standard input may say nothing without ending. Runtimes write it at once and close it; one that forgets to would
    /// otherwise have processes pile up on the host.
    /// </summary>
    private static readonly TimeSpan s_silence = TimeSpan.FromSeconds(30);

    private readonly bool _hasStdin,
        _hasStdout,
        _hasStderr;
    private readonly TimeSpan _silence;

    /// <summary>
    /// Takes the environment; a closed reader of standard output becomes an error instead of SIGPIPE. A standard stream the process was
    /// started without stays that way: nothing that is opened later takes its number and gets what was meant for people or the runtime.
    /// </summary>
    public CniProcess()
        : this(s_silence) { }

    internal CniProcess(TimeSpan silence)
    {
        _silence = silence;
        Libc.IgnoreSigpipe();
        Libc.SetPrivateUmask();
        _hasStdin = Libc.IsInherited(0);
        _hasStdout = Libc.IsInherited(1);
        _hasStderr = Libc.IsInherited(2);
        var environment = new Dictionary<string, string>();
        foreach (DictionaryEntry entry in global::System.Environment.GetEnvironmentVariables())
        {
            environment[(string)entry.Key] = (string)entry.Value!;
        }

        Environment = environment;
    }

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, string> Environment { get; }

    /// <inheritdoc/>
    public byte[] ReadStdin(int limit)
    {
        if (!_hasStdin)
        {
            throw new IOException("standard input is closed");
        }

        if (Libc.IsTerminal(0))
        {
            return []; // somebody tries a plugin by hand: do not wait for them
        }

        byte[] buffer = new byte[8192];
        int length = 0;
        while (true)
        {
            AwaitInput();
            int count = Libc.Read(0, buffer.AsSpan(length), "standard input");
            if (count == 0)
            {
                return buffer[..length];
            }

            if (count < 0)
            {
                continue; // non-blocking, and somebody else was faster
            }

            length += count;
            if (length > limit)
            {
                throw new CniException(
                    CniErrorCode.DecodeFailure,
                    "the network configuration is too long",
                    $"standard input: expected at most {limit} bytes"
                );
            }

            if (length == buffer.Length)
            {
                Array.Resize(ref buffer, buffer.Length * 2);
            }
        }
    }

    /// <summary>Waits for a byte or the end.</summary>
    private void AwaitInput()
    {
        Span<pollfd> input = [new pollfd { fd = 0, events = POLLIN }];
        long start = Stopwatch.GetTimestamp();
        do
        {
            TimeSpan left = _silence - Stopwatch.GetElapsedTime(start);
            if (left <= TimeSpan.Zero)
            {
                throw new IOException(
                    $"standard input brought nothing for {_silence.TotalSeconds:0.#} s and has not ended: the runtime has to close it"
                );
            }

            Libc.Poll(input, (int)Math.Ceiling(left.TotalMilliseconds));
        } while (input[0].revents == 0);
    }

    /// <inheritdoc/>
    public void WriteStdout(ReadOnlySpan<byte> bytes)
    {
        if (!_hasStdout)
        {
            throw new IOException("standard output is closed");
        }

        Libc.WriteAll(1, bytes, "standard output");
    }

    /// <inheritdoc/>
    public void EndStdout() => Libc.CloseStdout();

    /// <inheritdoc/>
    /// <remarks>Only a pipe or a socket can tell. A file, a terminal and a missing standard output count as read.</remarks>
    public bool IsAwaited => !_hasStdout || !Libc.IsAbandoned(1);

    /// <inheritdoc/>
    public void WriteStderr(string line)
    {
        try
        {
            if (_hasStderr)
            {
                Libc.WriteAll(2, Encoding.UTF8.GetBytes(line + "\n"), "standard error");
            }
        }
        catch (IOException)
        {
            // Standard error is closed: nobody listens.
        }
    }
}
