namespace Twill.System;

/// <summary>Goes through a command line: <c>--name value</c>, <c>--name=value</c>, <c>--flag</c>, and words.</summary>
/// <param name="arguments">The command line without the program's name.</param>
public sealed class OptionReader(IReadOnlyList<string> arguments)
{
    private int _next;
    private string? _attached;

    /// <summary>The argument that was read, as it stands on the command line.</summary>
    public string Argument { get; private set; } = "";

    /// <summary>The same without <c>=value</c>.</summary>
    public string Name { get; private set; } = "";

    /// <summary>Whether no value is attached to it with <c>=</c>.</summary>
    public bool IsBare => _attached is null;

    /// <summary>Reads the next argument.</summary>
    /// <returns>False at the end of the command line.</returns>
    public bool Read()
    {
        if (_next == arguments.Count)
        {
            return false;
        }

        Argument = arguments[_next++];
        int equals = Argument.StartsWith("--", StringComparison.Ordinal) ? Argument.IndexOf('=') : -1;
        (Name, _attached) = equals > 0 ? (Argument[..equals], Argument[(equals + 1)..]) : (Argument, null);
        return true;
    }

    /// <summary>The value of this option: behind <c>=</c>, or the next argument.</summary>
    /// <param name="missing">What to tell when there is none, or an empty one.</param>
    /// <exception cref="UsageException">There is none, or an empty one.</exception>
    public string Value(string missing)
    {
        string value = _attached ?? (_next < arguments.Count ? arguments[_next++] : "");
        return value.Length > 0 ? value : throw new UsageException(missing);
    }
}

/// <summary>The command line cannot be understood, or its caller may not do that: exit code 2. The message says why.</summary>
public sealed class UsageException(string message) : Exception(message);
