using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace Twill.Agent;

/// <summary>Writes figures in the text format of Prometheus.</summary>
internal sealed partial class PrometheusText
{
    private readonly StringBuilder _text = new();
    private string _name = "";

    /// <summary>All metrics of a process that serves these networks.</summary>
    /// <param name="networks">A network's figures each.</param>
    /// <param name="version">twilld's.</param>
    /// <param name="now">The time of day.</param>
    internal static string Write(IReadOnlyList<AgentMetrics> networks, string version, DateTimeOffset now)
    {
        PrometheusText to = new();
        to.Begin("twill_build_info", "gauge", "The version, as a label; always 1.");
        to.Add(1, ("version", version));
        to.AddProcess();
        to.Add(networks, "twill_peers_wanted", "gauge", "Remote subnets in etcd that this host should reach.", n => n.PeersWanted);
        to.Add(networks, "twill_peers_programmed", "gauge", "Remote subnets that the kernel leads to.", n => n.PeersProgrammed);
        to.Add(networks, "twill_peers_skipped", "gauge", "Leases of other hosts that nothing could be made for; the log says why.", n =>
            n.PeersSkipped
        );
        to.AddReachability(networks);
        to.Add(networks, "twill_subnets", "gauge", "Subnets that this host holds.", n => n.Subnets.Count);
        to.Add(networks, "twill_subnets_lost", "gauge", "Subnets that another host took while containers here may still use them.", n =>
            n.LostSubnets
        );
        to.Add(
            networks,
            "twill_addresses",
            "gauge",
            "Addresses that containers of this host can have in its subnets: of the family that has fewer.",
            Capacity
        );
        to.Add(networks, "twill_addresses_used", "gauge", "Addresses that containers of this host have: of the family that has more.", n =>
            n.AddressesUsed
        );
        to.Add(networks, "twill_lease_left_seconds", "gauge", "Time until the lease runs out unless it is renewed.", n =>
            n.LeaseSecondsLeft
        );
        to.Add(networks, "twill_etcd_silence_seconds", "gauge", "Time since etcd last answered.", n => (now - n.EtcdContact)?.TotalSeconds);
        to.Add(networks, "twill_names", "gauge", "Names of containers that are answered for, of all hosts.", n => n.Names);
        to.Begin("twill_name_queries_total", "counter", "Queries for names, by what became of them.");
        foreach (AgentMetrics network in networks)
        {
            foreach ((string result, long count) in network.NameQueries)
            {
                to.Add(count, ("network", network.Network), ("result", result));
            }
        }

        to.Begin("twill_rounds_total", "counter", "Comparisons of what should be with what is, by what was looked at.");
        foreach (AgentMetrics network in networks)
        {
            foreach ((string kind, long count) in network.Rounds)
            {
                to.Add(count, ("network", network.Network), ("kind", kind));
            }
        }

        to.Add(networks, "twill_kernel_entries_total", "counter", "Routes, neighbours and FDB entries written or removed.", n => n.Entries);
        to.Add(
            networks,
            "twill_host_changes_total",
            "counter",
            "Things put in order on this host: bridge, ports, forwarding, firewall.",
            n => n.HostChanges
        );
        to.AddPluginCalls(networks);
        to.Begin("twill_condition_failing", "gauge", "1 while the condition fails; the log and /healthz say how.");
        foreach (AgentMetrics network in networks)
        {
            foreach ((string name, string? message) in network.Conditions)
            {
                to.Add(message is null ? 0 : 1, ("network", network.Network), ("condition", name));
            }
        }

        return to._text.ToString();
    }

    /// <summary>A container has one address of each family. IPv4: all but the network's own address, the gateway and the broadcast; IPv6
    /// has none.</summary>
    private static double? Capacity(AgentMetrics network) =>
        network
            .Subnets.GroupBy(s => s.BaseAddress.AddressFamily == AddressFamily.InterNetwork ? (Bits: 32, Taken: 3) : (Bits: 128, Taken: 2))
            .Select(family => family.Sum(s => Math.Max(0, Math.Pow(2, family.Key.Bits - s.PrefixLength) - family.Key.Taken)))
            .DefaultIfEmpty(0)
            .Min();

    private void AddProcess()
    {
        Begin("process_resident_memory_bytes", "gauge", "Resident memory size in bytes.");
        Add(Environment.WorkingSet);
        Begin("process_cpu_seconds_total", "counter", "Total user and system CPU time spent in seconds.");
        Add(Environment.CpuUsage.TotalTime.TotalSeconds);
    }

    private void Add(IReadOnlyList<AgentMetrics> networks, string name, string type, string help, Func<AgentMetrics, double?> of)
    {
        Begin(name, type, help);
        foreach (AgentMetrics network in networks)
        {
            if (of(network) is { } value)
            {
                Add(value, ("network", network.Network));
            }
        }
    }

    private void Begin(string name, string type, string help)
    {
        _name = name;
        _text
            .Append("# HELP ")
            .Append(name)
            .Append(' ')
            .Append(help)
            .Append("\n# TYPE ")
            .Append(name)
            .Append(' ')
            .Append(type)
            .Append('\n');
    }

    private void Add(double value, params (string Name, string Value)[] labels)
    {
        _text.Append(_name);
        for (int i = 0; i < labels.Length; i++)
        {
            _text.Append(i == 0 ? '{' : ',').Append(labels[i].Name).Append("=\"").Append(Escaped(labels[i].Value)).Append('"');
        }

        _text.Append(labels.Length > 0 ? "} " : " ").Append(value.ToString(CultureInfo.InvariantCulture)).Append('\n');
    }

    private static string Escaped(string value) =>
        value
            .Replace("\\", "\\\\", StringComparison.Ordinal)
            .Replace("\"", "\\\"", StringComparison.Ordinal)
            .Replace("\n", "\\n", StringComparison.Ordinal);
}
