using System.Text.Json;
using Twill.Testing;

namespace Twill.Ipam.Tests.Verbs;

/// <summary>One address of each family for an attachment: both or none, found again and freed together whatever was killed in
/// between.</summary>
public sealed class DualStackTests : IDisposable
{
    private const string Four = "10.1.2.2",
        Six = "fd00:1::2",
        Link = "attachments/c1:eth0";

    private readonly IpamBench _bench = new();

    private string Dual(
        string six = "fd00:1::/64",
        string ipam = "",
        string top = "",
        string version = "1.1.0",
        string four = "10.1.2.0/24"
    ) => _bench.Fixed(four, $""","ipv6Subnet":"{six}"{ipam}""", top, version);

    [Fact]
    public void ADD_gives_an_address_of_each_family_with_its_gateway_IPv4_first()
    {
        JsonElement ips = _bench.Run("ADD", Dual()).OrThrow().Json.GetProperty("ips");

        ips.GetRawText()
            .Should()
            .Be($$"""[{"address":"{{Four}}/24","gateway":"10.1.2.1"},{"address":"{{Six}}/64","gateway":"fd00:1::1"}]""");
        _bench.AllFiles.Should().BeEquivalentTo(Four, Six, Link, "last", "lock");
        File.ReadAllText($"{_bench.Records}/{Six}")
            .Should()
            .Be(File.ReadAllText($"{_bench.Records}/{Four}"))
            .And.EndWith($"\naddresses: {Four} {Six}\n");
        File.ReadAllText($"{_bench.Records}/last").Should().Be($"{Four}\n{Six}\n");
    }

    [Theory]
    [InlineData("0.1.0")]
    [InlineData("0.2.0")]
    public void The_oldest_versions_have_ip4_and_ip6(string version)
    {
        JsonElement result = _bench.Run("ADD", Dual(version: version)).OrThrow().Json;

        result.GetProperty("ip4").GetRawText().Should().Be($$"""{"ip":"{{Four}}/24","gateway":"10.1.2.1"}""");
        result.GetProperty("ip6").GetRawText().Should().Be($$"""{"ip":"{{Six}}/64","gateway":"fd00:1::1"}""");
    }

    [Theory]
    [InlineData("0.3.0")]
    [InlineData("0.3.1")]
    [InlineData("0.4.0")]
    [InlineData("1.0.0")]
    public void The_others_have_a_list(string version)
    {
        JsonElement ips = _bench.Run("ADD", Dual(version: version)).OrThrow().Json.GetProperty("ips");

        ips.EnumerateArray().Select(ip => ip.GetProperty("address").GetString()).Should().Equal($"{Four}/24", $"{Six}/64");
        ips.EnumerateArray()
            .Select(ip => ip.TryGetProperty("version", out JsonElement v) ? v.GetString() : null)
            .Should()
            .Equal(version == "1.0.0" ? [null, null] : ["4", "6"]);
    }

    [Fact]
    public void DEL_frees_both_and_twice_is_fine()
    {
        _bench.Add(Dual());

        _bench.Run("DEL", Dual()).OrThrow();
        _bench.Run("DEL", Dual()).OrThrow();

        _bench.AllFiles.Should().BeEquivalentTo("last", "lock");
    }

    [Fact]
    public void DEL_needs_no_word_of_IPv6_in_the_configuration()
    {
        _bench.Add(Dual());

        _bench.Run("DEL", _bench.Fixed()).OrThrow();

        _bench.AllFiles.Should().BeEquivalentTo("last", "lock");
    }

    [Fact]
    public void Each_family_goes_round_its_own_ring()
    {
        string small = Dual("fd00:1::/125");
        foreach (int i in Enumerable.Range(1, 5))
        {
            Addresses(_bench.Run("ADD", small)).Should().Equal($"10.1.2.{i + 1}/24", $"fd00:1::{i + 1}/125");
            _bench.Run("DEL", small).OrThrow();
        }

        _bench.Run("ADD", small, "c6").OrThrow();
        Addresses(_bench.Run("ADD", small, "c7"))
            .Should()
            .Equal(["10.1.2.8/24", "fd00:1::2/125"], "the last of 8 is fd00:1::7, and fd00:1:: belongs to all routers");
    }

