using System.Net;
using Twill.Cluster;
using Twill.Host;
using Twill.Host.Backends;
using Twill.Host.Ports;
using Twill.Linux;
using Twill.Network.Configuration;
using Twill.Network.State;
using Twill.System;

namespace Twill.Agent.Up;

/// <summary>What has to be so on a host before it can be part of a network. Nothing is changed here.</summary>
internal sealed class Preflight(UpOptions options, StateDir state, MadeFiles made, UpReport report)
{
    // What an earlier run wrote is gone on with. Somebody else's file is not taken for that.
    private readonly TwillConf? _written = made.IsOurs(NetworkFile.PathOf(options))
        ? NetworkConfigList.Load(NetworkFile.PathOf(options), BackendTable.All).Networks.FirstOrDefault()?.Conf
        : null;

    /// <summary>Looks at everything, and tells of it.</summary>
    /// <returns>the network's file as it should be; null: something is in the way</returns>
    /// <exception cref="UsageException">the options make no network</exception>
    internal async Task<NetworkFile?> RunAsync(CancellationToken stop)
    {
        NetworkFile file = NetworkFile.Of(options, stored: null, _written);
        bool fits = Kernel() & Plugins() & Secrets(file.Conf);
        IReadOnlyCollection<IPAddress> members = [];
        IReadOnlyList<IPAddress> hosts = [];
        if (options.Etcd.Count > 0)
        {
            EtcdStep.Answer? answer = await EtcdStep.AskAsync(file.Conf.Ipam.Etcd!, report, stop).ConfigureAwait(false);
            members = answer?.Members ?? [];
            hosts = answer?.Hosts ?? [];
            file = answer?.Network is { } stored ? Join(stored) ?? file : file;
            fits &= answer is not null && IsAgreed(file.Conf, answer.Network);
        }

        using RouteSocket route = RouteSocket.Open();
        fits &= Underlay(route, file.Conf, hosts) & Addresses(route, file.Conf, members) & TunnelPort(route, file.Conf) & Neighbours(file);
        return fits ? file : null;
    }

    private bool Fail(string name, string text, string? advice = null)
    {
        report.Tell(new Step(name, StepState.Failed, text, advice));
        return false;
    }

    private bool Ok(string name, string text)
    {
        report.Tell(new Step(name, StepState.Ok, text));
        return true;
    }

    private void Note(string name, string text, string? advice = null) => report.Tell(new Step(name, StepState.Note, text, advice));

    private bool Kernel() =>
        KernelRequirement.Fault is { } fault ? Fail("kernel", fault) : Ok("kernel", $"Linux {Environment.OSVersion.Version}");

    private bool Plugins()
    {
        const string Directory = ContainerdNeeds.PluginDir;
        foreach (string plugin in (string[])[TwillConf.MainPlugin, TwillConf.IpamPlugin])
        {
            if (!File.Exists($"{Directory}/{plugin}"))
            {
                return Fail("plugins", $"{plugin} is not in {Directory}", "install the package, or all of the tarball");
            }
        }

        return Ok("plugins", $"twill and twill-ipam are in {Directory}");
    }

    private bool Secrets(TwillConf conf)
    {
        foreach ((string text, string remedy) in FilePermissions.FindLoose(conf))
        {
            Note("secrets", text, remedy);
        }

        return true;
    }

    private NetworkFile? Join(NetworkConfig stored)
    {
        try
        {
            return NetworkFile.Of(options, stored, _written);
        }
        catch (UsageException e)
        {
            Fail("network", e.Message, "correct the options, or take another --network");
            return null;
        }
    }

    private bool IsAgreed(TwillConf conf, NetworkConfig? stored)
    {
        try
        {
            string? difference = stored is null ? null : LeaseMapper.Network(conf).DescribeDifference(stored);
            return difference is null
                || Fail(
                    "network",
                    $"etcd has another network of this name: {difference}",
                    "leave those options out, or take another --network"
                );
        }
        catch (ClusterException e)
        {
            return Fail("network", e.Message, "correct the options");
        }
    }

