using System.Net;
using Twill.Network.State;
using Twill.System;
using Twill.Testing;

namespace Twill.Network.Tests.State;

/// <summary>Records of names, and what the agent keeps of them.</summary>
public sealed class NameRecordsTests : IDisposable
{
    private readonly TempDir _dir = TempDir.Create();

    [Fact]
    public void A_record_is_read_as_it_was_written_and_gone_once_removed()
    {
        NameRecords records = new(_dir.At("names"));
        NameRecord web = new(
            "c1",
            "eth0",
            ["web", "front"],
            [IPAddress.Parse("10.1.0.2"), IPAddress.Parse("fd00::2")],
            [new NamedPort(IPProtocol.Tcp, 80)]
        );
        records.Owners().Should().BeEmpty();

        records.Write(web with { Names = ["former"] });
        records.Write(web);

        records.Owners().Should().Equal(web.HostName);
        records.Read(web.HostName).Should().BeEquivalentTo(web);
        NamedAddress
            .Of(web)
            .Select(one => $"{one.Key} {one.Address}")
            .Should()
            .Equal(
                $"web/{web.HostName} 10.1.0.2",
                $"web/{web.HostName}v6 fd00::2",
                $"front/{web.HostName} 10.1.0.2",
                $"front/{web.HostName}v6 fd00::2"
            );
        records.Remove(web.HostName);
        records.Remove(web.HostName);
        records.Read(web.HostName).Should().BeNull();
    }

    [Theory]
    [InlineData("")]
    [InlineData("end\n")]
    [InlineData("container: c1\ninterface: eth0\nname: web\naddress: 10.1.0.2\n")]
    [InlineData("container: c1\ninterface: eth0\nname: web\naddress: 10.1.0.2\nen")]
    [InlineData("container: c1\ninterface: eth0\nname: we b\naddress: 10.1.0.2\nend\n")]
    [InlineData("container: c2\ninterface: eth0\nname: web\naddress: 10.1.0.2\nend\n")]
    public void What_is_cut_short_or_of_another_container_is_none(string content)
    {
        string hostName = DeviceNames.Veth("c1", "eth0");
        _dir.Write(hostName, content);

        new NameRecords(_dir.Path).Read(hostName).Should().BeNull();
    }

    [Theory]
    [InlineData("80")]
    [InlineData("/tcp")]
    [InlineData("0/tcp")]
    [InlineData("65536/tcp")]
    [InlineData("+80/tcp")]
    [InlineData("80/icmp")]
    public void What_is_no_port_is_refused(string text) => NamedPort.TryParse(text, out _).Should().BeFalse();

    [Fact]
    public void The_agents_file_is_read_as_it_was_written_and_a_damaged_one_is_told()
    {
        NetworkStateDir state = new StateDir(_dir.Path).Network("net");
        NamesFile file = new()
        {
            Domain = "net.twill.internal",
            Servers = [IPAddress.Parse("10.1.0.1")],
            Local = [new NamedAddress("web", "tw1", IPAddress.Parse("10.1.0.2"), [new NamedPort(IPProtocol.Udp, 53)])],
            Remote = [new NamedAddress("db", "tw2", IPAddress.Parse("fd00::2"), [])],
        };
        file.Write(state);
        NamesFile.TryRead(state, out string? problem).Should().BeEquivalentTo(file);
        problem.Should().BeNull();

        const string Damaged = """{"domain":"x","servers":[],"local":[],"remote":[{"name":"-","id":"x","address":"10.1.0.2"}]}""";
        File.WriteAllText(state.NamesPath, Damaged);
        NamesFile.TryRead(state, out problem).Should().BeNull();
        problem.Should().Contain("$.remote[0].name");
    }

    public void Dispose() => _dir.Dispose();
}
