using System.Globalization;

namespace Twill.Agent;

/// <content>The plugin's calls.</content>
internal sealed partial class PrometheusText
{
    private void AddPluginCalls(IReadOnlyList<AgentMetrics> networks)
    {
        Begin("twill_plugin_calls_total", "counter", "Calls of the plugin by verb and error code (0: none), while this agent runs.");
        foreach ((AgentMetrics network, PluginCalls calls) in Calls(networks))
        {
            foreach ((string code, long count) in calls.Codes)
            {
                Add(count, ("network", network.Network), ("verb", calls.Verb), ("code", code));
            }
        }

        const string Histogram = "twill_plugin_call_seconds";
        Begin(Histogram, "histogram", "How long calls of the plugin took, the IPAM plugin's part included.");
        foreach ((AgentMetrics network, PluginCalls calls) in Calls(networks))
        {
            (string, string)[] labels = [("network", network.Network), ("verb", calls.Verb)];
            long sum = 0;
            for (int i = 0; i < calls.Buckets.Count; i++)
            {
                sum += calls.Buckets[i];
                IReadOnlyList<double> bounds = PluginCallCounter.Bounds;
                string bound = i < bounds.Count ? bounds[i].ToString(CultureInfo.InvariantCulture) : "+Inf";
                AddAs($"{Histogram}_bucket", sum, [.. labels, ("le", bound)]);
            }

            AddAs($"{Histogram}_sum", calls.Seconds, labels);
            AddAs($"{Histogram}_count", sum, labels);
        }
    }

    private static IEnumerable<(AgentMetrics, PluginCalls)> Calls(IReadOnlyList<AgentMetrics> networks) =>
        networks.SelectMany(network => network.PluginCalls.Select(calls => (network, calls)));

    private void AddAs(string name, double value, (string Name, string Value)[] labels)
    {
        _name = name;
        Add(value, labels);
    }
}
