using System.Net;
using Twill.Cni;
using Twill.System;

namespace Twill.Agent.Attach;

/// <summary>The command line of <c>twill attach</c> and <c>twill detach</c>.</summary>
internal sealed record AttachOptions
{
    internal const string Attach = "attach",
        Detach = "detach";

    private const string Containers = """
          CONTAINER         a running container of docker, podman or containerd: its name, its id or how that begins. Where two are
                            meant: docker:NAME, podman:NAME, containerd:ID. Or the pid of a process, pid:PID, or the path of a
                            network namespace
        """;

    private const string Common = """
          --conf-dir DIR    where network configurations are (/etc/cni/net.d)
          --json            for programs: one JSON document
          --help            this text
        """;

    private const string ExitCodes = """
        2 the command line makes no sense: there is no such network or container, or more than one (or the caller is not root).

        """;

    private const string AttachUsage = $"""
        twill attach: puts a running container into a network, beside those that it is in: all plugins of the network's list are run, as
        a runtime does. The interface is the first free one of eth0, eth1, ... The agent detaches what died.

        usage: twill attach NETWORK CONTAINER [options]

        {Containers}
          --name NAME       the name that it is found by, where the network has names (default: the container's own)
          --ip ADDRESS      the address that it gets; once for each family
        {Common}

        Exit code: 0 it is in the network, 1 it could not be put there, or is there already: then CHECK of all plugins is run,
        {ExitCodes}
        """;

    private const string DetachUsage = $"""
        twill detach: takes a container out of a network that twill attach has put it into. It may have ended since.

        usage: twill detach NETWORK CONTAINER [options]

        {Containers}
        {Common}

        Exit code: 0 it is out of the network, 1 it was not put there by twill attach, or not all could be taken away,
        {ExitCodes}
        """;

    /// <summary>What <c>--help</c> says.</summary>
    internal string Usage => IsDetach ? DetachUsage : AttachUsage;

    internal bool IsDetach { get; init; }

    internal string Network { get; init; } = "";

    internal string Container { get; init; } = "";

    internal string? Name { get; init; }

    internal IReadOnlyList<string> Addresses { get; init; } = [];

    internal string ConfDir { get; init; } = "/etc/cni/net.d";

    internal bool Json { get; init; }

    internal bool Help { get; init; }

    /// <param name="args">the command line</param>
    /// <exception cref="UsageException">an unknown option, one without its value, or no network or container</exception>
    internal static AttachOptions Parse(IReadOnlyList<string> args)
    {
        AttachOptions options = new() { IsDetach = args[0] == Detach };
        OptionReader words = new([.. args.Skip(1)]);
        while (words.Read())
        {
            options = words.Name switch
            {
                "--name" when !options.IsDetach => options with { Name = NameOf(Value()) },
                "--ip" when !options.IsDetach => options with { Addresses = [.. options.Addresses, AddressOf(Value())] },
                "--conf-dir" => options with { ConfDir = Value() },
                "--json" when words.IsBare => options with { Json = true },
                "--help" or "-h" when words.IsBare => options with { Help = true },
                ['-', ..] => throw new UsageException($"unknown option '{words.Argument}'"),
                _ when options.Network.Length == 0 => options with { Network = words.Argument },
                _ when options.Container.Length == 0 => options with { Container = words.Argument },
                _ => throw new UsageException($"expected one network and one container, got '{words.Argument}' as well"),
            };
        }

        return options switch
        {
            { Help: true } => options,
            { Container.Length: 0 } => throw new UsageException("expected a network and a container"),
            _ => options,
        };

        string Value() => words.Value($"{words.Name}: expected a value after it");
    }

    private static string NameOf(string text) =>
        CniNames.HostLabelFault(text) is { } fault
            ? throw new UsageException($"--name: {fault}, got '{ForeignText.Shown(text, 80)}'")
            : text;

    private static string AddressOf(string text) =>
        IPPrefix.TryParseAddress(text, out IPAddress address)
            ? address.ToString()
            : throw new UsageException($"--ip: expected an IPv4 or IPv6 address without a length, got '{ForeignText.Shown(text, 80)}'");
}
