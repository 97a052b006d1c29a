using System.Text;
using System.Text.Json;
using Microsoft.Win32.SafeHandles;
using Tmds.Linux;
using Twill.System;
using static Tmds.Linux.LibC;

namespace Twill.Cni;

/// <summary>
/// A delegated plugin at work. Its input is fed and its output drained together, so that neither side waits for the other however large
/// the documents are. It ends when the plugin ends, even if something it left running still holds the pipe.
/// </summary>
public sealed class RunningDelegate : IDisposable
{
    /// <summary>The most a plugin may answer.</summary>
    public const int MaxOutput = 16 * 1024 * 1024;

    private readonly string _plugin;
    private readonly CniVerb _verb;
    private readonly CniVersion _version;
    private readonly int _pid;
    private readonly SafeFileHandle _pidFd,
        _input,
        _output;
    private readonly MemoryStream _answer = new();
    private ReadOnlyMemory<byte> _unsent;
    private int? _status;
    private bool _tooLong,
        _held,
        _outputEnded,
        _ended;

    private RunningDelegate(
        string plugin,
        CniVerb verb,
        CniVersion version,
        int pid,
        SafeFileHandle input,
        SafeFileHandle output,
        ReadOnlyMemory<byte> config
    )
    {
        (_plugin, _verb, _version, _pid, _input, _output, _unsent) = (plugin, verb, version, pid, input, output, config);
        _pidFd = Libc.OpenPidFd(pid);
    }

    internal static RunningDelegate Start(
        string path,
        string plugin,
        CniVerb verb,
        CniVersion version,
        IReadOnlyList<string> environment,
        ReadOnlyMemory<byte> config,
        bool held
    )
    {
        (SafeFileHandle childInput, SafeFileHandle input) = Pipe();
        (SafeFileHandle output, SafeFileHandle childOutput) = Pipe();
        Errno error;
        int pid,
            attempts = 0;
        using (childInput)
        using (childOutput)
        {
            // ETXTBSY: somebody is still writing the file, an upgrade most likely.
            while ((error = Libc.Spawn(path, environment, childInput, childOutput, out pid)) == Errno.ETXTBSY && attempts++ < 40)
            {
                Thread.Sleep(50);
            }
        }
        if (error != Errno.None)
        {
            input.Dispose();
            output.Dispose();
            throw new CniException(CniErrorCode.Delegate, $"cannot run plugin '{plugin}'", new LibcException("exec", path, error).Message);
        }
        Libc.IgnoreSigpipe();
        Libc.SetNonBlocking(input);
        Libc.SetNonBlocking(output);
        var running = new RunningDelegate(plugin, verb, version, pid, input, output, config) { _held = held };
        if (!held)
        {
            running.Feed();
        }

        return running;
    }

    private static (SafeFileHandle Read, SafeFileHandle Write) Pipe()
    {
        try
        {
            return Libc.Pipe();
        }
        catch (LibcException failure)
        {
            throw new CniException(CniErrorCode.IoFailure, "input or output failed", failure.Message, failure);
        }
    }

    /// <summary>Waits for the end of the plugin.</summary>
    /// <returns>its result for ADD, in whatever version it answered; null for the other verbs</returns>
    /// <exception cref="CniException">the plugin's own error, code and texts unchanged; code 102 when it broke the protocol</exception>
    public CniResult? Wait()
    {
        byte[] answer = WaitForAnswer();
        if (_verb != CniVerb.Add)
        {
            return null;
        }

        if (!CniJson.TryParse(answer, out JsonElement root, out string fault))
        {
            throw Broken($"succeeded, but its answer is no result: {fault}", answer);
        }

        return CniResult.Parse(Reader(root), _version);
    }

    private ConfigReader Reader(JsonElement answer) =>
        new(answer, "$", CniErrorCode.Delegate, $"plugin '{_plugin}' answered {_verb.Name()} with a wrong result");

    /// <summary>
    /// The result of an ADD as soon as the plugin has closed its standard output, which may be before it exits. The caller calls
    /// <see cref="WaitForExit"/> before it relies on the result: a plugin that exits with an error has allocated nothing.
    /// </summary>
    /// <exception cref="CniException">as <see cref="Wait"/></exception>
    public CniResult? ReadResult()
    {
        _held = false;
        Pump();
        if (
            _tooLong
            || !_outputEnded
            || !CniJson.TryParse(_answer.ToArray(), out JsonElement root, out _)
            || root.ValueKind != JsonValueKind.Object
            || root.TryGetProperty("code", out _)
        )
        {
            return Wait();
        }

        try
        {
            return CniResult.Parse(Reader(root), _version);
        }
        catch (CniException)
        {
            return Wait(); // that it failed, if it did, says more
        }
    }

