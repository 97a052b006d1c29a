using System.Net;
using System.Text;
using Twill.Network.Configuration;
using Twill.System;

namespace Twill.Agent.Support;

/// <summary>The files and commands of which an archive consists. What is not named here is not in it.</summary>
/// <param name="root">where the file system begins</param>
/// <param name="confDir">where network configurations are</param>
/// <param name="stateDir">where run-time state lives</param>
internal sealed class SupportContent(string root, string confDir, string stateDir)
{
    /// <summary>Files of the state that outlives a boot: those of addresses, and these. Keys are none of them.</summary>
    private static readonly string[] s_lasting = [".up.json", "node-id", "vtep-mac", "vtep-mac-v6"];

    private static readonly string[] s_parameters =
    [
        "ipv4/ip_forward",
        "ipv4/conf/*/forwarding",
        "ipv4/conf/*/rp_filter",
        "ipv4/conf/*/proxy_arp",
        "ipv4/conf/*/route_localnet",
        "ipv4/neigh/default/gc_thresh3",
        "ipv6/conf/*/forwarding",
        "ipv6/conf/*/accept_ra",
        "ipv6/conf/*/disable_ipv6",
        "bridge/bridge-nf-call-*",
        "netfilter/nf_conntrack_count",
        "netfilter/nf_conntrack_max",
    ];

    /// <summary>Commands that show what the kernel and systemd have, as whoever reads it knows them.</summary>
    internal static IReadOnlyList<(string Name, string Program, string[] Arguments)> Commands { get; } =
    [
        ("kernel/links", "ip", ["-details", "-statistics", "link", "show"]),
        ("kernel/addresses", "ip", ["address", "show"]),
        ("kernel/routes", "ip", ["route", "show", "table", "all"]),
        ("kernel/routes-ipv6", "ip", ["-6", "route", "show", "table", "all"]),
        ("kernel/rules", "ip", ["rule", "show"]),
        ("kernel/rules-ipv6", "ip", ["-6", "rule", "show"]),
        ("kernel/nexthops", "ip", ["nexthop", "show"]),
        ("kernel/neighbours", "ip", ["neighbour", "show"]),
        ("kernel/bridge-ports", "bridge", ["-details", "link", "show"]),
        ("kernel/fdb", "bridge", ["fdb", "show"]),
        ("kernel/nftables", "nft", ["--handle", "list", "ruleset"]),
        ("kernel/listeners", "ss", ["--listening", "--numeric", "--tcp", "--udp", "--processes"]),
        ("logs/twilld", "journalctl", ["--unit", "twilld", "--lines", "5000", "--no-pager", "--output", "short-iso"]),
        ("logs/kernel", "journalctl", ["--dmesg", "--lines", "500", "--no-pager", "--output", "short-iso"]),
        ("logs/service", "systemctl", ["status", "twilld", "--no-pager", "--lines", "0"]),
    ];

    /// <summary>The secrets of this host that its networks name, and WireGuard's keys.</summary>
    internal Redaction FindSecrets(IEnumerable<FoundNetwork> networks)
    {
        Redaction redaction = new();
        foreach (FoundNetwork network in networks)
        {
            AddSecret(network.Conf.Ipam.Etcd?.PasswordFile);
            AddSecret(network.Conf.Ipam.Etcd?.KeyFile);
        }

        foreach (string key in FilesBelow(root + IpamConf.DefaultDataDir).Where(static file => Path.GetFileName(file) == "wireguard-key"))
        {
            AddSecret(key);
        }

        return redaction;

        void AddSecret(string? file)
        {
            if (file is not null && File.Exists(file))
            {
                redaction.Add(SmallFile.ReadAll(file));
            }
        }
    }

    /// <summary>Configurations, as JSON.</summary>
    internal IEnumerable<(string Name, string Path)> Configurations =>
        FilesBelow(root + confDir).Select(file => ($"configuration{file[(root + confDir).Length..]}", file));

    /// <summary>State of this boot, and of this host.</summary>
    internal IEnumerable<(string Name, string Path)> State =>
        FilesBelow(root + stateDir)
            .Where(static file => Path.GetExtension(file) == ".json" || file.Contains("/ports/") || file.Contains("/attachments/"))
            .Select(file => ($"state{file[(root + stateDir).Length..]}", file))
            .Concat(
                FilesBelow(root + IpamConf.DefaultDataDir)
                    .Where(static file => IsLasting(Path.GetFileName(file)))
                    .Select(file => ($"lasting-state{file[(root + IpamConf.DefaultDataDir).Length..]}", file))
            );

    private static bool IsLasting(string file) => s_lasting.Contains(file) || IPAddress.TryParse(file, out _);

    /// <summary>Kernel parameters, a line each.</summary>
    internal string Parameters()
    {
        StringBuilder all = new();
        foreach (string pattern in s_parameters)
        {
            foreach (string file in Expand($"{root}/proc/sys/net", pattern.Split('/')).Order(StringComparer.Ordinal))
            {
                all.Append(file[$"{root}/proc/sys/".Length..]).Append(" = ").Append(Read(file).Trim()).Append('\n');
            }
        }

        return all.ToString();
    }

    /// <summary>A file's text, or why there is none.</summary>
    internal static string Read(string path)
    {
        try
        {
            return Encoding.UTF8.GetString(SmallFile.ReadAll(path));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return $"cannot be read: {e.Message}\n";
        }
    }

    private static IEnumerable<string> Expand(string directory, ReadOnlyMemory<string> parts)
    {
        if (!Directory.Exists(directory))
        {
            return [];
        }

        string pattern = parts.Span[0];
        return parts.Length == 1
            ? Directory.EnumerateFiles(directory, pattern)
            : Directory.EnumerateDirectories(directory, pattern).SelectMany(one => Expand(one, parts[1..]));
    }

    /// <summary>Regular files, in their order: a FIFO or a socket is none.</summary>
    private static IEnumerable<string> FilesBelow(string directory)
    {
        EnumerationOptions regular = new() { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.Device };
        return Directory.Exists(directory) ? Directory.EnumerateFiles(directory, "*", regular).Order(StringComparer.Ordinal) : [];
    }
}
