using Twill.Cni;
using Twill.Plugin.Capabilities;

namespace Twill.Plugin.Tests.Capabilities;

public sealed class RequestedMacTests
{
    private const string Capability = ",'runtimeConfig':{'mac':'02:00:00:00:00:01'}",
        Args = ",'args':{'cni':{'mac':'02:00:00:00:00:02'}}",
        Variable = "IgnoreUnknown=1;MAC=02:00:00:00:00:03";

    [Theory]
    [InlineData("", "", null)]
    [InlineData("", "IP=10.1.0.9", null)]
    [InlineData(",'runtimeConfig':{'mac':''}", "MAC=", null)]
    [InlineData("", Variable, "02:00:00:00:00:03")]
    [InlineData(Args, "", "02:00:00:00:00:02")]
    [InlineData(Capability, "", "02:00:00:00:00:01")]
    [InlineData(Args, Variable, "02:00:00:00:00:02")]
    [InlineData(Capability, Variable, "02:00:00:00:00:01")]
    [InlineData(Capability + Args, Variable, "02:00:00:00:00:01")]
    [InlineData(",'runtimeConfig':{'Mac':'C2-11-22-33-44-55'}", "", "c2:11:22:33:44:55")]
    public void The_capability_goes_before_args_and_args_before_CNI_ARGS(string more, string args, string? mac) =>
        RequestedMac.Read(Requests.Add(more, args))?.ToString().Should().Be(mac);

    [Theory]
    [InlineData("01:00:5e:00:00:01")]
    [InlineData("ff:ff:ff:ff:ff:ff")]
    [InlineData("00:00:00:00:00:00")]
    [InlineData("02:00:00:00:00")]
    [InlineData("02:00:00:00:00:0g")]
    [InlineData("02:00:00:00:00:01:02:03")]
    [InlineData("020000000001")]
    public void An_address_that_no_interface_can_have_is_refused_wherever_it_stands(string mac)
    {
        Refusal($",'runtimeConfig':{{'mac':'{mac}'}}", "")
            .Should()
            .Match<CniException>(e =>
                e.Code == CniErrorCode.InvalidNetworkConfig
                && e.Details.StartsWith("$.runtimeConfig.mac: expected a hardware address like")
                && e.Details.Contains(mac)
            );
        Refusal($",'args':{{'cni':{{'mac':'{mac}'}}}}", "")
            .Should()
            .Match<CniException>(e =>
                e.Code == CniErrorCode.InvalidNetworkConfig && e.Details.StartsWith("$.args.cni.mac: expected a hardware address like")
            );
        Refusal("", $"MAC={mac}")
            .Should()
            .Match<CniException>(e =>
                e.Code == CniErrorCode.InvalidEnvironment
                && e.Details.StartsWith("CNI_ARGS: MAC: expected a hardware address like")
                && e.Details.Contains(mac)
            );
    }

    private static CniException Refusal(string more, string args) =>
        ((Action)(() => RequestedMac.Read(Requests.Add(more, args)))).Should().Throw<CniException>().Which;
}
