using System.Globalization;
using System.Net;
using Twill.System;

namespace Twill.Agent;

/// <summary>The command line of twilld.</summary>
internal sealed record AgentOptions
{
    internal const string Usage = """
        twilld - the node agent of twill: keeps this host's subnet leases alive, watches the other hosts, and keeps
        the overlay device, routes, neighbours, bridge and firewall as they should be.

        usage: twilld [options]
               twilld --release [--force] [--conf FILE | --conf-dir DIR]
               twilld --install DIR [--install-files FROM=TO]...
               twilld up, preflight, support, trace: what `twill` with these words runs

          --conf-dir DIR      look for networks in DIR (default /etc/cni/net.d): every configuration in it with a
                              plugin of type "twill", or with "ipam" of type "twill-ipam"; read again when it changes
          --conf FILE         serve the network in FILE only (may be given several times)
          --once              bring everything in order once, then exit: 0 when nothing is left to do, otherwise 1
          --release           give this host's subnets back in etcd, for others to have at once, then exit: 0 when it holds
                              none any more, otherwise 1. The agent must be stopped, and no container have an address
          --force             with --release: also while containers have addresses; they are cut off sooner or later
          --install DIR       put the plugins that are beside this program, twill and twill-ipam, into DIR, then exit: 0 when
                              they are there, otherwise 1. Each is replaced at once, and other files in DIR stay. For
                              images: DIR is the host's /opt/cni/bin
          --install-files FROM=TO
                              with --install: then copy the files of the directory FROM into the directory TO, with their
                              modes (may be given several times, and is done in that order): keys, then configuration
          --interval SECONDS  compare everything at least this often (default 30)
          --pings NUMBER      ping the other hosts' subnets through the network with at most NUMBER packets a second
                              (default 20, 0 for none): `twill peers` and the metrics show how they answer
          --no-nexthops       lead to other hosts by routes that name no nexthop objects, as twill did before it knew
                              them: run it so once before going back to such a version
          --listen ADDRESS:PORT
                              answer HTTP there: /metrics (Prometheus), /healthz (200 when all is well, else 503 and
                              what is not). Not by default; mind who reaches the address: 127.0.0.1:9116 is a good one
          --sysctl-dir DIR    write kernel parameters below DIR instead of /proc/sys: for a container, whose own is
                              read-only, with the host's mounted at DIR
          --docker            be Docker's network and IPAM driver `twill`, at /run/docker/plugins/twill.sock: Docker's containers
                              get into these networks by `docker network create -d twill --ipam-driver twill -o network=NAME`
          --log-level LEVEL   debug, info (default), warning or error
          --log-format FORMAT text (default) or json: one object per line
          --help              show this
          --version           show the version

        Logs go to standard error. SIGTERM or SIGINT ends twilld; nothing in the kernel is removed, so traffic goes on.
        SIGHUP reads the configuration again and compares everything at once.
        Environment: TWILL_STATE_DIR moves /run/twill; NOTIFY_SOCKET is told of readiness, status and reloading, and
        within WATCHDOG_USEC of being alive (systemd, Type=notify); TWILL_TRACE=netlink prints each netlink message as the
        command that it equals.
        """;

    internal string ConfDir { get; init; } = "/etc/cni/net.d";

    internal IReadOnlyList<string> ConfFiles { get; init; } = [];

    internal bool Once { get; init; }

    internal bool Release { get; init; }

    internal bool Force { get; init; }

    /// <summary>Where to put the plugins; null: nowhere, they are not asked for.</summary>
    internal string? Install { get; init; }

    /// <summary>Directories whose files go to the host after the plugins, and where to.</summary>
    internal IReadOnlyList<(string From, string To)> InstallFiles { get; init; } = [];

    /// <summary>Where kernel parameters are written.</summary>
    internal string SysctlDir { get; init; } = "/proc/sys";

    internal bool Help { get; init; }

    internal bool Version { get; init; }

