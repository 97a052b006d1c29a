using System.Net;

namespace Twill.Cluster.Tests.Leases;

public sealed class LeaseChoiceTests
{
    /// <summary>10.0.1.0/24 to 10.0.7.0/24 and fc00:1:0:1::/64 to fc00:1:0:7::/64.</summary>
    private static readonly NetworkConfig s_seven = NetworkConfig.Create(
        SubnetRange.Create(IPNetwork.Parse("10.0.0.0/21")),
        SubnetRange.Create(IPNetwork.Parse("fc00:1::/61"))
    );

    private readonly LeaseChoice _choice = new(s_seven);

    private HashSet<string> Picks(int lostRaces = 0)
    {
        Random random = new(1);
        return
        [
            .. Enumerable
                .Range(0, 200)
                .Select(_ => _choice.Pick(random, lostRaces, out SubnetRange? full)?.ToString() ?? $"{full!.Network} is full"),
        ];
    }

    [Fact]
    public void The_subnets_of_a_lease_have_the_same_number() =>
        Picks().Should().BeEquivalentTo(Enumerable.Range(1, 7).Select(n => $"10.0.{n}.0-24&fc00:1:0:{n}::-64"));

    [Fact]
    public void A_number_that_is_taken_in_IPv6_goes_with_any_IPv6_subnet_that_nobody_had()
    {
        foreach (int n in new[] { 1, 2, 3, 4, 5 })
        {
            _choice.AddLeased(SharedEtcd.Lease($"10.0.{n}.0/24", $"fc00:1:0:{n}::/64"));
        }

        _choice.AddLeased(SharedEtcd.Lease("192.0.2.0/24", "fc00:1:0:6::/64"));
        _choice.AddLeased(SharedEtcd.Lease("10.0.7.0/24"));

        Picks().Should().BeEquivalentTo("10.0.6.0-24&fc00:1:0:7::-64");
    }

    [Fact]
    public void An_IPv6_subnet_that_somebody_had_is_left_to_it_while_there_are_others()
    {
        foreach (int n in new[] { 1, 2, 3, 4, 5 })
        {
            _choice.AddLeased(SharedEtcd.Lease($"10.0.{n}.0/24"));
        }

        _choice.AddRemembered(SharedEtcd.Lease("10.0.7.0/24", "fc00:1:0:6::/64"), 9);

        Picks().Should().BeEquivalentTo(new[] { 1, 2, 3, 4, 5, 7 }.Select(n => $"10.0.6.0-24&fc00:1:0:{n}::-64"));
    }

    [Fact]
    public void What_somebody_had_together_is_taken_together()
    {
        _choice.AddLeased(SharedEtcd.Lease("10.0.0.0/22", "fc00:1::/62"));
        _choice.AddRemembered(SharedEtcd.Lease("10.0.4.0/24", "fc00:1:0:7::/64"), 5);
        _choice.AddRemembered(SharedEtcd.Lease("10.0.5.0/24", "fc00:1:0:6::/64"), 3);
        _choice.AddRemembered(SharedEtcd.Lease("10.0.6.0/24", "fc00:1:0:4::/64"), 4);
        _choice.AddRemembered(SharedEtcd.Lease("10.0.7.0/24", "fc00:1:0:5::/64"), 6);

        Picks().Should().BeEquivalentTo("10.0.5.0-24&fc00:1:0:6::-64");
        Picks(lostRaces: 2)
            .Should()
            .BeEquivalentTo(
                "10.0.4.0-24&fc00:1:0:7::-64",
                "10.0.5.0-24&fc00:1:0:6::-64",
                "10.0.6.0-24&fc00:1:0:4::-64",
                "10.0.7.0-24&fc00:1:0:5::-64"
            );
    }

    [Fact]
    public void Where_nothing_is_free_is_told()
    {
        _choice.AddLeased(SharedEtcd.Lease("192.0.2.0/24", "fc00:1::/61"));
        Picks().Should().BeEquivalentTo("fc00:1::/61 is full");

        _choice.AddLeased(SharedEtcd.Lease("10.0.0.0/21"));
        Picks().Should().BeEquivalentTo("10.0.0.0/21 is full");
    }

    [Fact]
    public void A_network_of_more_subnets_than_can_be_counted_one_by_one_is_chosen_from_at_once()
    {
        LeaseChoice vast = new(
            NetworkConfig.Create(
                SubnetRange.Create(IPNetwork.Parse("10.0.0.0/8"), 30, IPAddress.Parse("10.0.0.0")),
                SubnetRange.Create(IPNetwork.Parse("fc00::/8"), 126, IPAddress.Parse("fc00::"))
            )
        );
        vast.AddLeased(SharedEtcd.Lease("10.0.0.0/9", "fc00::/10"));
        vast.AddRemembered(SharedEtcd.Lease("10.128.0.0/9", "fc40::/10"), 1);

        SubnetKey picked = vast.Pick(new Random(1), 0, out _)!.Value;

        IPNetwork.Parse("10.128.0.0/9").Contains(picked.Subnet.BaseAddress).Should().BeTrue();
        IPNetwork.Parse("fc80::/9").Contains(picked.SubnetV6!.Value.BaseAddress).Should().BeTrue();
    }
}
