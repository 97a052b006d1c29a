using Twill.Testing;

namespace Twill.EndToEnd.Tests.Faults;

/// <summary>etcd is set back to a backup: revisions go back, and what was leased since is forgotten.</summary>
public sealed class RestoredEtcdTests
{
    [RequiresRootFact]
    public void Who_was_forgotten_has_its_subnet_again_and_another_owners_is_never_overwritten()
    {
        using FaultLab lab = new(1);
        string backup = lab.Etcd.Backup();
        LabHost late = lab.NewHost(),
            robbed = lab.NewHost();
        late.StartAgent();
        robbed.StartAgent();
        LabContainer there = late.AddContainer("there"),
            old = robbed.AddContainer("old");
        string lateSubnet = SubnetOf(there),
            robbedSubnet = SubnetOf(old);
        Eventually.True(
            "the containers reach each other",
            () => lab.From.CanPing(there.Address),
            TimeSpan.FromSeconds(20),
            () => late.Agent!.Log
        );
        using Traffic remembered = Traffic.Start(lab.From, lab.To.Address),
            forgotten = Traffic.Start(lab.From, there.Address);

        late.Agent!.Send(Signal.Stop);
        robbed.Agent!.Send(Signal.Stop);
        lab.Etcd.Restore(backup);
        lab.Announce(robbedSubnet);
        lab.Announce();
        lab.WaitUntilHeard();
        lab.LeaseOf(lateSubnet).Should().BeEmpty("the others have listed what there is while its owner sleeps");
        forgotten.WaitForMore(20);
        late.Agent!.Send(Signal.Cont);
        robbed.Agent!.Send(Signal.Cont);

        Eventually.True(
            "who was forgotten has leased its subnet again",
            () => lab.LeaseOf(lateSubnet).Contains(late.Address, StringComparison.Ordinal),
            TimeSpan.FromSeconds(40),
            () => late.Agent!.Log
        );
        Eventually.True(
            "the lost subnet is told",
            () => robbed.Agent!.Log.Contains($"subnet {robbedSubnet} is LOST", StringComparison.Ordinal),
            TimeSpan.FromSeconds(40),
            () => robbed.Agent!.Log
        );
        lab.LeaseOf(robbedSubnet).Should().Contain("192.168.50.77", "another owner's key is not touched");
        SubnetOf(robbed.AddContainer("new")).Should().NotBe(robbedSubnet);
        old.IpJson("address show dev eth0")[0].GetProperty("addr_info")[0].GetProperty("local").GetString().Should().Be(old.Address);

        lab.Announce();
        lab.WaitUntilHeard();
        (remembered.Lost().Count, forgotten.Lost().Count).Should().Be((0, 0), lab.A.Agent!.Log);
    }

    private static string SubnetOf(LabContainer container) => container.Address[..container.Address.LastIndexOf('.')] + ".0/24";
}
