using Twill.Cni;
using Twill.Host;
using Twill.Plugin.Capabilities;

namespace Twill.Plugin.Tests.Capabilities;

public sealed class BandwidthTests
{
    private static PodLimits Read(string bandwidth, int mtu = 1500) =>
        Bandwidth.Read(Requests.Conf($",'runtimeConfig':{{'bandwidth':{bandwidth}}}"), mtu);

    [Fact]
    public void Both_directions_are_read_in_bits_and_kept_in_bytes() =>
        Read("{'ingressRate':20000000,'ingressBurst':2000000,'egressRate':8000,'egressBurst':16000}")
            .Should()
            .Be(new PodLimits(new RateLimit(2_500_000, 250_000), new RateLimit(1000, 2000)));

    [Theory]
    [InlineData("{'IngressRate':20000000,'IngressBurst':2000000}")]
    [InlineData("{'ingressRate':20000000,'ingressBurst':2000000,'egressRate':0,'egressBurst':0}")]
    [InlineData("{'INGRESSRATE':20000000,'INGRESSBURST':2000000,'egressRate':null}")]
    public void Keys_match_in_any_case_and_a_rate_of_0_is_no_limit(string bandwidth) =>
        Read(bandwidth).Should().Be(new PodLimits(new RateLimit(2_500_000, 250_000), null));

    [Theory]
    [InlineData("")]
    [InlineData(",'runtimeConfig':{}")]
    [InlineData(",'runtimeConfig':{'bandwidth':null}")]
    [InlineData(",'runtimeConfig':{'bandwidth':{}}")]
    [InlineData(",'runtimeConfig':{'Bandwidth':{'ingressRate':0,'ingressBurst':0}}")]
    public void Without_a_rate_there_are_no_limits(string more) =>
        Bandwidth.Read(Requests.Conf(more), 1500).Should().BeSameAs(PodLimits.None);

    [Theory]
    [InlineData(20_000_000L, 2147483647L, 250_000u)]
    [InlineData(20_000_000L, 4294967295L, 250_000u)]
    [InlineData(8_000L, 4294967295L, 131_072u)]
    [InlineData(1_000_000_000_000_000L, 34359738367L, 2_147_483_647u)]
    public void A_burst_that_says_that_none_is_known_becomes_a_tenth_of_a_second(long rate, long burst, uint bytes) =>
        Read($"{{'ingressRate':{rate},'ingressBurst':{burst}}}").Ingress.Should().Be(new RateLimit((ulong)rate / 8, bytes));

    [Fact]
    public void A_burst_of_just_a_frame_is_enough() =>
        Read("{'egressRate':8000,'egressBurst':11744}", mtu: 1450).Egress!.Burst.Should().Be(1468);

    [Theory]
    [InlineData("7", "$.runtimeConfig.bandwidth: expected an object, got '7'")]
    [InlineData(
        "{'ingressRate':-1,'ingressBurst':99999}",
        "$.runtimeConfig.bandwidth.ingressRate: expected a whole number from 0 to 1000000000000000, got '-1'"
    )]
    [InlineData(
        "{'ingressRate':1000000000000001,'ingressBurst':99999}",
        "ingressRate: expected a whole number from 0 to 1000000000000000, got '1000000000000001'"
    )]
    [InlineData("{'ingressRate':7,'ingressBurst':99999}", "ingressRate: expected 0 (no limit) or a whole number from 8 to")]
    [InlineData("{'ingressRate':'10M','ingressBurst':99999}", "ingressRate: expected a whole number from 0 to 1000000000000000, got '10M'")]
    [InlineData("{'ingressRate':1.5,'ingressBurst':99999}", "ingressRate: expected a whole number")]
    [InlineData(
        "{'ingressRate':8000}",
        "$.runtimeConfig.bandwidth.ingressBurst: expected a number of bits, because $.runtimeConfig.bandwidth.ingressRate is given, "
            + "got nothing"
    )]
    [InlineData(
        "{'egressRate':8000,'egressBurst':0}",
        "egressBurst: expected a number of bits, because $.runtimeConfig.bandwidth.egressRate is given, got '0'"
    )]
    [InlineData(
        "{'egressBurst':16000}",
        "$.runtimeConfig.bandwidth.egressRate: expected bits per second, because $.runtimeConfig.bandwidth.egressBurst is given, got "
            + "nothing"
    )]
    [InlineData("{'egressRate':0,'egressBurst':16000}", "egressRate: expected bits per second")]
    [InlineData("{'egressRate':8000,'egressBurst':-5}", "egressBurst: expected a whole number from 0 to 34359738367, got '-5'")]
    [InlineData(
        "{'egressRate':8000,'egressBurst':34359738368}",
        "egressBurst: expected a whole number from 0 to 34359738367, got '34359738368'"
    )]
    [InlineData(
        "{'egressRate':4096,'egressBurst':1600}",
        "egressBurst: expected at least 12144 bits, a frame of MTU 1500: with less nothing would pass, got '1600'"
    )]
    [InlineData("{'egressRate':4096,'egressBurst':12143}", "egressBurst: expected at least 12144 bits")]
    public void A_bad_limit_is_an_error_that_names_path_value_and_expectation(string bandwidth, string text)
    {
        CniException error = ((Action)(() => Read(bandwidth))).Should().Throw<CniException>().Which;

        error.Code.Should().Be(CniErrorCode.InvalidNetworkConfig);
        error.Details.Should().Contain(text);
    }
}
