using Twill.Testing;
using Xunit.Abstractions;

namespace Twill.EndToEnd.Tests.Faults;

/// <summary>
/// What is done to an etcd of three members under running agents. Whatever it is: traffic between hosts does not notice, a host that has a
/// subnet gives out addresses, and afterwards the agents hear of new hosts. Whether a host that has none gets one depends on the fault.
/// </summary>
public sealed class EtcdFaultTests(FaultLab lab, ITestOutputHelper output) : IClassFixture<FaultLab>
{
    private static readonly int[] s_all = [0, 1, 2];

    public static TheoryData<string> Faults => ["leader dies", "leader hangs", "first member is gone", "no quorum", "all hang", "NOSPACE"];

    [RequiresRootTheory]
    [MemberData(nameof(Faults))]
    public void Traffic_goes_on_and_so_does_the_network_afterwards(string fault)
    {
        int leader = lab.Etcd.Leader;
        (Action inject, Action heal, string? refusal) = fault switch
        {
            "leader dies" => (() => lab.Etcd.Kill(leader), () => lab.Etcd.Start(leader), (string?)null),
            "leader hangs" => (() => lab.Etcd.Pause(leader), () => lab.Etcd.Resume(leader), null),
            "first member is gone" => (() => lab.Etcd.Kill(0), () => lab.Etcd.Start(0), null),
            "no quorum" => (() => All(lab.Etcd.Kill, s_all[1..]), () => All(lab.Etcd.Start, s_all[1..]), "etcd"),
            "all hang" => (() => All(lab.Etcd.Pause, s_all), () => All(lab.Etcd.Resume, s_all), "etcd"),
            _ => ((Action)(() => Alarm("ACTIVATE")), (Action)(() => lab.Etcd.Etcdctl("alarm", "disarm")), "etcdctl alarm disarm"),
        };

        using Traffic traffic = Traffic.Start(lab.From, lab.To.Address);
        inject();
        try
        {
            FaultLab.AddAndRemove(lab.A);
            LabHost newcomer = lab.NewHost();
            if (refusal is null)
            {
                Eventually.Pass(() => lab.FirstAdd(newcomer).OrThrow(), TimeSpan.FromSeconds(20));
            }
            else
            {
                CniAnswer answer = lab.FirstAdd(newcomer);
                answer.ErrorCode.Should().BeOneOf([11, 101], answer.ToString());
                answer.ErrorText.Should().Contain(refusal).And.Contain(Lab.EtcdAddress, "the operator needs to know which etcd");
                Leftovers.Of(newcomer).Should().BeEmpty();
            }

            traffic.WaitForMore(20);
        }
        finally
        {
            heal();
            lab.Etcd.WaitHealthy();
        }

        lab.Announce();
        lab.WaitUntilHeard();
        traffic.WaitForMore(5);
        IReadOnlyList<int> lost = traffic.Lost();
        Figures.Report($"etcd fault: {fault}", $"{lost.Count} packets lost between hosts", output);
        lost.Should().BeEmpty(lab.A.Agent!.Log + lab.B.Agent!.Log);
    }

    [RequiresRootFact]
    public void Agents_that_slept_through_a_compaction_list_again()
    {
        using Traffic traffic = Traffic.Start(lab.From, lab.To.Address);
        LabHost[] hosts = [lab.A, lab.B];
        All(host => host.Agent!.Send(Signal.Stop), hosts);
        try
        {
            All(n => lab.Announce($"10.244.24{n}.0/24"), s_all);
            lab.Announce();
            All(n => lab.Etcd.Etcdctl("del", $"{Cluster.Subnets}10.244.24{n}.0-24"), s_all);
            string revision = lab.Etcd.Etcdctl("get", "x", "-w", "json").Split("\"revision\":")[1].Split(',', '}')[0];
            lab.Etcd.Etcdctl("compaction", revision);
            All(lab.Etcd.Kill, s_all); // so that what the watches had read already is not all there is
            All(lab.Etcd.Start, s_all);
            lab.Etcd.WaitHealthy();
        }
        finally
        {
            All(host => host.Agent!.Send(Signal.Cont), hosts);
        }

        lab.WaitUntilHeard();
        traffic.Lost().Should().BeEmpty(lab.A.Agent!.Log + lab.B.Agent!.Log);
    }

    private static void All<T>(Action<T> action, IEnumerable<T> of)
    {
        foreach (T one in of)
        {
            action(one);
        }
    }

    private void Alarm(string action)
    {
        string body = $$"""{"action":"{{action}}","memberID":"0","alarm":"NOSPACE"}""";
        lab.A.Run("curl", "-sS", "-d", body, $"{lab.Etcd.Endpoints[0]}/v3/maintenance/alarm").OrThrow();
        lab.Etcd.Etcdctl("alarm", "list").Should().Contain("NOSPACE");
    }
}