    internal TimeSpan Interval { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Packets a second, unless told otherwise.</summary>
    internal const int DefaultPings = 20;

    /// <summary>The most packets a second that measure whether other hosts answer; 0: none.</summary>
    internal int Pings { get; init; } = DefaultPings;

    /// <summary>Whether routes name nexthop objects where the kernel has them.</summary>
    internal bool Nexthops { get; init; } = true;

    /// <summary>Where to answer HTTP; null: nowhere.</summary>
    internal IPEndPoint? Listen { get; init; }

    /// <summary>Whether to be Docker's network driver.</summary>
    internal bool Docker { get; init; }

    internal LogLevel LogLevel { get; init; } = LogLevel.Info;

    internal LogFormat LogFormat { get; init; } = LogFormat.Text;

    /// <exception cref="UsageException">An unknown option, or a value that an option does not take.</exception>
    internal static AgentOptions Parse(IReadOnlyList<string> args)
    {
        AgentOptions options = new();
        OptionReader words = new(args);
        while (words.Read())
        {
            string name = words.Name;
            options = name switch
            {
                "--conf-dir" => options with { ConfDir = Value() },
                "--conf" => options with { ConfFiles = [.. options.ConfFiles, Value()] },
                "--interval" => options with { Interval = Seconds(name, Value()) },
                "--pings" => options with { Pings = PacketsPerSecond(name, Value()) },
                "--listen" => options with { Listen = EndPoint(name, Value()) },
                "--log-level" => options with { LogLevel = Choice(name, Value(), LogLevels) },
                "--log-format" => options with { LogFormat = Choice(name, Value(), LogFormats) },
                "--install" => options with { Install = Value() },
                "--install-files" => options with { InstallFiles = [.. options.InstallFiles, Directories(name, Value())] },
                "--sysctl-dir" => options with { SysctlDir = Directory(name, Value()) },
                "--no-nexthops" when words.IsBare => options with { Nexthops = false },
                "--docker" when words.IsBare => options with { Docker = true },
                "--once" when words.IsBare => options with { Once = true },
                "--release" when words.IsBare => options with { Release = true },
                "--force" when words.IsBare => options with { Force = true },
                "--help" or "-h" when words.IsBare => options with { Help = true },
                "--version" when words.IsBare => options with { Version = true },
                _ => throw new UsageException($"unknown option '{words.Argument}'"),
            };
        }

        return options switch
        {
            { Force: true, Release: false } => throw new UsageException("--force belongs to --release"),
            { InstallFiles.Count: > 0, Install: null } => throw new UsageException("--install-files belongs to --install"),
            _ => options,
        };

        string Value() => words.Value($"{words.Name}: expected a value after it");
    }

    private static IReadOnlyList<(string, LogLevel)> LogLevels { get; } =
    [("debug", LogLevel.Debug), ("info", LogLevel.Info), ("warning", LogLevel.Warning), ("error", LogLevel.Error)];

    private static IReadOnlyList<(string, LogFormat)> LogFormats { get; } = [("text", LogFormat.Text), ("json", LogFormat.Json)];

    private static T Choice<T>(string name, string value, IReadOnlyList<(string Name, T Value)> choices)
    {
        foreach ((string Name, T Value) choice in choices)
        {
            if (choice.Name == value)
            {
                return choice.Value;
            }
        }

        throw new UsageException($"{name}: expected {string.Join(" or ", choices.Select(c => c.Name))}, got '{value}'");
    }

    // An address alone would be taken with port 0: any.
    private static IPEndPoint EndPoint(string name, string value) =>
        IPEndPoint.TryParse(value, out IPEndPoint? at)
        && value.EndsWith($":{at.Port}", StringComparison.Ordinal)
        && value != at.Address.ToString()
            ? at
            : throw new UsageException($"{name}: expected an address and a port like 127.0.0.1:9116 or [::1]:9116, got '{value}'");

    private static (string From, string To) Directories(string name, string value) =>
        value.Split('=') is [{ Length: > 0 } from, { Length: > 0 } to]
            ? (from, to)
            : throw new UsageException($"{name}: expected two directories like /etc/twill=/host/etc/cni/net.d, got '{value}'");

    private static string Directory(string name, string value) =>
        global::System.IO.Directory.Exists($"{value}/net")
            ? value.TrimEnd('/')
            : throw new UsageException($"{name}: expected a directory with the host's /proc/sys/net in it, got '{value}'");

    private static int PacketsPerSecond(string name, string value) =>
        int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int packets) && packets <= 1000
            ? packets
            : throw new UsageException($"{name}: expected packets a second from 0 to 1000, got '{value}'");

    private static TimeSpan Seconds(string name, string value) =>
        double.TryParse(value, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double seconds)
        && seconds is >= 0.1 and <= 86400
            ? TimeSpan.FromSeconds(seconds)
            : throw new UsageException($"{name}: expected seconds from 0.1 to 86400, got '{value}'");
}
