using System.Collections.Concurrent;
using System.Net;
using System.Text.Json;
using Twill.System;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Faults;

/// <summary>
/// Looks again and again at what each host may hand out at that moment, as its subnet.json has it: its subnets, until the deadline. No two
/// may have a subnet in common.
/// </summary>
internal sealed class FenceWatch(IReadOnlyList<LabHost> hosts, ConcurrentQueue<string> violations)
{
    internal int Looks { get; private set; }

    internal void Run(CancellationToken end)
    {
        while (!end.WaitHandle.WaitOne(20))
        {
            Fence[] fences = [.. hosts.Select(Read).OfType<Fence>()];
            double now = BootClock.Now;
            Looks++;
            foreach (Fence one in fences.Where(fence => fence.Deadline > now))
            {
                foreach (
                    Fence other in fences.Where(fence => fence.Deadline > now && fence != one && fence.Subnets.Intersect(one.Subnets).Any())
                )
                {
                    violations.Enqueue($"{one} and {other} at {now}");
                }
            }
        }
    }

    /// <summary>An address was handed out just now: nobody else may hand it out at this moment.</summary>
    internal void Given(LabHost host, string address)
    {
        foreach (LabHost other in hosts.Where(other => other != host))
        {
            if (
                Read(other) is { } fence
                && fence.Deadline > BootClock.Now
                && fence.Subnets.Any(s => IPNetwork.Parse(s).Contains(IPAddress.Parse(address)))
                && Read(host) is { } own
                && own.Deadline > BootClock.Now
                && own.Subnets.Any(s => IPNetwork.Parse(s).Contains(IPAddress.Parse(address)))
            )
            {
                violations.Enqueue($"{address} was given out on {host.Name}, and {fence}");
            }
        }
    }

    private static Fence? Read(LabHost host)
    {
        if (AtomicFile.TryReadAll(host.At("/run/twill/twill/subnet.json")) is not { } content)
        {
            return null;
        }

        using JsonDocument file = JsonDocument.Parse(content);
        string[] Names(string key) => [.. file.RootElement.GetProperty(key).EnumerateArray().Select(s => s.GetString()!)];
        return new Fence(host.Name, [.. Names("subnets").Except(Names("lost"))], file.RootElement.GetProperty("deadline").GetDouble());
    }

    private sealed record Fence(string Host, string[] Subnets, double Deadline)
    {
        public override string ToString() => $"{Host} may hand out {string.Join(", ", Subnets)} until {Deadline}";
    }
}
