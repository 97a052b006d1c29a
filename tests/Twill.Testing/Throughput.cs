using System.Text.Json;

namespace Twill.Testing;

/// <summary>How fast TCP is between two places, by iperf3.</summary>
public static class Throughput
{
    private const int Port = 5201,
        Seconds = 2;

    /// <summary>
    /// Fails unless about as much passes as a limit lets through: never half as much again, and more than half of it. Of the lesser, which
    /// a machine that stands still for a moment brings about as well, the best of three counts.
    /// </summary>
    /// <param name="limit">Mbit/s.</param>
    /// <param name="from">Who sends.</param>
    /// <param name="to">Who receives.</param>
    /// <param name="address">The receiver's address.</param>
    /// <param name="because">What makes it worth telling.</param>
    public static void ShouldBeLimitedTo(double limit, NetnsShell from, NetnsShell to, string address, string because = "")
    {
        List<double> measured = [];
        while (measured.Count < 3 && (measured.Count == 0 || measured.Max() < limit / 2))
        {
            measured.Add(Measure(from, to, address));
        }

        if (measured.Max() > limit * 1.5 || measured.Max() < limit / 2)
        {
            throw new Xunit.Sdk.XunitException($"expected {limit} Mbit/s to {address} {because}, got {string.Join(", ", measured)}");
        }
    }

    /// <summary>Sends for two seconds.</summary>
    /// <param name="from">Who sends.</param>
    /// <param name="to">Who receives.</param>
    /// <param name="address">The receiver's address.</param>
    /// <returns>Mbit/s that arrived.</returns>
    public static double Measure(NetnsShell from, NetnsShell to, string address)
    {
        using TempDir directory = TempDir.Create();
        using Daemon server = Daemon.Start(
            "iperf3",
            [.. to.Enter, "iperf3", "--server", "--one-off", "--port", $"{Port}"],
            directory.At("log")
        );
        Eventually.True(
            "iperf3 listens",
            () => to.Sh("ss -Htln").Contains($":{Port} ", StringComparison.Ordinal),
            onFailure: () => server.Log
        );
        string text = from.RunFor(
                TimeSpan.FromSeconds(20),
                "iperf3",
                "--client",
                address,
                "--port",
                $"{Port}",
                "--time",
                $"{Seconds}",
                "--json"
            )
            .OrThrow()
            .Stdout;
        using JsonDocument report = JsonDocument.Parse(text);
        return report.RootElement.GetProperty("end").GetProperty("sum_received").GetProperty("bits_per_second").GetDouble() / 1e6;
    }
}
