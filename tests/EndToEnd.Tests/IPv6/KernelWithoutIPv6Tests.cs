using System.Text.Json.Nodes;
using Twill.EndToEnd.Tests.Cli;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.IPv6;

/// <summary>
/// A network with IPv6 on a kernel that was booted with <c>ipv6.disable=1</c>, which has no <c>/proc/sys/net/ipv6</c>. This host's is
/// hidden.
/// </summary>
public sealed class KernelWithoutIPv6Tests : IDisposable
{
    private readonly SingleHost _single = new();

    [RequiresRootFact]
    public void No_container_gets_half_of_its_addresses_and_STATUS_and_doctor_say_why()
    {
        const string Why = "this kernel runs without IPv6",
            Remedy = "take ipv6.disable=1 from the kernel's command line";
        LabHost host = _single.Host;
        JsonObject conf = SampleConf.Single();
        conf["cniVersion"] = "1.1.0";
        conf.Ipam()["ipv6Subnet"] = "fd00:244::/64";
        host.Configure(conf);
        CniAnswer Status() => host.Plugin("twill").Run("STATUS", conf.ForPlugin().ToJsonString());
        Status().OrThrow();

        host.Sh("mount -t tmpfs none /proc/sys/net/ipv6");

        Status().ErrorCode.Should().Be(50);
        Status().ErrorText.Should().Contain(Why).And.Contain(Remedy);
        host.Complaints()
            .Should()
            .Contain(c => c.Check == "forwarding" && c.Text.Contains($"{Why}, which containers of network 'twill' get"))
            .Which.Remedy.Should()
            .Contain(Remedy);
        host.Twill("status").Stdout.Should().Contain(Why).And.NotContain("all is well");
        LabContainer container = host.NewContainer("c1");
        CniAnswer refused = host.Plugin("twill", container).Add(conf.ForPlugin().ToJsonString());
        refused.ErrorText.Should().Contain(Why).And.Contain(Remedy);
        Leftovers.Records(host).Should().BeEmpty();

        host.Sh("umount /proc/sys/net/ipv6");
        Status().OrThrow();
        container.Result = host.Plugin("twill", container).Add(conf.ForPlugin().ToJsonString()).OrThrow().Stdout;
        container.Addresses.Should().HaveCount(2);
    }

    public void Dispose() => _single.Dispose();
}
