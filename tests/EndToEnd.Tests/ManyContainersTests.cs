using Twill.EndToEnd.Tests.Speed;
using Twill.Testing;

namespace Twill.EndToEnd.Tests;

/// <summary>As many containers as a small subnet holds.</summary>
public sealed class ManyContainersTests
{
    private const int Containers = 250;

    /// <summary>System calls by which two calls may differ: who waits for whom is chance.</summary>
    private const int Chance = 15;

    [RequiresRootFact]
    public void Two_hundred_and_fifty_containers_come_talk_and_go()
    {
        using SingleHost single = new();
        LabHost host = single.Host;
        host.Sh("for i in 1 2; do ip netns add c$i; done");
        string[] addresses = new string[Containers];
        ParallelOptions some = new() { MaxDegreeOfParallelism = 8 };
        addresses[0] = LabContainer.AddressOf(Plugin(host, 0).Add(single.Config).OrThrow().Stdout);
        string tableOfOne = host.Nft("list table inet twill-twill");
        using CostMeter meter = new(withSys: true);
        int callsOfSecond = CallsOfAdd(1);
        host.Sh($"for i in $(seq 3 {Containers}); do ip netns add c$i; done");

        Parallel.For(2, Containers - 1, some, i =>
            addresses[i] = LabContainer.AddressOf(Plugin(host, i).Add(single.Config).OrThrow().Stdout)
        );

        CallsOfAdd(Containers - 1).Should().BeInRange(callsOfSecond - Chance, callsOfSecond + Chance, "one more costs the same");
        addresses.Should().OnlyHaveUniqueItems();
        Leftovers.Links(host).Should().HaveCount(Containers);
        Leftovers.Records(host).Should().BeEquivalentTo(addresses);
        string silent = host.Sh($"for a in {string.Join(' ', addresses)}; do ping -n -q -c 1 -W 2 $a >/dev/null || echo $a; done");
        silent.Should().BeEmpty("all answer");
        host.Nft("list table inet twill-twill").Should().Be(tableOfOne, "the table does not grow with the containers");

        Parallel.For(0, Containers, some, i => Plugin(host, i).Del(single.Config).OrThrow());

        Leftovers.Of(host).Should().BeEmpty();

        int CallsOfAdd(int i)
        {
            int calls = meter.SystemCalls(Plugin(host, i), "ADD", single.Config).Values.Sum();
            Plugin(host, i).Del(single.Config).OrThrow();
            addresses[i] = LabContainer.AddressOf(Plugin(host, i).Add(single.Config).OrThrow().Stdout);
            return calls;
        }
    }

    private static CniProcess Plugin(LabHost host, int i) =>
        host.Plugin("twill") with
        {
            ContainerId = $"c{i + 1}",
            Netns = $"/run/netns/c{i + 1}",
            IfName = "eth0",
            Timeout = TimeSpan.FromMinutes(1),
        };
}
