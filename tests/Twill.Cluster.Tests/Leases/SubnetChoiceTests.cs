using System.Net;

namespace Twill.Cluster.Tests.Leases;

public sealed class SubnetChoiceTests
{
    private static readonly SubnetRange s_eight = SubnetRange.Create(IPNetwork.Parse("10.0.0.0/21"), 24, IPAddress.Parse("10.0.0.0"));

    private static SubnetChoice Choice(string[] leased, params (string Subnet, long Revision)[] remembered)
    {
        SubnetChoice choice = new(s_eight);
        foreach (string s in leased)
        {
            choice.AddLeased(IPNetwork.Parse(s));
        }

        foreach ((string subnet, long revision) in remembered)
        {
            choice.AddRemembered(IPNetwork.Parse(subnet), revision);
        }

        return choice;
    }

    private static HashSet<string> Picks(SubnetChoice choice, int lostRaces = 0)
    {
        Random random = new(1);
        return [.. Enumerable.Range(0, 200).Select(_ => choice.Pick(random, lostRaces)?.ToString() ?? "none")];
    }

    [Fact]
    public void Every_unused_subnet_may_be_picked_and_no_other() =>
        Picks(Choice(["10.0.1.0/24", "10.0.2.0/23", "10.0.4.128/26"]))
            .Should()
            .BeEquivalentTo("10.0.0.0/24", "10.0.5.0/24", "10.0.6.0/24", "10.0.7.0/24");

    [Fact]
    public void Unused_subnets_come_before_remembered_ones() =>
        Picks(Choice(["10.0.0.0/22"], ("10.0.4.0/24", 1), ("10.0.5.0/24", 2), ("10.0.6.0/24", 3))).Should().BeEquivalentTo("10.0.7.0/24");

    [Fact]
    public void Of_remembered_ones_the_longest_expired_comes_first_and_the_choice_widens_with_lost_races()
    {
        (string, long)[] all =
        [
            ("10.0.4.0/24", 40),
            ("10.0.5.0/24", 20),
            ("10.0.6.0/24", 30),
            ("10.0.7.0/24", 10),
            ("10.0.7.0/24", 50),
            ("10.0.1.0/24", 1),
        ];

        Picks(Choice(["10.0.0.0/22"], all)).Should().BeEquivalentTo("10.0.5.0/24");
        Picks(Choice(["10.0.0.0/22"], all), lostRaces: 1).Should().BeEquivalentTo("10.0.5.0/24", "10.0.6.0/24");
        Picks(Choice(["10.0.0.0/22"], all), lostRaces: 63)
            .Should()
            .BeEquivalentTo("10.0.4.0/24", "10.0.5.0/24", "10.0.6.0/24", "10.0.7.0/24");
    }

    [Fact]
    public void A_remembered_subnet_of_another_length_counts_for_each_it_overlaps() =>
        Picks(Choice(["10.0.0.0/22"], ("10.0.4.0/22", 5), ("10.0.6.0/25", 9))).Should().BeEquivalentTo("10.0.4.0/24");

    [Fact]
    public void When_all_are_leased_there_is_none() =>
        Picks(Choice(["10.0.0.0/22", "10.0.4.0/22"], ("10.0.5.0/24", 1))).Should().BeEquivalentTo("none");

    [Fact]
    public void Leases_outside_the_range_are_of_no_concern()
    {
        SubnetRange one = SubnetRange.Create(IPNetwork.Parse("10.0.0.0/21"), 24, IPAddress.Parse("10.0.3.0"), IPAddress.Parse("10.0.3.0"));
        SubnetChoice choice = new(one);
        choice.AddLeased(IPNetwork.Parse("10.0.2.0/24"));
        choice.AddLeased(IPNetwork.Parse("10.0.4.0/24"));
        choice.AddLeased(IPNetwork.Parse("192.168.0.0/16"));

        Picks(choice).Should().BeEquivalentTo("10.0.3.0/24");
    }

    [Fact]
    public void A_network_of_millions_of_subnets_is_chosen_from_at_once()
    {
        SubnetChoice choice = new(SubnetRange.Create(IPNetwork.Parse("10.0.0.0/8"), 30, IPAddress.Parse("10.0.0.0")));
        choice.AddLeased(IPNetwork.Parse("10.0.0.0/9"));

        IPNetwork picked = choice.Pick(new Random(1), 0)!.Value;

        IPNetwork.Parse("10.128.0.0/9").Contains(picked.BaseAddress).Should().BeTrue();
    }
}
