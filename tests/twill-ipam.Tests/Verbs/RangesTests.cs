using System.Text.Json;
using Twill.Testing;

namespace Twill.Ipam.Tests.Verbs;

/// <summary>The key <c>ranges</c> as host-local has it, and subnets of two addresses.</summary>
public sealed class RangesTests : IDisposable
{
    private readonly IpamBench _bench = new();

    [Fact]
    public void What_podman_and_nerdctl_write_is_one_pool()
    {
        string config = Ranges("""[[{"subnet":"10.88.0.0/16","gateway":"10.88.0.1"}]]""");

        JsonElement result = _bench.Run("ADD", config).OrThrow().Json;

        result.GetProperty("ips").GetRawText().Should().Be("""[{"address":"10.88.0.2/16","gateway":"10.88.0.1"}]""");
        _bench.Run("STATUS", config).OrThrow();
    }

    [Fact]
    public void Ranges_of_a_list_are_one_pool_and_each_has_its_own_gateway_and_length()
    {
        string config = Ranges(
            """
            [[{"subnet":"10.1.0.0/24","rangeStart":"10.1.0.9","rangeEnd":"10.1.0.10"},
              {"subnet":"10.1.0.0/24","rangeStart":"10.1.0.20","rangeEnd":"10.1.0.20"},
              {"subnet":"10.2.0.0/30","gateway":"10.2.0.2"}]]
            """
        );

        string[] given = [.. Enumerable.Range(0, 4).Select(i => _bench.Add(config, $"c{i}"))];
        given.Should().Equal("10.1.0.9/24", "10.1.0.10/24", "10.1.0.20/24", "10.2.0.1/30");
        CniAnswer full = _bench.Run("ADD", config, "c4");
        full.ErrorCode.Should().Be(11);
        full.ErrorText.Should().Contain("10.1.0.9 to 10.1.0.10, 10.1.0.20, 10.2.0.1 to 10.2.0.2 without the gateway 10.2.0.2");
        _bench.Run("STATUS", config).ErrorCode.Should().Be(50);
        _bench.Run("DEL", config, "c2").OrThrow();
        JsonElement again = _bench.Run("ADD", config, "c4").OrThrow().Json;
        again.GetProperty("ips").GetRawText().Should().Be("""[{"address":"10.1.0.20/24","gateway":"10.1.0.1"}]""");
    }

    [Theory]
    [InlineData("""[[{"subnet":"10.1.0.0/24"}],[{"subnet":"fd00:1::/64"}]]""")]
    [InlineData("""[[{"subnet":"fd00:1::/64"}],[{"subnet":"10.1.0.0/24"}]]""")]
    public void A_list_for_each_family_gives_an_address_of_each(string ranges)
    {
        JsonElement result = _bench.Run("ADD", Ranges(ranges)).OrThrow().Json;

        result
            .GetProperty("ips")
            .GetRawText()
            .Should()
            .Be("""[{"address":"10.1.0.2/24","gateway":"10.1.0.1"},{"address":"fd00:1::2/64","gateway":"fd00:1::1"}]""");
    }

    [Fact]
    public void A_list_of_IPv6_alone_gives_IPv6_alone()
    {
        string config = Ranges("""[[{"subnet":"fd00:1::/64","rangeStart":"fd00:1::50"}]]""");

        _bench.Add(config).Should().Be("fd00:1::50/64");
        const string Made = """
            "prevResult":{"cniVersion":"1.1.0","ips":[{"address":"fd00:1::50/64"}]},
            """;
        _bench.Run("CHECK", config.Replace("\"ipam\"", $"{Made}\"ipam\"")).OrThrow();
        _bench.Run("DEL", config).OrThrow();
        _bench.Recorded.Should().BeEmpty();
    }

    [Theory]
    [InlineData("10.1.0.0/31", "10.1.0.1/31", "10.1.0.0")]
    [InlineData("fd00:1::/127", "fd00:1::1/127", "fd00:1::")]
    public void Of_two_addresses_the_host_has_one_and_the_container_the_other(string subnet, string address, string gateway)
    {
        string config = Ranges($$"""[[{"subnet":"{{subnet}}"}]]""");

        JsonElement result = _bench.Run("ADD", config).OrThrow().Json;

        result.GetProperty("ips").GetRawText().Should().Be($$"""[{"address":"{{address}}","gateway":"{{gateway}}"}]""");
        _bench.Run("ADD", config, "c2").ErrorCode.Should().Be(11);
    }

    public void Dispose() => _bench.Dispose();

    private string Ranges(string ranges) =>
        $$"""{"cniVersion":"1.1.0","name":"net","type":"bridge","ipam":{"type":"twill-ipam","dataDir":"{{_bench.DataDir}}","ranges":{{ranges}} } }""";
}
