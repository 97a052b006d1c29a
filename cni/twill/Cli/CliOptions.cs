using Twill.System;

namespace Twill.Plugin.Cli;

/// <summary>A command line of the operator's commands, read whole.</summary>
internal sealed record CliOptions
{
    /// <inheritdoc/>
    public override string ToString() => ConfDir;

    public const string DefaultConfDir = "/etc/cni/net.d";

    /// <summary>status, peers, doctor or cleanup.</summary>
    public string Command { get; init; } = "";

    public bool Help { get; init; }

    public bool Json { get; init; }

    /// <summary>Where network configurations are: a directory, or one file.</summary>
    public string ConfDir { get; init; } = DefaultConfDir;

    /// <summary>Only this network; null: all.</summary>
    public string? Network { get; init; }

    /// <summary>cleanup: do it, instead of saying what would be done.</summary>
    public bool Yes { get; init; }

    /// <summary>cleanup: also while containers are attached.</summary>
    public bool Force { get; init; }

    /// <summary>cleanup: the address records as well.</summary>
    public bool Addresses { get; init; }

    /// <exception cref="UsageException">nobody knows what is meant</exception>
    public static CliOptions Parse(string[] arguments)
    {
        CliOptions options = new();
        OptionReader words = new(arguments);
        while (words.Read())
        {
            string word = words.Name;
            options = word switch
            {
                "--help" or "-h" when words.IsBare => options with { Help = true },
                "--json" when words.IsBare => options with { Json = true },
                "--conf-dir" => options with { ConfDir = Value("a directory") },
                "--network" => options with { Network = Value("a network's name") },
                "--yes" or "-y" when words.IsBare => options with { Yes = OnlyCleanup(options, word) },
                "--force" when words.IsBare => options with { Force = OnlyCleanup(options, word) },
                "--addresses" when words.IsBare => options with { Addresses = OnlyCleanup(options, word) },
                "--release" => throw new UsageException(
                    "--release: twill itself never talks to etcd; 'twilld --release' gives this host's subnets back"
                ),
                _ when options.Command.Length == 0 && Commands.Exists(word) => options with { Command = word },
                _ => throw new UsageException($"unknown argument '{word}'"),
            };
        }
        return options.Command.Length > 0
            ? options
            : throw new UsageException("expected a command: up, preflight, status, peers, doctor, names, support or cleanup");

        string Value(string what) => words.Value($"expected {what} after {words.Name}");
    }

    private static bool OnlyCleanup(CliOptions options, string word) =>
        options.Command == Commands.Cleanup ? true : throw new UsageException($"{word} belongs to 'twill cleanup', after that word");
}