    [Fact]
    public void An_attachment_gets_both_or_none()
    {
        string three = Dual("fd00:1::/126"); // without :: and the gateway: two
        _bench.Add(three);
        _bench.Add(three, "c2");
        string[] before = [.. _bench.AllFiles];

        CniAnswer answer = _bench.Run("ADD", three, "c3");

        answer.ErrorCode.Should().Be(11);
        answer
            .ErrorText.Should()
            .Contain("$.ipam.ipv6Subnet: all 2 addresses of fd00:1::/126 (fd00:1::1 to fd00:1::3 without the gateway fd00:1::1) are taken");
        _bench.AllFiles.Should().Equal(before);
        CniAnswer status = _bench.Run("STATUS", three);
        status.ErrorCode.Should().Be(50);
        status.ErrorText.Should().Contain("ipv6Subnet");
        _bench.Run("DEL", three, "c2").OrThrow();
        _bench.Run("STATUS", three).OrThrow();
    }

    [Fact]
    public void A_file_in_the_way_costs_its_own_address_only()
    {
        Directory.CreateDirectory(_bench.Records);
        File.WriteAllText($"{_bench.Records}/{Six}", "something else");

        Addresses(_bench.Run("ADD", Dual())).Should().Equal("10.1.2.2/24", "fd00:1::3/64");
        _bench.Run("DEL", Dual()).OrThrow();
        _bench.AllFiles.Should().BeEquivalentTo("last", "lock", Six);
    }

    /// <summary>What an ADD leaves that is killed behind each of its writes.</summary>
    [Theory]
    [InlineData("new")]
    [InlineData("new", Link)]
    [InlineData("new", Link, Four)]
    [InlineData("new", Link, Four, Six)]
    [InlineData(Link, Four, Six)]
    public void DEL_takes_away_whatever_a_killed_ADD_left(params string[] left)
    {
        _bench.Add(Dual());
        File.Copy($"{_bench.Records}/{Four}", $"{_bench.Records}/new");
        Keep([.. left, "last", "lock"]);

        _bench.Run("DEL", Dual()).OrThrow();

        _bench.AllFiles.Should().BeEquivalentTo("last", "lock");
    }

    /// <summary>What a DEL leaves that is killed behind each of its writes, in whatever order it makes them.</summary>
    [Theory]
    [InlineData(Link, Four)]
    [InlineData(Link, Six)]
    [InlineData(Link)]
    public void DEL_takes_away_whatever_a_killed_DEL_left(params string[] left)
    {
        _bench.Add(Dual());
        Keep([.. left, "last", "lock"]);

        _bench.Run("DEL", Dual()).OrThrow();

        _bench.AllFiles.Should().BeEquivalentTo("last", "lock");
    }

    [Theory]
    [InlineData(Four, Six)]
    [InlineData(Six, Four)]
    public void An_address_that_a_killed_DEL_had_freed_stays_with_who_got_it_since(string freed, string kept)
    {
        _bench.Add(Dual());
        File.Delete($"{_bench.Records}/{freed}");
        _bench.Run("ADD", Dual(), "c2", args: $"IP={freed}").OrThrow();
        string[] others =
        [
            .. _bench.Recorded.Append(Six).Where(file => File.ReadAllText($"{_bench.Records}/{file}").Contains("container: c2")),
        ];

        _bench.Run("DEL", Dual()).OrThrow();

        File.Exists($"{_bench.Records}/{kept}").Should().BeFalse();
        others.Should().Contain(freed).And.OnlyContain(file => File.Exists($"{_bench.Records}/{file}"));
        _bench.AllFiles.Should().Contain("attachments/c2:eth0").And.NotContain(Link);
    }

    [Fact]
    public void An_ADD_that_a_killed_one_came_before_is_told_that_DEL_comes_first()
    {
        _bench.Add(Dual());
        File.Delete($"{_bench.Records}/{Six}");

        _bench.Run("ADD", Dual()).ErrorText.Should().Contain("DEL comes first");
    }

    [Fact]
    public void What_an_earlier_boot_left_is_freed_together_by_the_next_ADD_of_the_attachment()
    {
        _bench.Add(Dual());
        _bench.Clock.BootId = "boot-2";

        Addresses(_bench.Run("ADD", Dual())).Should().Equal("10.1.2.3/24", "fd00:1::3/64");
        _bench.AllFiles.Should().BeEquivalentTo("10.1.2.3", "fd00:1::3", Link, "last", "lock");
    }

    [Fact]
    public void Addresses_of_an_earlier_boot_are_swept_in_both_families_when_one_runs_short()
    {
        string small = Dual("fd00:1::/126");
        _bench.Add(small);
        _bench.Add(small, "c2");
        _bench.Clock.BootId = "boot-2";

        Addresses(_bench.Run("ADD", small, "c3")).Should().Equal("10.1.2.4/24", "fd00:1::2/126");
        _bench.AllFiles.Should().BeEquivalentTo("10.1.2.4", Six, "attachments/c3:eth0", "last", "lock");
    }

