using System.Net;

namespace Twill.Cluster.Tests;

/// <summary>Which keys under subnets/ count, and that following changes comes to what counting all comes to.</summary>
public sealed class LeaseCensusTests
{
    private static readonly NetworkConfig s_network = NetworkConfig.Create(IPNetwork.Parse("10.244.0.0/16")) with { WrittenAt = 10 };

    private static readonly NetworkConfig s_dual = NetworkConfig.Create(
        SubnetRange.Create(IPNetwork.Parse("10.244.0.0/16")),
        SubnetRange.Create(IPNetwork.Parse("fc00:1::/48"))
    );

    [Theory]
    [InlineData("0.0.0.0-0", "not inside the network 10.244.0.0/16")]
    [InlineData("10.0.0.0-8", "not inside the network")]
    [InlineData("10.245.7.0-24", "not inside the network")]
    [InlineData("10.244.0.0-16", "subnets of length /24")]
    [InlineData("10.244.139.2-32", "subnets of length /24")]
    [InlineData("10.244.139.0-25", "subnets of length /24")]
    public void Other_subnets_than_the_networks_do_not_count_and_take_nothing_from_others(string key, string why)
    {
        LeaseCensus census = new([Claim(key, 20), Claim("10.244.139.0-24", 30), Claim("10.244.7.0-24", 40)], s_network);

        census.Refused.Should().ContainSingle().Which.Should().Match<KeyValuePair<string, string>>(r => r.Key == "/s/" + key);
        census.Refused["/s/" + key].Should().Contain(why);
        census.Counts("/s/10.244.139.0-24").Should().BeTrue();
    }

    [Theory]
    [InlineData("10.244.139.0-24&fc00:1:0:7::-64", "10.244.8.0-24&fc00:1:0:7::-64")]
    [InlineData("10.244.139.0-24&fc00:1:0:7::-64", "10.244.139.0-24&fc00:1:0:8::-64")]
    [InlineData("10.244.139.0-24", "10.244.139.0-24&fc00:1:0:8::-64")]
    public void Of_two_that_overlap_in_either_family_the_older_counts(string one, string other)
    {
        foreach ((string old, string young) in ((string, string)[])[(one, other), (other, one)])
        {
            LeaseCensus census = new([Claim(young, 8), Claim(old, 7)], s_dual);
            census.Refused.Should().ContainKey("/s/" + young).WhoseValue.Should().Be($"it overlaps the older /s/{old}");
            census.Counts("/s/" + old).Should().BeTrue();
        }
    }

    [Fact]
    public void A_key_from_before_the_configuration_was_changed_may_have_another_length()
    {
        LeaseCensus census = new([Claim("10.244.0.0-20", 9), Claim("10.244.7.0-24", 30), Claim("10.244.96.0-20", 11)], s_network);

        census.Refused.Keys.Should().BeEquivalentTo("/s/10.244.7.0-24", "/s/10.244.96.0-20");
        census.Refused["/s/10.244.7.0-24"].Should().Contain("overlaps the older /s/10.244.0.0-20");
    }

    [Fact]
    public void Following_changes_comes_to_the_same_as_counting_all()
    {
        Random random = new(20261130);
        string[] keys =
        [
            .. Enumerable.Range(1, 6).Select(n => $"10.244.{n}.0-24"),
            .. Enumerable.Range(1, 6).Select(n => $"10.244.{n}.0-24&fc00:1:0:{n}::-64"),
            "10.244.0.0-20",
            "10.244.3.128-25",
            "0.0.0.0-0",
        ];
        for (int run = 0; run < 200; run++)
        {
            NetworkConfig network = (run % 2 == 0 ? s_network : s_dual) with { WrittenAt = run % 3 == 0 ? 25 : 0 };
            Dictionary<string, LeaseClaim> claims = [];
            long revision = 1;
            LeaseCensus followed = new([], network);
            for (int step = 0; step < 60; step++)
            {
                string key = "/s/" + keys[random.Next(keys.Length)];
                bool goes = claims.Remove(key) && random.Next(2) == 0;
                if (!goes)
                {
                    claims[key] = Claim(key[3..], ++revision);
                }

                LeaseCensus all = new(claims.Values, network);
                if (!followed.TryFollow(key, goes ? null : claims[key]))
                {
                    followed = new LeaseCensus(claims.Values, network);
                }

                followed.Refused.Should().BeEquivalentTo(all.Refused);
            }
        }
    }

    private static LeaseClaim Claim(string key, long created)
    {
        SubnetKey.TryParse(key, out SubnetKey subnets).Should().BeTrue(key);
        return new LeaseClaim("/s/" + key, subnets, created);
    }
}
