using System.Net;
using Twill.Network.State;
using Twill.Testing;

namespace Twill.Ipam.Tests.Verbs;

/// <summary>What `twill address` reserved: a container of that name gets it, and nobody else does.</summary>
public sealed class ReservedAddressTests : IDisposable
{
    private readonly IpamBench _bench = new();

    public void Dispose() => _bench.Dispose();

    [Theory]
    [InlineData("NAME=web", "")]
    [InlineData("IgnoreUnknown=1;K8S_POD_NAME=Web", "")]
    [InlineData("", ""","args":{"cni":{"names":["other","web"]}}""")]
    public void A_container_of_the_name_gets_the_address_as_often_as_it_starts(string args, string top)
    {
        Reserve("10.1.2.50 web", "10.1.2.2 db");

        for (int i = 0; i < 2; i++)
        {
            Add("c1", args, top).Should().Be("10.1.2.50/24");
            _bench.Run("DEL", _bench.Fixed()).OrThrow();
        }

        Add("c2").Should().Be("10.1.2.3/24", "10.1.2.2 is somebody's, though he does not run");
    }

    [Fact]
    public void Nobody_else_gets_it_when_all_others_are_taken()
    {
        Reserve("10.1.2.3 web");
        Add("c1", isSmall: true).Should().Be("10.1.2.2/29");
        foreach (string next in new[] { "10.1.2.4/29", "10.1.2.5/29", "10.1.2.6/29" })
        {
            Add($"c{next}".Replace('/', '-'), isSmall: true).Should().Be(next);
        }

        _bench.Run("ADD", Small, "late").ErrorCode.Should().Be(11);
        _bench.Run("STATUS", Small).ErrorCode.Should().Be(50);
        Add("web", "NAME=web", isSmall: true).Should().Be("10.1.2.3/29");
    }

    [Fact]
    public void Who_asks_for_the_address_of_another_name_is_refused_and_told_whose_it_is()
    {
        Reserve("10.1.2.50 web");
        string asking = _bench.Fixed(top: ""","args":{"cni":{"ips":["10.1.2.50"]}}""");

        CniAnswer refused = _bench.Run("ADD", asking);

        refused.ErrorCode.Should().Be(7);
        refused.ErrorText.Should().Contain("10.1.2.50").And.Contain("reserves it for containers called 'web'");
        refused.ErrorText.Should().Contain("twill address release net web");
        _bench.Run("ADD", asking, args: "NAME=web").OrThrow();
    }

    [Fact]
    public void A_second_container_of_the_name_is_refused_while_the_first_one_lives()
    {
        Reserve("10.1.2.50 web");
        Add("c1", "NAME=web");

        CniAnswer refused = _bench.Run("ADD", _bench.Fixed(), "c2", args: "NAME=web");

        refused.ErrorCode.Should().Be(11);
        refused.ErrorText.Should().Contain("it is taken by container c1").And.Contain("reserves it for 'web'");
    }

    [Fact]
    public void After_a_crash_or_a_reboot_the_next_container_of_the_name_gets_it()
    {
        Reserve("10.1.2.50 web");
        Add("c1", "NAME=web");
        _bench.Clock.BootId = "boot-2";

        Add("c2", "NAME=web").Should().Be("10.1.2.50/24");
    }

    [Fact]
    public void Another_address_may_be_asked_for_and_each_family_has_its_own()
    {
        Reserve("10.1.2.50 web", "fc00:1::50 web");
        const string Dual = ""","ipv6Subnet":"fc00:1::/64" """;

        CniAnswer both = _bench.Run("ADD", _bench.Fixed(ipam: Dual), args: "NAME=web").OrThrow();
        both.Json.GetProperty("ips").EnumerateArray().Select(ip => ip.GetProperty("address").GetString()).Should()
            .Equal("10.1.2.50/24", "fc00:1::50/64");

        Add("c2", "NAME=web;IP=10.1.2.60").Should().Be("10.1.2.60/24", "who asks for another gets that");
    }

    [Fact]
    public void An_address_that_is_not_given_out_here_any_more_is_refused_naming_the_reservation()
    {
        Reserve("10.9.9.9 web");

        CniAnswer refused = _bench.Run("ADD", _bench.Fixed(), args: "NAME=web");

        refused.ErrorCode.Should().Be(7);
        refused.ErrorText.Should().Contain("10.9.9.9").And.Contain("reserves it for 'web' (twill address release)");
    }

    [Theory]
    [InlineData("10.1.2.50")]
    [InlineData("10.1.2.50 -web")]
    [InlineData("10.1.2 web")]
    public void A_damaged_file_is_told_with_its_line_and_nothing_is_given_out(string line)
    {
        Add("c1");
        File.WriteAllText($"{_bench.Records}/reserved", $"10.1.2.9 ok\n{line}\n");

        CniAnswer refused = _bench.Run("ADD", _bench.Fixed(), "c2");

        refused.ErrorText.Should().Contain($"{_bench.Records}/reserved: line 2: ").And.Contain(line);
        Directory.GetFiles(_bench.Records, "10.*").Should().ContainSingle();
    }

    private string Small => _bench.Fixed("10.1.2.0/29");

    private void Reserve(params string[] lines)
    {
        ReservedAddress Parse(string line) => new(IPAddress.Parse(line.Split(' ')[0]), line.Split(' ')[1]);
        using (ReservedAddresses.Lock(_bench.DataDir, "net"))
        {
            ReservedAddresses.Write(_bench.DataDir, "net", [.. lines.Select(Parse)]);
        }
    }

    private string Add(string container, string args = "", string top = "", bool isSmall = false) =>
        _bench.Run("ADD", isSmall ? Small : _bench.Fixed(top: top), container, args: args)
            .OrThrow()
            .Json.GetProperty("ips")[0]
            .GetProperty("address")
            .GetString()!;
}
