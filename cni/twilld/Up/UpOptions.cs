using System.Globalization;
using System.Net;
using Twill.System;

namespace Twill.Agent.Up;

/// <summary>The command line of <c>twilld up</c>.</summary>
internal sealed record UpOptions
{
    internal const string Usage = """
        twilld up - makes this host part of a network: looks at the host, writes the network's configuration, shows what container
        runtimes need, and waits until the agent has the way to the other hosts. What is done already is left as it is: after a
        failure, mend what it names and run it again. `twill cleanup` undoes it.

        usage: twilld up --etcd URL[,URL..] [options]
               twilld up --single [options]

          --etcd URLS         where etcd is: http:// or https:// URLs, comma between them; all hosts of a network name the same
          --single            a network of this host alone, without etcd
          --cidr CIDR         the network's addresses (default 10.244.0.0/16; with --single 10.244.0.0/24)
          --backend TYPE      how hosts are joined: vxlan (default), host-gw or wireguard
          --network NAME      the network's name (default twill)
          --interface NAME    the interface, address or network that leads to the other hosts (default: the default route's)
          --ca FILE           with https: who signed etcd's certificate
          --cert FILE         this host's certificate for etcd
          --key FILE          its key
          --user NAME         this host's user in etcd
          --password-file FILE
                              its password
          --conf-dir DIR      where network configurations are (/etc/cni/net.d)
          --wait SECONDS      how long to wait for the agent and the other hosts (default 60)
          --yes               change the configuration of podman and containerd where they need it; otherwise it is only shown
          --json              for programs: one JSON document
          --help              this text

        Exit code: 0 the network is there, 1 something is left to do, which is said, 2 the command line makes no sense (or the caller is not root).
        """;

    internal IReadOnlyList<string> Etcd { get; init; } = [];

    internal bool Single { get; init; }

    internal IPNetwork? Cidr { get; init; }

    internal string Backend { get; init; } = "vxlan";

    internal string Network { get; init; } = "twill";

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

    /// <summary>The addresses of the network.</summary>
    internal IPNetwork Range => Cidr ?? IPNetwork.Parse(Single ? "10.244.0.0/24" : "10.244.0.0/16");

    /// <param name="args">what stands behind <c>up</c></param>
    /// <exception cref="UsageException">an unknown option, or a value that an option does not take</exception>
    internal static UpOptions Parse(IReadOnlyList<string> args)
    {
        UpOptions options = new();
        OptionReader words = new(args);
        while (words.Read())
        {
            string name = words.Name;
            options = name switch
            {
                "--etcd" => options with { Etcd = Urls(name, Value()) },
                "--single" when words.IsBare => options with { Single = true },
                "--cidr" => options with { Cidr = Prefix(name, Value()) },
                "--backend" => options with { Backend = Value() },
                "--network" => options with { Network = Value() },
                "--interface" => options with { Interface = Value() },
                "--ca" => options with { CaFile = Existing(name, Value()) },
                "--cert" => options with { CertFile = Existing(name, Value()) },
                "--key" => options with { KeyFile = Existing(name, Value()) },
                "--user" => options with { User = Value() },
                "--password-file" => options with { PasswordFile = Existing(name, Value()) },
                "--conf-dir" => options with { ConfDir = Value() },
                "--wait" => options with { Wait = Seconds(name, Value()) },
                "--yes" or "-y" when words.IsBare => options with { Yes = true },
                "--json" when words.IsBare => options with { Json = true },
                "--help" or "-h" when words.IsBare => options with { Help = true },
                _ => throw new UsageException($"unknown option '{words.Argument}'"),
            };
        }

        return options.Help ? options
            : options.Single && options.Etcd.Count > 0
                ? throw new UsageException("--single and --etcd: a network of one host has no etcd; leave one of them out")
            : !options.Single && options.Etcd.Count == 0
                ? throw new UsageException("expected --etcd URL, for example --etcd http://192.168.50.200:2379, or --single")
            : options;

        string Value() => words.Value($"{words.Name}: expected a value after it");
    }

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

    private static IPNetwork Prefix(string name, string value) =>
        IPNetwork.TryParse(value, out IPNetwork prefix)
            ? prefix
            : throw new UsageException($"{name}: expected a network like 10.244.0.0/16, got '{value}'");

    // The agent reads it as well, from a directory of its own.
    private static string Existing(string name, string value) =>
        !value.StartsWith('/') ? throw new UsageException($"{name}: expected a file's absolute path, got '{value}'")
        : !File.Exists(value) ? throw new UsageException($"{name}: there is no file '{value}'")
        : value;

    private static TimeSpan Seconds(string name, string value) =>
        int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int seconds) && seconds <= 3600
            ? TimeSpan.FromSeconds(seconds)
            : throw new UsageException($"{name}: expected seconds from 0 to 3600, got '{value}'");
}
