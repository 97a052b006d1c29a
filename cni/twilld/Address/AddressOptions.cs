using System.Net;
using Twill.Cni;
using Twill.System;

namespace Twill.Agent.Address;

/// <summary>The command line of <c>twill address</c>.</summary>
internal sealed record AddressOptions
{
    internal const string Command = "address",
        Reserve = "reserve",
        List = "list",
        Release = "release";

    internal const string Usage = """
        twill address: addresses that stay. A container of a name gets the address that is reserved for it, whenever it starts on this
        host, and no other container gets it.

        usage: twill address reserve NETWORK NAME [ADDRESS]
               twill address list [NETWORK]
               twill address release NETWORK NAME

          NAME              what the runtime calls the container: NAME= or K8S_POD_NAME= in CNI_ARGS, args.cni.names, or the name that
                            twill attach knows
          ADDRESS           one that this host gives out: of its own subnet (default: the last free one)
          --conf-dir DIR    where network configurations are (/etc/cni/net.d)
          --json            for programs: one JSON document
          --help            this text

        Exit code: 0 it is done, 1 it cannot be: the address is another name's, or none that this host gives out, 2 the command line makes
        no sense (or the caller is not root).

        """;

    internal string Verb { get; init; } = "";

    internal string? Network { get; init; }

    internal string? Name { get; init; }

    internal IPAddress? Address { get; init; }

    internal string ConfDir { get; init; } = "/etc/cni/net.d";

    internal bool Json { get; init; }

    internal bool Help { get; init; }

    /// <param name="args">what stands behind <c>address</c></param>
    /// <exception cref="UsageException">an unknown option, one without its value, a word too much or too few</exception>
    internal static AddressOptions Parse(IReadOnlyList<string> args)
    {
        AddressOptions options = new();
        List<string> plain = [];
        OptionReader words = new(args);
        while (words.Read())
        {
            switch (words.Name)
            {
                case "--conf-dir":
                    options = options with { ConfDir = words.Value("--conf-dir: expected a value after it") };
                    break;
                case "--json" when words.IsBare:
                    options = options with { Json = true };
                    break;
                case "--help" or "-h" when words.IsBare:
                    options = options with { Help = true };
                    break;
                case ['-', ..]:
                    throw new UsageException($"unknown option '{words.Argument}'");
                default:
                    plain.Add(words.Argument);
                    break;
            }
        }

        return (options.Help, plain) switch
        {
            (true, _) => options,
            (_, [List]) => options with { Verb = List },
            (_, [List, var network]) => options with { Verb = List, Network = network },
            (_, [Reserve, var network, var name]) => options with { Verb = Reserve, Network = network, Name = NameOf(name) },
            (_, [Reserve, var network, var name, var address]) => options with
            {
                Verb = Reserve,
                Network = network,
                Name = NameOf(name),
                Address = AddressOf(address),
            },
            (_, [Release, var network, var name]) => options with { Verb = Release, Network = network, Name = NameOf(name) },
            _ => throw new UsageException(
                "expected reserve NETWORK NAME [ADDRESS], list [NETWORK] or release NETWORK NAME, got "
                    + $"'{ForeignText.Shown(string.Join(' ', plain), 80)}'"
            ),
        };
    }

    private static string NameOf(string text) =>
        CniNames.HostLabelFault(text) is { } fault
            ? throw new UsageException($"NAME: {fault}, got '{ForeignText.Shown(text, 80)}'")
            : text.ToLowerInvariant();

    private static IPAddress AddressOf(string text) =>
        IPPrefix.TryParseAddress(text, out IPAddress address)
            ? address
            : throw new UsageException($"ADDRESS: expected an IPv4 or IPv6 address without a length, got '{ForeignText.Shown(text, 80)}'");
}