    [Theory]
    [InlineData("10.1.2.77", "10.1.2.77/24", "fd00:1::2/64")]
    [InlineData("fd00:1::77", "10.1.2.2/24", "fd00:1::77/64")]
    [InlineData("fd00:1::77/64,10.1.2.77", "10.1.2.77/24", "fd00:1::77/64")]
    public void Addresses_of_one_family_or_both_can_be_asked_for(string wanted, string four, string six)
    {
        Addresses(_bench.Run("ADD", Dual(), args: $"IP={wanted}")).Should().Equal(four, six);
        Addresses(_bench.Run("ADD", Dual(), "c2"))
            .Should()
            .Equal(
                [four.EndsWith("77/24") ? "10.1.2.2/24" : "10.1.2.3/24", six.EndsWith("77/64") ? "fd00:1::2/64" : "fd00:1::3/64"],
                "what was asked for does not move the ring"
            );
    }

    [Theory]
    [InlineData("fd00:1::77,fd00:1::78", 2, "an attachment gets one IPv6 address")]
    [InlineData("fd00:9::77", 7, "this host hands out fd00:1::1 to fd00:1::ffff:ffff:ffff:ffff without the gateway fd00:1::1")]
    [InlineData("fd00:1::", 7, "the address asked for, fd00:1::, cannot be had")]
    [InlineData("fd00:1::1", 7, "without the gateway")]
    [InlineData("fe80::1%eth0", 4, "fe80::1%eth0")]
    public void An_IPv6_address_that_cannot_be_had_is_refused(string wanted, int code, string told)
    {
        CniAnswer answer = _bench.Run("ADD", Dual(), args: $"IP={wanted}");

        answer.ErrorCode.Should().Be(code);
        answer.ErrorText.Should().Contain(told);
        _bench.Recorded.Should().BeEmpty();
    }

    [Fact]
    public void An_IPv6_address_that_another_has_is_refused_by_name_and_the_IPv4_one_stays_free()
    {
        _bench.Add(Dual());

        CniAnswer answer = _bench.Run("ADD", Dual(), "c2", args: $"IP={Six}");

        answer.ErrorCode.Should().Be(11);
        answer.ErrorText.Should().Contain($"{Six}: it is taken by").And.Contain("c1");
        _bench.Recorded.Should().Equal(Four);
    }

    [Fact]
    public void Ranges_asked_for_are_a_list_for_each_family()
    {
        string asked = Dual(
            top: ""","runtimeConfig":{"ipRanges":[[{"subnet":"fd00:1::/64","rangeStart":"fd00:1::50"}],[{"subnet":"10.1.2.0/24","rangeStart":"10.1.2.50","rangeEnd":"10.1.2.50"}]]}"""
        );

        Addresses(_bench.Run("ADD", asked)).Should().Equal("10.1.2.50/24", "fd00:1::50/64");
        _bench.Run("ADD", asked, "c2").ErrorText.Should().Contain("$.runtimeConfig.ipRanges[1][0]: the only address");
    }

    [Theory]
    [InlineData("10.1.2.8/31", "10.1.2.8/24,10.1.2.9/24")]
    [InlineData("10.1.2.0/31", "")] // the network's own address, and the gateway's
    [InlineData("10.1.2.9/32", "10.1.2.9/24")]
    [InlineData("fd00:1::8/127", "fd00:1::8/64,fd00:1::9/64")]
    [InlineData("fd00:1::9/128", "fd00:1::9/64")]
    public void A_range_of_one_or_two_addresses_has_no_gateway_and_no_broadcast_address_of_its_own(string range, string given)
    {
        string asked = Dual(top: $$""","runtimeConfig":{"ipRanges":[[{"subnet":"{{range}}"}]]}""");
        string[] expected = given.Split(',', StringSplitOptions.RemoveEmptyEntries);

        for (int i = 0; i < expected.Length; i++)
        {
            Addresses(_bench.Run("ADD", asked, $"c{i}")).Should().Contain(expected[i]);
        }

        CniAnswer full = _bench.Run("ADD", asked, "more");
        full.ErrorCode.Should().Be(expected.Length == 0 ? 7 : 11);
    }

