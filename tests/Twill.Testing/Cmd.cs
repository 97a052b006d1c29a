using System.Collections;
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
        string[] words = [file, .. args];
        string line = string.Join(' ', words);
        ReadOnlySpan<string> command = words;
        Namespaces? place = Namespaces.Take(ref command);
        Dictionary<string, string> variables = VariablesOf(ref command, env ?? []);
        TimeSpan limit = timeout ?? DefaultTimeout;
        using MemoryStream stdout = new(),
            stderr = new();
        try
        {
            using ChildProcess child = new(command, variables, place);
            return child.Run(stdin, limit, stdout, stderr) is int exitCode
                ? new CmdResult(line, exitCode, Text(stdout), Text(stderr))
                : throw new CmdException($"{line}: not finished after {limit.TotalSeconds} s\n{Text(stdout)}{Text(stderr)}");
        }
        catch (SpawnException e) when (place is not null)
        {
            return new CmdResult(line, e.ExitCode, "", $"nsenter: {e.Message}\n"); // what it would have said
        }
        catch (SpawnException e)
        {
            throw new CmdException($"{line}: could not be started: {e.Message}");
        }
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

    /// <summary>What a program finds in its environment. `env NAME=VALUE...` before it is taken from the command.</summary>
    private static Dictionary<string, string> VariablesOf(ref ReadOnlySpan<string> command, IEnumerable<KeyValuePair<string, string?>> more)
    {
        Dictionary<string, string> variables = [];
        foreach (DictionaryEntry variable in Environment.GetEnvironmentVariables())
        {
            variables[(string)variable.Key] = (string)variable.Value!;
        }

        foreach ((string name, string? value) in more)
        {
            if (value is null)
            {
                variables.Remove(name);
            }
            else
            {
                variables[name] = value;
            }
        }

        int program = 1;
        while (program < command.Length && command[program].IndexOf('=') > 0 && command[program][0] != '-')
        {
            program++;
        }

        if (command[0] == "env" && program > 1 && program < command.Length && command[program][0] != '-')
        {
            foreach (string assignment in command[1..program])
            {
                int equals = assignment.IndexOf('=');
                variables[assignment[..equals]] = assignment[(equals + 1)..];
            }

            command = command[program..];
        }

        return variables;
    }

    private static string Text(MemoryStream bytes)
    {
        bytes.Position = 0;
        using StreamReader reader = new(bytes, new UTF8Encoding(false));
        return reader.ReadToEnd();
    }
}