    private bool Underlay(RouteSocket route, TwillConf conf, IReadOnlyList<IPAddress> hosts)
    {
        if (!conf.Backend.JoinsHosts)
        {
            return true;
        }

        try
        {
            Underlay underlay = Host.Underlay.Select(route, conf, NodeFile.TryRead(state.Existing(conf.Name), out _));
            Ok(
                "underlay",
                $"{underlay.Name} with {string.Join(" and ", underlay.Addresses)} leads to the other hosts; "
                    + $"{InterfaceManager.Of("", underlay.Name, underlay.Index) ?? "no known program"} configures it"
            );
            FirewallStep.Look(conf, underlay, hosts, report);
            return true;
        }
        catch (HostException e)
        {
            return Fail("underlay", e.Message, "--interface names what leads to the other hosts: an interface, an address, or a network");
        }
    }

    /// <summary>A fixed subnet must take nothing that the host needs. Of a leased network such subnets are left out.</summary>
    private bool Addresses(RouteSocket route, TwillConf conf, IReadOnlyCollection<IPAddress> members)
    {
        const string Advice = "better take addresses that nobody here uses: --cidr 10.100.0.0/16, for example, on all hosts";
        HostPrefixes needs = HostPrefixes.Read(route, conf, members);
        string ranges = string.Join(" and ", conf.Ipam.Ranges);
        if (needs.All.Count > 0)
        {
            string needed = $"{ranges} overlaps {string.Join("; ", needs.All.Select(one => one.Reason).Distinct())}";
            if (conf.Ipam.Etcd is null)
            {
                return Fail("addresses", needed, "take others: --cidr 10.100.0.0/24, for example");
            }

            Note("addresses", $"{needed}: subnets with it are not leased", Advice);
            return true;
        }

        foreach (HostPrefix around in needs.Around)
        {
            Note("addresses", $"{ranges} lies within {around.Reason}: what has addresses of it there is not reached from here", Advice);
            return true;
        }

        return Ok("addresses", $"{ranges} takes nothing that this host needs");
    }

    private bool TunnelPort(RouteSocket route, TwillConf conf)
    {
        if (conf.Backend.TunnelPort is not { } tunnel)
        {
            return true;
        }

        string port = $"UDP port {tunnel.Port}";
        return HostListener.WhoHas(IPProtocol.Udp, tunnel.Port) is not { } user ? Ok("port", $"{port} is free; open it between the hosts")
            : conf.Backend.DeviceNames.Any(name => route.TryGetLink(name, out _)) ? Ok("port", $"{port} is this network's already")
            : Fail("port", $"{port} is taken by {user}", "stop it, or take another one on all hosts: --port");
    }

    /// <summary>The other networks of this host.</summary>
    private bool Neighbours(NetworkFile file)
    {
        List<FoundNetwork> found = [];
        foreach (string path in ConfigurationsIn(options.ConfDir).Where(path => path != file.Path))
        {
            found.AddRange(NetworkConfigList.Load(path, BackendTable.All).Networks);
        }

        found.Add(new FoundNetwork(file.Path, file.Conf));
        NetworkClash.Split(found, out IReadOnlyList<string> clashes);
        return clashes.FirstOrDefault(clash => clash.StartsWith($"{file.Path}: ", StringComparison.Ordinal)) is not { } clash
            || Fail("network", clash, "take another --network, --cidr, --vni or --port for this one");
    }

    /// <summary>The files that runtimes read, in their order.</summary>
    internal static IEnumerable<string> ConfigurationsIn(string directory) =>
        !Directory.Exists(directory)
            ? []
            : Directory
                .GetFiles(directory)
                .Where(static file => Path.GetExtension(file) is ".conflist" or ".conf" or ".json")
                .Order(StringComparer.Ordinal);
}
