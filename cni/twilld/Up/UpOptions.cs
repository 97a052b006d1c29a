using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Twill.Cni;
using Twill.System;

namespace Twill.Agent.Up;

/// <summary>The command line of <c>twill up</c> and <c>twill preflight</c>.</summary>
internal sealed record UpOptions
{
    private const int LongestBridge = CniNames.MaxInterfaceName;

    /// <summary>Whether it is <c>preflight</c>: nothing is changed.</summary>
    internal bool ChecksOnly { get; init; }

    internal IReadOnlyList<string> Etcd { get; init; } = [];

    internal bool Single { get; init; }

    /// <summary>The network's addresses; null: what etcd says, or the usual ones.</summary>
    internal IPNetwork? Cidr { get; init; }

    /// <summary>Those of IPv6 beside them; null: what etcd says, or none.</summary>
    internal IPNetwork? IPv6Cidr { get; init; }

    /// <summary>How hosts are joined; null: as etcd says, or by VXLAN.</summary>
    internal string? Backend { get; init; }

    internal int? Vni { get; init; }

    internal int? Port { get; init; }

    internal string Network { get; init; } = "twill";

    /// <summary>What picks the underlay; null: the default route.</summary>
    internal string? Interface { get; init; }

    internal string? CaFile { get; init; }

    internal string? CertFile { get; init; }

    internal string? KeyFile { get; init; }

    internal string? User { get; init; }

    internal string? PasswordFile { get; init; }

    internal string ConfDir { get; init; } = "/etc/cni/net.d";

    internal TimeSpan Wait { get; init; } = TimeSpan.FromSeconds(60);

    internal bool Yes { get; init; }

    internal bool Json { get; init; }

    internal bool Help { get; init; }

    /// <summary>The network's bridge.</summary>
    internal string Bridge => Network == "twill" ? "twill0" : BridgeOf(Network);

    /// <param name="args">what stands behind <c>up</c> or <c>preflight</c></param>
    /// <param name="checksOnly">whether it is <c>preflight</c></param>
    /// <exception cref="UsageException">an unknown option, or a value that an option does not take</exception>
    internal static UpOptions Parse(IReadOnlyList<string> args, bool checksOnly)
    {
        UpOptions options = new() { ChecksOnly = checksOnly };
        OptionReader words = new(args);
        while (words.Read())
        {
            string name = words.Name;
            options = name switch
            {
                "--etcd" => options with { Etcd = Urls(name, Value()) },
                "--single" when words.IsBare => options with { Single = true },
                "--cidr" => options with { Cidr = Prefix(name, Value(), AddressFamily.InterNetwork, "10.244.0.0/16") },
                "--ipv6-cidr" => options with { IPv6Cidr = Prefix(name, Value(), AddressFamily.InterNetworkV6, "fd00:244::/48") },
                "--backend" => options with { Backend = Value() },
                "--vni" => options with { Vni = Number(name, Value(), 1, 16_777_215) },
                "--port" => options with { Port = Number(name, Value(), 1, ushort.MaxValue) },
                "--network" => options with { Network = NetworkName(name, Value()) },
                "--interface" => options with { Interface = Value() },
                "--ca" => options with { CaFile = Existing(name, Value()) },
                "--cert" => options with { CertFile = Existing(name, Value()) },
                "--key" => options with { KeyFile = Existing(name, Value()) },
                "--user" => options with { User = Value() },
                "--password-file" => options with { PasswordFile = Existing(name, Value()) },
                "--conf-dir" => options with { ConfDir = Absolute(name, Value(), "directory") },
                "--wait" when !checksOnly => options with { Wait = TimeSpan.FromSeconds(Number(name, Value(), 0, 3600)) },
                "--yes" or "-y" when words.IsBare && !checksOnly => options with { Yes = true },
                "--json" when words.IsBare => options with { Json = true },
                "--help" or "-h" when words.IsBare => options with { Help = true },
                _ => throw new UsageException($"unknown option '{words.Argument}'"),
            };
        }

        return options.Help ? options : Checked(options);

        string Value() => words.Value($"{words.Name}: expected a value after it");
    }

    private static UpOptions Checked(UpOptions options)
    {
        bool hasEtcd = options.Etcd.Count > 0;
        if (options.Single && hasEtcd)
        {
            throw new UsageException("--single and --etcd: a network of one host has no etcd; leave one of them out");
        }

        if (!options.Single && !hasEtcd && !options.ChecksOnly)
        {
            throw new UsageException("expected --etcd URL, for example --etcd http://192.168.50.200:2379, or --single");
        }

        (string Name, bool IsGiven)[] ofClusters =
        [
            ("--backend", options.Backend is not null),
            ("--vni", options.Vni is not null),
            ("--port", options.Port is not null),
            ("--interface", options.Interface is not null),
        ];
        (string Name, bool IsGiven)[] ofEtcd =
        [
            ("--ca", options.CaFile is not null),
            ("--cert", options.CertFile is not null),
            ("--key", options.KeyFile is not null),
            ("--user", options.User is not null),
            ("--password-file", options.PasswordFile is not null),
        ];
        foreach ((string name, bool isGiven) in options.Single ? [.. ofClusters, .. ofEtcd] : hasEtcd ? [] : ofEtcd)
        {
            if (isGiven)
            {
                throw new UsageException($"{name} belongs to {(options.Single ? "networks of several hosts, not to --single" : "--etcd")}");
            }
        }

        return options;
    }

    private static string BridgeOf(string network) => $"tw-{network}";

    private static string[] Urls(string name, string value)
    {
        string[] urls = value.Split(',');
        foreach (string url in urls)
        {
            if (!Uri.TryCreate(url, UriKind.Absolute, out Uri? uri) || uri.Scheme is not ("http" or "https") || uri.PathAndQuery != "/")
            {
                throw new UsageException($"{name}: expected URLs like http://192.168.50.200:2379 with commas between them, got '{url}'");
            }
        }

        return urls;
    }

    private static IPNetwork Prefix(string name, string value, AddressFamily family, string example) =>
        IPPrefix.TryParse(value, out IPAddress address, out int length)
        && address.AddressFamily == family
        && IPPrefix.Of(address, length) is var prefix
        && prefix.BaseAddress.Equals(address)
            ? prefix
            : throw new UsageException($"{name}: expected a network like {example}, got '{value}'");

    private static string NetworkName(string name, string value) =>
        CniNames.NetworkNameFault(value) is { } fault ? throw new UsageException($"{name}: {fault}, got '{value}'")
        : BridgeOf(value).Length > LongestBridge
            ? throw new UsageException(
                $"{name}: expected at most {LongestBridge - BridgeOf("").Length} characters, because the bridge has it in its name, got "
                    + $"'{value}'"
            )
        : value;

    private static string Absolute(string name, string value, string what) =>
        value.StartsWith('/') ? value : throw new UsageException($"{name}: expected a {what}'s absolute path, got '{value}'");

    // The agent reads it as well, from a directory of its own.
    private static string Existing(string name, string value) =>
        File.Exists(Absolute(name, value, "file")) ? value : throw new UsageException($"{name}: there is no file '{value}'");

    private static int Number(string name, string value, int min, int max) =>
        int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number >= min && number <= max
            ? number
            : throw new UsageException($"{name}: expected a number from {min} to {max}, got '{value}'");
}
