using System.Text;
using Twill.Cni;

namespace Twill.Testing;

/// <summary>A plugin's process in memory: what it would read, and what it wrote.</summary>
public sealed class FakeCniProcess : ICniProcess
{
    private readonly MemoryStream _stdout = new();

    public FakeCniProcess(string stdin, params (string Name, string Value)[] environment)
        : this(Encoding.UTF8.GetBytes(stdin), environment) { }

    public FakeCniProcess(byte[] stdin, params (string Name, string Value)[] environment)
    {
        Stdin = stdin;
        Environment = environment.ToDictionary(v => v.Name, v => v.Value);
    }

    public byte[] Stdin { get; }

    public IReadOnlyDictionary<string, string> Environment { get; }

    public List<string> StderrLines { get; } = [];

    /// <summary>Makes reading standard input fail, as a closed one does.</summary>
    public IOException? StdinFailure { get; init; }

    /// <summary>Makes writing standard output fail, as one that nobody reads does.</summary>
    public IOException? StdoutFailure { get; init; }

    /// <inheritdoc/>
    public bool IsAwaited { get; init; } = true;

    /// <summary>How often standard output was written.</summary>
    public int Writes { get; private set; }

    public byte[] StdoutBytes => _stdout.ToArray();

    public string Stdout => Encoding.UTF8.GetString(_stdout.ToArray());

    public byte[] ReadStdin(int limit)
    {
        if (StdinFailure is not null)
        {
            throw StdinFailure;
        }

        return Stdin.Length <= limit ? Stdin : throw new CniException(CniErrorCode.DecodeFailure, "too long", $"at most {limit} bytes");
    }

    public void WriteStdout(ReadOnlySpan<byte> bytes)
    {
        if (StdoutFailure is not null)
        {
            throw StdoutFailure;
        }

        Writes++;
        _stdout.Write(bytes);
    }

    public void WriteStderr(string line) => StderrLines.Add(line);
}
