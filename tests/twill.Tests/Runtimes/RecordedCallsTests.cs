using System.Net;
using Twill.Cni;
using Twill.Host;
using Twill.Host.Backends;
using Twill.Network.Configuration;
using Twill.Plugin.Capabilities;
using Twill.Testing;

namespace Twill.Plugin.Tests.Runtimes;

/// <summary>Calls that real runtimes made (recorded/): read as they were meant.</summary>
public sealed class RecordedCallsTests
{
    private const byte Tcp = 6,
        Udp = 17,
        Sctp = 132;

    public static TheoryData<string> Runtimes => [.. RecordedCall.Runtimes];

    [Theory]
    [MemberData(nameof(Runtimes))]
    public void Every_call_is_understood_in_all_its_parts(string runtime)
    {
        foreach (RecordedCall call in RecordedCall.Of(runtime).Where(c => c.Command is "ADD" or "DEL" or "CHECK" or "STATUS"))
        {
            CniRequest request = Read(call);
            TwillConf conf = TwillConf.Parse(request.Reader, BackendTable.All);
            request.Args.RefuseUnknown("IP", "MAC");
            Bandwidth.Read(conf, 1500);
            RequestedMac.Read(request);
            request.PrevResultComplaints.Should().BeEmpty(call.Name);
        }
    }

    [Fact]
    public void Podman_is_told_the_versions_before_every_call_though_other_variables_make_no_sense()
    {
        RecordedCall[] questions = [.. RecordedCall.Of("podman-4.3").Where(c => c.Command == "VERSION")];
        questions.Should().HaveCountGreaterThan(2).And.OnlyContain(c => c.Environment["CNI_NETNS"] == "dummy");
        foreach (RecordedCall call in questions)
        {
            FakeCniProcess process = Process(call);
            CniPlugin.Run(new CniVerbTable(), process).Should().Be(0);
            process.Stdout.Should().Contain("\"supportedVersions\"").And.Contain("1.1.0");
        }
    }

    [Fact]
    public void Containerd_writes_capabilities_in_capitals_any_address_as_nothing_and_an_unknown_burst_as_the_largest()
    {
        CniRequest request = Read("containerd-1.6", "01-ADD");
        TwillConf conf = TwillConf.Parse(request.Reader, BackendTable.All);

        conf.PortMappings.Should()
            .Equal(
                new PortMapping(Tcp, null, 18080, 8080),
                new PortMapping(Udp, IPAddress.Loopback, 18053, 53),
                new PortMapping(Sctp, null, 18090, 90)
            );
        Bandwidth.Read(conf, 1500).Should().Be(new PodLimits(new RateLimit(1_250_000, 131_072), new RateLimit(2_500_000, 250_000)));
        request.Args.IgnoreUnknown.Should().BeTrue();
        request.Args["K8S_POD_NAME"].Should().Be("web");
    }

    [Fact]
    public void Containerd_deletes_with_a_result_then_with_neither_result_nor_namespace_and_after_a_failed_add_without_result()
    {
        CniRequest failed = Read("containerd-1.6", "03-DEL"),
            first = Read("containerd-1.6", "04-DEL"),
            again = Read("containerd-1.6", "05-DEL");

        (failed.PrevResult, failed.NetnsPath).Should().Be((null, "/var/run/netns/cni-00000000-0000-0000-0000-000000000002"));
        first.PrevResult!.Ips.Should().ContainSingle().Which.Cidr.Should().Be("10.244.0.2/24");
        (again.PrevResult, again.NetnsPath).Should().Be((null, null));
    }

    [Fact]
    public void Podman_asks_for_a_hardware_address_as_an_argument_and_repeats_ports_for_each_network()
    {
        CniRequest first = Read("podman-4.3", "03-ADD"),
            second = Read("podman-4.3", "06-ADD");

        RequestedMac.Read(first).ToString().Should().Be("02:00:00:00:00:77");
        RequestedMac.Read(second).Should().BeNull();
        (second.NetworkName, second.IfName).Should().Be(("second", "eth1"));
        TwillConf
            .Parse(second.Reader, BackendTable.All)
            .PortMappings.Should()
            .BeEquivalentTo(TwillConf.Parse(first.Reader, BackendTable.All).PortMappings)
            .And.HaveCount(2);
    }

    [Fact]
    public void Cnitool_collects_garbage_without_saying_what_lives_which_is_not_nothing()
    {
        Action read = () => Read("cnitool-1.3", "05-GC");
        read.Should().Throw<CniException>().Which.Details.Should().Contain("cni.dev/valid-attachments");
    }

    private static CniRequest Read(string runtime, string call) => Read(RecordedCall.Of(runtime).Single(c => c.Name == call));

    private static CniRequest Read(RecordedCall call)
    {
        CniVerbs.TryParse(call.Command, out CniVerb verb).Should().BeTrue();
        return CniRequest.Read(verb, Process(call), out _);
    }

    private static FakeCniProcess Process(RecordedCall call) => new(call.Input, [.. call.Environment.Select(v => (v.Key, v.Value))]);
}
