using Twill.System;

namespace Twill.Agent.Support;

/// <summary>The command line of <c>twill support</c>.</summary>
internal sealed record SupportOptions
{
    internal const string Usage = """
        twill support: writes one archive with what somebody needs who looks for a fault on this host from elsewhere: versions,
        configuration, state, the kernel's links, routes and rules, logs, and what twill status, peers and doctor say. Passwords
        and keys are left out. Changes nothing else. Look into the archive before you give it to anybody: addresses and names of
        containers are in it.

        usage: twill support [options]

          --out FILE        the archive (default: twill-support-HOST-TIME.tar here); it must not be there yet
          --conf-dir DIR    where network configurations are (/etc/cni/net.d)
          --json            for programs: one JSON document
          --help            this text

        Exit code: 0 the archive is written, 1 it is not, 2 the command line makes no sense (or the caller is not root).

        """;

    internal string? Out { get; init; }

    internal string ConfDir { get; init; } = "/etc/cni/net.d";

    internal bool Json { get; init; }

    internal bool Help { get; init; }

    /// <param name="args">what stands behind <c>support</c></param>
    /// <exception cref="UsageException">an unknown option, or one without its value</exception>
    internal static SupportOptions Parse(IReadOnlyList<string> args)
    {
        SupportOptions options = new();
        OptionReader words = new(args);
        while (words.Read())
        {
            options = words.Name switch
            {
                "--out" => options with { Out = Value() },
                "--conf-dir" => options with { ConfDir = Value() },
                "--json" when words.IsBare => options with { Json = true },
                "--help" or "-h" when words.IsBare => options with { Help = true },
                _ => throw new UsageException($"unknown option '{words.Argument}'"),
            };
        }

        return options;

        string Value() => words.Value($"{words.Name}: expected a value after it");
    }
}
