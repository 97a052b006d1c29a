using System.Globalization;
using Twill.Bench.Agent;

namespace Twill.Bench.Etcd;

/// <summary>What an etcd has used until now, as the kernel and its own metrics tell.</summary>
/// <param name="CpuMs">Milliseconds of processor time.</param>
/// <param name="Calls">Calls that it has begun to serve.</param>
/// <param name="Lists">Ranges among them.</param>
/// <param name="SentMb">Megabytes sent to clients.</param>
internal sealed record EtcdUse(double CpuMs, double Calls, double Lists, double SentMb)
{
    private static readonly HttpClient s_http = new() { Timeout = TimeSpan.FromMinutes(1) };

    /// <summary>Asks.</summary>
    /// <param name="pid">The process.</param>
    /// <param name="endpoint">Where it serves.</param>
    public static EtcdUse Of(int pid, string endpoint)
    {
        string[] lines = s_http.GetStringAsync($"{endpoint}/metrics").GetAwaiter().GetResult().Split('\n');
        double Sum(string name, string label = "") =>
            lines
                .Where(line => line.StartsWith(name, StringComparison.Ordinal) && line.Contains(label, StringComparison.Ordinal))
                .Sum(line => double.Parse(line[(line.LastIndexOf(' ') + 1)..], CultureInfo.InvariantCulture));
        return new EtcdUse(
            ProcessUse.CpuMs(pid),
            Sum("grpc_server_started_total{"),
            Sum("grpc_server_started_total{", "grpc_method=\"Range\""),
            Sum("etcd_network_client_grpc_sent_bytes_total") / 1e6
        );
    }

    /// <summary>What was used since then; of an etcd that was started anew, since its start.</summary>
    public EtcdUse Since(EtcdUse before) =>
        CpuMs < before.CpuMs || Calls < before.Calls
            ? this
            : new EtcdUse(CpuMs - before.CpuMs, Calls - before.Calls, Lists - before.Lists, SentMb - before.SentMb);
}