    /// <summary>Waits until the plugin has exited; throws when it failed.</summary>
    /// <exception cref="CniException">as <see cref="Wait"/></exception>
    public void WaitForExit() => WaitForAnswer();

    /// <summary>Waits for the end of the plugin and gives what it printed.</summary>
    internal byte[] WaitForAnswer()
    {
        _held = false;
        int status = Reap();
        byte[] answer = _answer.ToArray();
        if (_tooLong)
        {
            throw Broken($"answered more than {MaxOutput} bytes");
        }

        if ((status & 0x7f) != 0)
        {
            throw Broken($"was killed by signal {status & 0x7f}");
        }

        int exitCode = (status >> 8) & 0xff;
        if (exitCode != 0)
        {
            throw Failure(exitCode, answer);
        }

        return answer;
    }

    /// <summary>Whether the plugin ended well; known after <see cref="Wait"/>, however that ended, or <see cref="Dispose"/>.</summary>
    public bool Succeeded => _status == 0;

    /// <summary>Ends an abandoned run: waits for the plugin (killing it in the middle would strand what it holds) and drops its
    /// answer.</summary>
    public void Dispose()
    {
        if (_held)
        {
            _input.Dispose(); // it finds no configuration, and does nothing
        }

        if (_status is null)
        {
            Reap();
        }

        _input.Dispose();
        _output.Dispose();
        _pidFd.Dispose();
    }

    private int Reap()
    {
        if (_status is int known)
        {
            return known;
        }

        Pump();
        _input.Dispose();
        return (_status = Libc.WaitFor(_pid)).Value;
    }

    /// <summary>Feeds and drains until there is nothing left to do but to wait for the end, or that has come.</summary>
    private void Pump()
    {
        while (!_ended && !(_outputEnded && _input.IsClosed))
        {
            Span<pollfd> fds =
            [
                new() { fd = _outputEnded ? -1 : (int)_output.DangerousGetHandle(), events = POLLIN },
                new() { fd = _input.IsClosed ? -1 : (int)_input.DangerousGetHandle(), events = POLLOUT },
                new() { fd = _pidFd.IsInvalid ? -1 : (int)_pidFd.DangerousGetHandle(), events = POLLIN },
            ];
            Libc.Poll(fds, -1);
            if (fds[1].revents != 0)
            {
                Feed();
            }

            _ended = fds[2].revents != 0;
            if (!_outputEnded && (fds[0].revents != 0 || _ended))
            {
                _outputEnded = Drain();
            }
        }
    }

    /// <summary>Writes what the pipe takes; closes it when all is sent, or when the plugin does not read it (then its answer
    /// counts).</summary>
    private void Feed()
    {
        try
        {
            while (!_unsent.IsEmpty)
            {
                int count = Libc.Write((int)_input.DangerousGetHandle(), _unsent.Span, "to the plugin");
                if (count < 0)
                {
                    return;
                }

                _unsent = _unsent[count..];
            }
        }
        catch (LibcException)
        {
            _unsent = default; // EPIPE: it ended or closed its input before reading everything
        }
        _input.Dispose();
    }

    /// <summary>Reads what is there; true at the end.</summary>
    private bool Drain()
    {
        Span<byte> buffer = stackalloc byte[4096];
        while (true)
        {
            int count = Libc.Read((int)_output.DangerousGetHandle(), buffer, "from the plugin");
            if (count <= 0)
            {
                return count == 0;
            }

            if (_answer.Length + count > MaxOutput)
            {
                _tooLong = true;
                Libc.Kill(_pid);
                return true;
            }
            _answer.Write(buffer[..count]);
        }
    }

    private CniException Failure(int exitCode, byte[] answer)
    {
        if (!CniJson.TryParse(answer, out JsonElement root, out string fault))
        {
            return Broken($"failed with exit code {exitCode}, and its answer is no error document: {fault}", answer);
        }

        var quiet = new ConfigReader(root).Lenient([]);
        long code = quiet["code"].Long(0, 1, uint.MaxValue);
        string msg = quiet["msg"].OptionalString() ?? "",
            details = quiet["details"].OptionalString() ?? "";
        if (code == 0 && msg.Length == 0)
        {
            return Broken($"failed with exit code {exitCode} without saying why", answer);
        }

        return new CniException(
            code == 0 ? CniErrorCode.Delegate : (CniErrorCode)code,
            msg.Length > 0 ? msg : $"plugin '{_plugin}' failed",
            details
        );
    }

    private CniException Broken(string what, byte[]? answer = null) =>
        new(
            CniErrorCode.Delegate,
            $"plugin '{_plugin}' ({_verb.Name()}) {what}",
            answer is { Length: > 0 }
                ? $"it printed: {ConfigReader.Shorten(Encoding.UTF8.GetString(answer, 0, Math.Min(answer.Length, 1000)).Trim(), 400)}"
                : ""
        );
}
