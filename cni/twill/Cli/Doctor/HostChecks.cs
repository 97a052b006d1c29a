using Twill.Host;
using Twill.Host.Forwarding;
using Twill.Linux;
using Twill.Network.Configuration;
using Twill.System;

namespace Twill.Plugin.Cli.Doctor;

/// <summary>What concerns all networks of the host.</summary>
internal static class HostChecks
{
    public static IReadOnlyList<Check> Run(HostView host, List<NetworkView> networks, bool all)
    {
        Findings to = new(null);
        to.Look(
            "configuration",
            () => Configuration(to, host, networks),
            () =>
                $"{Format.Count(networks.Count, "network")} in {host.ConfDir}: "
                + $"{string.Join(", ", networks.ConvertAll(network => network.Name))}"
        );
        to.Look("kernel", () => Kernel(to, host, networks), () => null);
        to.Look("plugins", () => Plugins(to, host, networks), () => $"all that the configuration names are in {host.PluginDirs[0]}");
        to.Look(
            "forwarding",
            () => Forwarding(to, host, networks),
            () => networks.Exists(network => network.Forwards) ? Forwarded(networks) : null
        );
        to.Look("routers", () => RouterAnnouncementCheck.Run(to, host, networks), () => null);
        to.Look("iptables", () => LegacyTables(to), BridgeFilterNote);
        if (all && host.Problems.Count == 0)
        {
            to.Look("leftovers", () => Leftovers(to, host), () => "nothing is left of networks that are not configured any more");
        }

        return to.Checks;
    }

    private static void Configuration(Findings to, HostView host, List<NetworkView> networks)
    {
        foreach (string problem in host.Problems)
        {
            to.Fail("configuration", problem, "correct the file; README.md lists the keys");
        }

        if (host.Networks.Count == 0 && host.Problems.Count == 0)
        {
            to.Fail(
                "configuration",
                $"no network of twill's in {host.ConfDir}",
                "put a network configuration list there, as in conf/10-twill.conflist"
            );
        }

        foreach (NetworkView network in networks)
        {
            foreach (string problem in network.StateProblems)
            {
                to.Fail("configuration", problem, "remove the file: it is written anew by the agent, or by the next ADD");
            }
        }
    }

    private static void Kernel(Findings to, HostView host, List<NetworkView> networks)
    {
        if (KernelRequirement.Fault is { } fault)
        {
            to.Fail("kernel", fault, "until then: stop what twill runs here, whose rules this kernel does not keep");
        }

        if (
            networks.Exists(network => network.Conf.Backend.TunnelPort is { Vni: not null } && network.Conf.Ipam.Etcd is not null)
            && !host.Route.TryListNexthops(out _)
        )
        {
            to.Warn(
                "kernel",
                "this kernel has no nexthop objects, without which it goes through all routes to other hosts for each new one: 4,000 take "
                    + "half a second, 16,000 four, and 60,000 a minute and a half",
                "nothing, among some thousand hosts; beyond that boot a kernel that has them (any Linux from 5.3 on)"
            );
        }
    }

    private static void Plugins(Findings to, HostView host, List<NetworkView> networks)
    {
        HashSet<string> wanted = [];
        foreach (NetworkView network in networks)
        {
            wanted.Add(network.Conf.Type);
            wanted.Add(network.Conf.Ipam.Type);
        }
        foreach (string plugin in wanted.InOrder())
        {
            string? found = null;
            foreach (string directory in host.PluginDirs)
            {
                found ??= File.Exists(Path.Combine(directory, plugin)) ? Path.Combine(directory, plugin) : null;
            }

            string where = string.Join(", ", host.PluginDirs);
            if (found is null && plugin == TwillConf.IpamPlugin)
            {
                to.Fail("plugins", $"{plugin} is not in {where}: every ADD fails", $"put it beside twill, with mode 755");
            }
            else if (found is null)
            {
                to.Warn(
                    "plugins",
                    $"{plugin} is not in {where}",
                    "tell CNI_PATH to twill doctor as the runtime has it, or put the plugin there"
                );
            }
            else if (OperatingSystem.IsLinux() && (File.GetUnixFileMode(found) & UnixFileMode.UserExecute) == 0)
            {
                to.Fail("plugins", $"{found} is not executable", $"chmod 755 {found}");
            }
        }
    }

