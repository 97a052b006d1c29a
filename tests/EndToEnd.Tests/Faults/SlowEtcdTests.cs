using System.Globalization;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Faults;

/// <summary>An etcd behind a long way: `slow.py` delays all that goes back and forth.</summary>
public sealed class SlowEtcdTests : IDisposable
{
    private const int Port = 12379;

    private readonly TempDir _directory = TempDir.Create();

    private string DelayFile => _directory.At("delay");

    [RequiresRootFact]
    public void Slow_answers_cost_the_first_container_patience_and_others_nothing()
    {
        using FaultLab lab = new(1);
        Delay(0.1);
        using Daemon proxy = Daemon.Start(
            "slow.py",
            [
                .. lab.Lab.Outside.Enter,
                "python3",
                Path.Combine(RepoPaths.Root, "tests", "EndToEnd.Tests", "Faults", "slow.py"),
                DelayFile,
                $"{Port}",
                lab.Etcd.Endpoints[0],
            ],
            _directory.At("slow.log")
        );
        Eventually.True(
            "the proxy listens",
            () => lab.Lab.Outside.Sh("ss -Htln").Contains($":{Port} ", StringComparison.Ordinal),
            onFailure: () => proxy.Log
        );
        string endpoint = $"http://{Lab.GatewayAddress}:{Port}";

        LabHost slow = lab.NewHost(endpoint);
        slow.StartAgent();
        LabContainer there = slow.AddContainer("there");
        Eventually.True(
            "the containers reach each other",
            () => there.CanPing(lab.To.Address),
            TimeSpan.FromSeconds(20),
            () => slow.Agent!.Log
        );

        using Traffic traffic = Traffic.Start(there, lab.To.Address);
        Delay(10);
        LabHost newcomer = lab.NewHost(endpoint);
        CniAnswer answer = lab.FirstAdd(newcomer);
        FaultLab.AddAndRemove(slow);
        answer.ErrorCode.Should().Be(11, answer.ToString());
        answer.ErrorText.Should().Contain(endpoint);
        Leftovers.Of(newcomer).Should().BeEmpty();
        Delay(0);
        lab.Announce();
        lab.WaitUntilHeard();
        traffic.Lost().Should().BeEmpty();
    }

    public void Dispose() => _directory.Dispose();

    private void Delay(double seconds) => File.WriteAllText(DelayFile, seconds.ToString(CultureInfo.InvariantCulture));
}
