namespace Twill.Cni;

/// <summary>The process around a plugin: its environment, its three standard streams. Replaced in tests.</summary>
public interface ICniProcess
{
    /// <summary>Every environment variable, to be looked up and to be passed on to a delegated plugin.</summary>
    IReadOnlyDictionary<string, string> Environment { get; }

    /// <summary>Everything on standard input, up to its end.</summary>
    /// <param name="limit">the most bytes to accept</param>
    /// <exception cref="IOException">the input cannot be read</exception>
    /// <exception cref="CniException">the input is longer than <paramref name="limit"/> (code 6)</exception>
    byte[] ReadStdin(int limit);

    /// <summary>Writes to standard output.</summary>
    /// <exception cref="IOException">nobody reads it any more, or it is closed</exception>
    void WriteStdout(ReadOnlySpan<byte> bytes);

    /// <summary>Says that no more comes on standard output: who reads it need not wait for the end of the process to know.</summary>
    void EndStdout() { }

    /// <summary>
    /// Whether somebody may still read the answer. False once the other end of standard output is closed: whoever ran the plugin has
    /// been killed, and has left this process behind.
    /// </summary>
    bool IsAwaited { get; }

    /// <summary>Writes a line for people to standard error. Never fails: there is nobody left to tell.</summary>
    void WriteStderr(string line);
}
