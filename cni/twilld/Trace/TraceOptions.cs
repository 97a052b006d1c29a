using System.Globalization;
using Twill.System;

namespace Twill.Agent.Trace;

/// <summary>The command line of <c>twill trace</c>.</summary>
internal sealed record TraceOptions
{
    internal const string Usage = """
        twill trace: the way of a packet from a container of this host, hop by hop: what each hop has, what drops it there, and what
        answers when it is asked. Says where the way ends and what to do. Changes nothing.

        usage: twill trace HOST|CONTAINER|ADDRESS [PORT] [options]

          HOST              another host, by its address on the underlay: its subnet's address is traced
          CONTAINER         a container of this host, by its id or how that begins
          ADDRESS           any address: of a container here or elsewhere, or outside
          PORT              ask this TCP port, too
          --from CONTAINER  where the packet comes from (default: the first container of the network; without one, this host)
          --network NAME    the network (default: the one that the address is of)
          --conf-dir DIR    where network configurations are (/etc/cni/net.d)
          --json            for programs: one JSON document
          --help            this text

        Exit code: 0 the address answers, 1 it does not, or not in full size, 2 the command line makes no sense (or the caller is not
        root).

        """;

    /// <summary>What to go to.</summary>
    internal string Target { get; init; } = "";

    /// <summary>A TCP port to ask as well; 0: none.</summary>
    internal int Port { get; init; }

    internal string? From { get; init; }

    internal string? Network { get; init; }

    internal string ConfDir { get; init; } = "/etc/cni/net.d";

    internal bool Json { get; init; }

    internal bool Help { get; init; }

    /// <param name="args">what stands behind <c>trace</c></param>
    /// <exception cref="UsageException">an unknown option, one without its value, or no target</exception>
    internal static TraceOptions Parse(IReadOnlyList<string> args)
    {
        TraceOptions options = new();
        OptionReader words = new(args);
        while (words.Read())
        {
            options = words.Name switch
            {
                "--from" => options with { From = Value() },
                "--network" => options with { Network = Value() },
                "--conf-dir" => options with { ConfDir = Value() },
                "--json" when words.IsBare => options with { Json = true },
                "--help" or "-h" when words.IsBare => options with { Help = true },
                ['-', ..] => throw new UsageException($"unknown option '{words.Argument}'"),
                _ when options.Target.Length == 0 => options with { Target = words.Argument },
                _ when options.Port == 0 => options with { Port = PortOf(words.Argument) },
                _ => throw new UsageException($"expected one target and a port, got '{words.Argument}' as well"),
            };
        }

        return options.Target.Length > 0 || options.Help
            ? options
            : throw new UsageException("expected a host, a container or an address to go to");

        string Value() => words.Value($"{words.Name}: expected a value after it");
    }

    private static int PortOf(string word) =>
        int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out int port) && port is > 0 and <= 65_535
            ? port
            : throw new UsageException($"expected a TCP port from 1 to 65535, got '{word}'");
}
