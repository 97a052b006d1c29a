using Twill.System;

namespace Twill.Agent.Conversions;

/// <summary>The command line of <c>twill convert</c>.</summary>
internal sealed record ConvertOptions
{
    internal const string Usage = """
        twill convert: prints the network of another plugin as one of twill's, and says on standard error what would change. It
        takes a configuration list or a single configuration of bridge, flannel, macvlan, ipvlan or vlan, as nerdctl, CRI-O and
        podman write them, and a network of podman's netavark (/etc/containers/networks, podman network inspect). Changes nothing.

        usage: twill convert [options] FILE

          --etcd URLS         with flannel: where etcd is, URLs with commas between them (default: http://127.0.0.1:2379)
          --help              this text

        Exit code: 0 it is printed, 1 it cannot be converted, which is said, 2 the command line makes no sense.

        """;

    internal string File { get; init; } = "";

    internal IReadOnlyList<string> Etcd { get; init; } = ["http://127.0.0.1:2379"];

    internal bool Help { get; init; }

    /// <param name="args">what stands behind <c>convert</c></param>
    /// <exception cref="UsageException">an unknown option, one without its value, or not one file</exception>
    internal static ConvertOptions Parse(IReadOnlyList<string> args)
    {
        ConvertOptions options = new();
        OptionReader words = new(args);
        while (words.Read())
        {
            options = words.Name switch
            {
                "--etcd" => options with { Etcd = words.Value("--etcd: expected URLs after it").Split(',') },
                "--help" or "-h" when words.IsBare => options with { Help = true },
                _ when words.Argument.StartsWith('-') => throw new UsageException($"unknown option '{words.Argument}'"),
                _ when options.File.Length > 0 => throw new UsageException($"expected one file, got '{words.Argument}' as well"),
                _ => options with { File = words.Argument },
            };
        }

        return options.Help || options.File.Length > 0 ? options : throw new UsageException("expected a file");
    }
}
