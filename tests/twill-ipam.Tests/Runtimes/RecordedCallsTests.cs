using System.Net;
using System.Net.Sockets;
using Twill.Cni;
using Twill.Network.Configuration;
using Twill.Testing;

namespace Twill.Ipam.Tests.Runtimes;

/// <summary>Addresses that real runtimes asked for, as they reach the IPAM plugin too.</summary>
public sealed class RecordedCallsTests
{
    [Theory]
    [InlineData("podman-4.3", "03-ADD", "10.244.0.77")] // --ip: IP= in CNI_ARGS
    [InlineData("podman-4.3", "13-ADD", "10.244.0.77")] // network reload: the same one twice in runtimeConfig.ips, without a prefix length
    [InlineData("podman-4.3", "06-ADD", null)] // another network: --ip is not for that
    [InlineData("cnitool-1.1", "01-ADD", "10.244.0.77")] // CAP_ARGS: with a prefix length
    [InlineData("containerd-1.6", "01-ADD", null)]
    public void The_address_that_was_asked_for_is_understood(string runtime, string name, string? address)
    {
        RecordedCall call = RecordedCall.Of(runtime).Single(c => c.Name == name);
        FakeCniProcess process = new(call.Input, [.. call.Environment.Select(v => (v.Key, v.Value))]);

        IpamConf conf = new() { Type = "twill-ipam", Families = [new IpamFamily(AddressFamily.InterNetwork)] };
        AddressRequest
            .Read(CniRequest.Read(CniVerb.Add, process, out _), conf)
            .Should()
            .Equal(address is null ? [] : [IPAddress.Parse(address)]);
    }
}