    private static string Forwarded(List<NetworkView> networks) =>
        networks.Exists(network => network.Forwards && network.HasIPv6) ? "this host forwards IPv4 and IPv6" : "this host forwards IPv4";

    private static void Forwarding(Findings to, HostView host, List<NetworkView> networks)
    {
        if (Sysctl.Read("net/ipv4/ip_forward") != "1" && networks.Exists(network => network.IsInUse && network.Forwards))
        {
            to.Fail(
                "forwarding",
                "net.ipv4.ip_forward is 0: nothing leaves or reaches a container through this host",
                "sysctl -w net.ipv4.ip_forward=1, and look in /etc/sysctl.d who turns it off"
            );
        }

        if (networks.Find(network => network.HasIPv6) is { } dual && IPv6Settings.IsOff)
        {
            to.Fail(
                "forwarding",
                $"this kernel runs without IPv6, which containers of network '{dual.Name}' get: every ADD fails",
                "take ipv6.disable=1 from the kernel's command line and boot, or IPv6 out of the network's configuration"
            );
        }
        else if (
            networks.Exists(network => network.IsInUse && network.HasIPv6 && network.Forwards)
            && Value("net/ipv6/conf/all/forwarding") != "1"
        )
        {
            to.Fail(
                "forwarding",
                "net.ipv6.conf.all.forwarding is 0: no IPv6 packet leaves or reaches a container through this host",
                "sysctl -w net.ipv6.conf.all.forwarding=1, and look in /etc/sysctl.d who turns it off"
            );
        }

        if (Sysctl.Read("net/ipv4/ip_forward") != "1")
        {
            return;
        }

        HashSet<string> devices = [];
        foreach (NetworkView network in networks.FindAll(network => network.Forwards))
        {
            devices.Add(network.OwnsBridge ? network.Conf.Bridge : "");
            devices.UnionWith(network.OverlayDevices.ConvertAll(overlay => overlay.Name));
            devices.Add(network.Node?.Interface ?? "");
        }
        foreach (string device in devices.InOrder())
        {
            if (device.Length > 0 && host.Find(device) is not null && Value($"net/ipv4/conf/{device}/forwarding") == "0")
            {
                to.Fail(
                    "forwarding",
                    $"net.ipv4.conf.{device}.forwarding is 0: what comes in by {device} is not forwarded",
                    $"sysctl -w net/ipv4/conf/{device}/forwarding=1"
                );
            }
        }
    }

    /// <summary>A parameter; null where there is no such thing, as without IPv6.</summary>
    private static string? Value(string parameter)
    {
        try
        {
            return Sysctl.Read(parameter);
        }
        catch (LibcException e) when (e.Errno == Errno.ENOENT)
        {
            return null;
        }
    }

    /// <summary>What iptables-legacy keeps is not visible over nf_tables.</summary>
    private static void LegacyTables(Findings to)
    {
        if (LegacyIptables.HasFilter)
        {
            to.Warn("iptables", LegacyIptables.Text, LegacyIptables.Remedy);
        }
    }

    private static string? BridgeFilterNote()
    {
        const string Parameter = "net/bridge/bridge-nf-call-iptables";
        try
        {
            return Sysctl.Read(Parameter) == "1"
                ? "net.bridge.bridge-nf-call-iptables is 1: packets between containers of one bridge pass the forward chains as well"
                : "packets between containers of one bridge do not pass the forward chains";
        }
        catch (LibcException e) when (e.Errno == Errno.ENOENT)
        {
            return "br_netfilter is not loaded: packets between containers of one bridge do not pass the forward chains";
        }
    }

    private static void Leftovers(Findings to, HostView host)
    {
        foreach (string name in DiscoveredNetworks.Names(host))
        {
            if (!host.Networks.Exists(network => network.Name == name))
            {
                to.Warn(
                    "leftovers",
                    $"network '{name}' has left devices, tables or state here, but no file in {host.ConfDir} configures it",
                    $"twill cleanup --network {name} says what; with --yes it removes it"
                );
            }
        }
    }
}