    [Theory]
    [InlineData(
        """[[{"subnet":"10.1.2.0/24"},{"subnet":"fd00:1::/64"}]]""",
        7,
        "$.runtimeConfig.ipRanges[0][1].subnet: expected a range of IPv4 like the others of its list"
    )]
    [InlineData("""[[{"subnet":"fd00:1::/64"}],[{"subnet":"fd00:1::/64"}]]""", 2, "an attachment gets one IPv6 address")]
    [InlineData("""[[{"subnet":"fd00:1::/128"}]]""", 7, "no address from fd00:1:: to fd00:1:: may be given out")]
    [InlineData("""[[{"subnet":"10.1.2.0/32"}]]""", 7, "no address from 10.1.2.0 to 10.1.2.0 may be given out")]
    [InlineData("""[[{"subnet":"10.1.2.255/32"}]]""", 7, "no address from 10.1.2.255 to 10.1.2.255 may be given out")]
    [InlineData("""[[{"subnet":"fd00:1::/64","gateway":"10.1.2.1"}]]""", 7, "expected an IPv6 address")]
    [InlineData("""[[{"subnet":"fd00:2::/64"}]]""", 7, "lies in no subnet of this host")]
    public void Ranges_that_make_no_sense_are_refused(string ranges, int code, string told)
    {
        CniAnswer answer = _bench.Run("ADD", Dual(top: $$""","runtimeConfig":{"ipRanges":{{ranges}}}"""));

        answer.ErrorCode.Should().Be(code);
        answer.ErrorText.Should().Contain(told);
    }

    [Fact]
    public void CHECK_looks_at_both()
    {
        _bench.Add(Dual());
        string both = $$"""[{"address":"{{Four}}/24"},{"address":"{{Six}}/64"}]""";

        Check(both).OrThrow();
        Check($$"""[{"address":"{{Four}}/24"}]""").ErrorText.Should().Contain($"$.prevResult.ips: expected {Six}");
        File.Delete($"{_bench.Records}/{Six}");
        Check(both).ErrorText.Should().Contain($"{_bench.Records}/{Six}: expected the record of");
    }

    [Fact]
    public void GC_frees_and_keeps_both()
    {
        _bench.Add(Dual());
        _bench.Add(Dual(), "c2");

        _bench.Run("GC", Dual(top: ""","cni.dev/valid-attachments":[{"containerID":"c1","ifname":"eth0"}]"""), netns: null).OrThrow();

        _bench.AllFiles.Should().BeEquivalentTo(Four, Six, Link, "last", "lock");
    }

    [Fact]
    public void GC_keeps_what_a_living_attachment_may_have_whose_record_is_damaged()
    {
        _bench.Add(Dual());
        File.WriteAllText($"{_bench.Records}/{Four}", "torn"); // and with it the other, which is the same file

        _bench.Run("GC", Dual(top: ""","cni.dev/valid-attachments":[{"containerID":"c1","ifname":"eth0"}]"""), netns: null).OrThrow();
        _bench.AllFiles.Should().BeEquivalentTo(Four, Six, Link, "last", "lock");

        _bench.Run("GC", Dual(top: ""","cni.dev/valid-attachments":[]"""), netns: null).OrThrow();
        _bench.AllFiles.Should().BeEquivalentTo("last", "lock");
    }

    [Fact]
    public void Who_had_an_address_before_the_network_got_IPv6_is_checked_and_freed_as_before()
    {
        _bench.Add(_bench.Fixed());

        Check($$"""[{"address":"{{Four}}/24"}]""").OrThrow();
        Addresses(_bench.Run("ADD", Dual(), "c2")).Should().Equal("10.1.2.3/24", "fd00:1::2/64");
        _bench.Run("DEL", Dual()).OrThrow();
        _bench.Recorded.Should().Equal("10.1.2.3");
    }

    [Theory]
    [InlineData("addresses: 10.1.2.2\n\n")]
    [InlineData("addresses: 10.1.2.2  fd00:1::2\n")]
    [InlineData("addresses: 10.1.2.2 fd00:1::2")]
    [InlineData("addresses: ../lock fd00:1::2\n")]
    [InlineData("addresses: 10.1.2.2 fd00:1::2\nmore: 1\n")]
    [InlineData("addresses: \n")]
    public void A_record_whose_last_line_is_not_as_it_was_written_is_no_record(string last)
    {
        _bench.Add(_bench.Fixed());
        File.AppendAllText($"{_bench.Records}/{Four}", last);

        Check($$"""[{"address":"{{Four}}/24"}]""").ErrorText.Should().Contain("not an address record");
    }

    public void Dispose() => _bench.Dispose();

    private static IEnumerable<string?> Addresses(CniAnswer answer) =>
        answer.OrThrow().Json.GetProperty("ips").EnumerateArray().Select(ip => ip.GetProperty("address").GetString());

    private CniAnswer Check(string ips) => _bench.Run("CHECK", Dual(top: $$""","prevResult":{"cniVersion":"1.1.0","ips":{{ips}}}"""));

    private void Keep(params string[] files)
    {
        foreach (string file in _bench.AllFiles.Except(files).ToArray())
        {
            File.Delete($"{_bench.Records}/{file}");
        }
    }
}
