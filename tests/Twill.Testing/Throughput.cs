using System.Text.Json;

namespace Twill.Testing;

/// <summary>How fast TCP is between two places, by iperf3.</summary>
public static class Throughput
{
    private const int Port = 5201, Seconds = 2;

    /// <summary>Sends for two seconds.</summary>
    /// <param name="from">Who sends.</param>
    /// <param name="to">Who receives.</param>
    /// <param name="address">The receiver's address.</param>
    /// <returns>Mbit/s that arrived.</returns>
    public static double Measure(NetnsShell from, NetnsShell to, string address)
    {
        using TempDir directory = TempDir.Create();
        using Daemon server = Daemon.Start("iperf3", [.. to.Enter, "iperf3", "--server", "--one-off", "--port", $"{Port}"], directory.At("log"));
        Eventually.True("iperf3 listens", () => to.Sh("ss -Htln").Contains($":{Port} ", StringComparison.Ordinal), onFailure: () => server.Log);
        string text = from.RunFor(TimeSpan.FromSeconds(20), "iperf3", "--client", address, "--port", $"{Port}", "--time", $"{Seconds}", "--json").OrThrow().Stdout;
        using JsonDocument report = JsonDocument.Parse(text);
        return report.RootElement.GetProperty("end").GetProperty("sum_received").GetProperty("bits_per_second").GetDouble() / 1e6;
    }
}
