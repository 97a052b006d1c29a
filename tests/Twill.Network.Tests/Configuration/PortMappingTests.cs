using System.Net;
using Twill.Cni;
using Twill.Cni.Tests;
using Twill.Host.Backends;
using Twill.Network.Configuration;

namespace Twill.Network.Tests.Configuration;

/// <summary>The capability portMappings, as runtimes send it, and one wrong thing at a time.</summary>
public sealed class PortMappingTests
{
    [Theory]
    [InlineData("{'hostPort':8080,'containerPort':80,'protocol':'tcp'}", 6, null, 8080, 80)]
    [InlineData("{'HostPort':18080,'ContainerPort':8080,'Protocol':'TCP','HostIP':''}", 6, null, 18080, 8080)] // containerd
    [InlineData("{'hostPort':80,'containerPort':80,'hostIP':'::'}", 6, "::", 80, 80)]
    [InlineData("{'hostPort':80,'containerPort':80,'hostIP':'fd00::1'}", 6, "fd00::1", 80, 80)]
    [InlineData("{'hostPort':53,'containerPort':5353,'protocol':'Udp','hostIP':'192.0.2.1'}", 17, "192.0.2.1", 53, 5353)]
    [InlineData("{'hostPort':65535,'containerPort':1,'protocol':'SCTP','hostIp':'127.0.0.1'}", 132, "127.0.0.1", 65535, 1)]
    [InlineData("{'hostPort':1,'containerPort':65535,'hostIP':'0.0.0.0','name':'web'}", 6, "0.0.0.0", 1, 65535)]
    [InlineData("{'hostPort':80,'containerPort':80,'protocol':'','hostIP':null}", 6, null, 80, 80)]
    public void Entries_are_read_however_runtimes_write_them(
        string entry,
        byte protocol,
        string? hostAddress,
        ushort hostPort,
        ushort containerPort
    ) =>
        Parse($"[{entry}]")
            .Should()
            .Equal(new PortMapping(protocol, hostAddress is null ? null : IPAddress.Parse(hostAddress), hostPort, containerPort));

    [Theory]
    [InlineData("")]
    [InlineData(",'runtimeConfig':{}")]
    [InlineData(",'runtimeConfig':null")]
    [InlineData(",'runtimeConfig':{'portMappings':null}")]
    [InlineData(",'runtimeConfig':{'portMappings':[]}")]
    public void Who_asks_for_no_ports_gets_none(string member) => Conf(member).PortMappings.Should().BeEmpty();

    [Fact]
    public void The_same_port_at_different_addresses_or_of_different_protocols_is_two_ports() =>
        Parse(
                """
                [{'hostPort':53,'containerPort':53,'protocol':'tcp'},{'hostPort':53,'containerPort':53,'protocol':'udp','hostIP':'192.0.2.1'},
                 {'hostPort':53,'containerPort':54,'protocol':'udp','hostIP':'192.0.2.2'}]
                """
            )
            .Should()
            .HaveCount(3);

    [Fact]
    public void The_same_port_of_both_families_is_two_ports() =>
        Parse(
                """
                [{'hostPort':80,'containerPort':80,'hostIP':'0.0.0.0'},{'hostPort':80,'containerPort':80,'hostIP':'::'},
                 {'hostPort':81,'containerPort':80,'hostIP':'192.0.2.1'},{'hostPort':81,'containerPort':81,'hostIP':'fd00::1'}]
                """
            )
            .Should()
            .HaveCount(4);

    [Fact]
    public void An_entry_for_all_ipv6_addresses_behind_the_same_for_all_is_one_port() =>
        Parse("[{'hostPort':80,'containerPort':80},{'hostPort':80,'containerPort':80,'hostIP':'::'}]").Should().ContainSingle();

    [Theory]
    [InlineData("5", "$.runtimeConfig.portMappings: expected a list, got '5'")]
    [InlineData("[null]", "$.runtimeConfig.portMappings[0]: expected a value, got null")]
    [InlineData("['80:80']", "$.runtimeConfig.portMappings[0]: expected an object, got '80:80'")]
    [InlineData("[{'containerPort':80}]", "$.runtimeConfig.portMappings[0].hostPort: expected a whole number from 1 to 65535, got nothing")]
    [InlineData(
        "[{'hostPort':null,'containerPort':80}]",
        "$.runtimeConfig.portMappings[0].hostPort: expected a whole number from 1 to 65535, got null"
    )]
    [InlineData(
        "[{'hostPort':0,'containerPort':80}]",
        "$.runtimeConfig.portMappings[0].hostPort: expected a whole number from 1 to 65535, got '0'"
    )]
    [InlineData(
        "[{'hostPort':-1,'containerPort':80}]",
        "$.runtimeConfig.portMappings[0].hostPort: expected a whole number from 1 to 65535, got '-1'"
    )]
    [InlineData(
        "[{'hostPort':65536,'containerPort':80}]",
        "$.runtimeConfig.portMappings[0].hostPort: expected a whole number from 1 to 65535, got '65536'"
    )]
    [InlineData(
        "[{'hostPort':80.5,'containerPort':80}]",
        "$.runtimeConfig.portMappings[0].hostPort: expected a whole number from 1 to 65535, got '80.5'"
    )]
    [InlineData(
        "[{'hostPort':'80','containerPort':80}]",
        "$.runtimeConfig.portMappings[0].hostPort: expected a whole number from 1 to 65535, got '80'"
    )]
    [InlineData("[{'hostPort':80}]", "$.runtimeConfig.portMappings[0].containerPort: expected a whole number from 1 to 65535, got nothing")]
    [InlineData(
        "[{'hostPort':80,'containerPort':0}]",
        "$.runtimeConfig.portMappings[0].containerPort: expected a whole number from 1 to 65535, got '0'"
    )]
    [InlineData(
        "[{'hostPort':80,'containerPort':80,'protocol':'icmp'}]",
        "$.runtimeConfig.portMappings[0].protocol: expected tcp, udp or sctp, got 'icmp'"
    )]
    [InlineData(
        "[{'hostPort':80,'containerPort':80,'protocol':6}]",
        "$.runtimeConfig.portMappings[0].protocol: expected a string, got '6'"
    )]
    [InlineData(
        "[{'hostPort':80,'containerPort':80,'hostIP':'localhost'}]",
        "$.runtimeConfig.portMappings[0].hostIP: expected an IP address, got 'localhost'"
    )]
    [InlineData(
        "[{'hostPort':80,'containerPort':80,'hostIP':'10.1'}]",
        "$.runtimeConfig.portMappings[0].hostIP: expected an IP address, got '10.1'"
    )]
    [InlineData(
        "[{'hostPort':80,'containerPort':80,'hostIP':'::1'}]",
        "$.runtimeConfig.portMappings[0].hostIP: expected another address than ::1, which the kernel lets no answer of a container "
            + "come back to; 127.0.0.1 can be had, got '::1'"
    )]
    [InlineData(
        "[{'hostPort':80,'containerPort':80,'hostIP':'fe80::1'}]",
        "$.runtimeConfig.portMappings[0].hostIP: expected an address that is valid beyond its link, not one of fe80::/10, got 'fe80::1'"
    )]
    [InlineData(
        "[{'hostPort':80,'containerPort':80,'hostIP':'::ffff:192.0.2.1'}]",
        "$.runtimeConfig.portMappings[0].hostIP: expected 192.0.2.1, as IPv4 packets have it, got '::ffff:192.0.2.1'"
    )]
    [InlineData(
        "[{'hostPort':80,'containerPort':80},{'hostPort':80,'containerPort':81,'hostIP':'::'}]",
        "$.runtimeConfig.portMappings[1].hostPort: expected a port that no other entry of this request has with the same protocol and "
            + "host address, got '80'"
    )]
    [InlineData(
        "[{'hostPort':80,'containerPort':80},{'hostPort':80,'containerPort':80,'hostIP':'fd00::1'}]",
        "$.runtimeConfig.portMappings[1].hostPort: expected a port that no other entry of this request has with the same protocol and "
            + "host address, got '80'"
    )]
    [InlineData(
        "[{'hostPort':80,'containerPort':80,'hostIP':'fd00::1'},{'hostPort':80,'containerPort':80,'hostIP':'::'}]",
        "$.runtimeConfig.portMappings[1].hostPort: expected a port that no other entry of this request has with the same protocol and "
            + "host address, got '80'"
    )]
    [InlineData(
        "[{'hostPort':80,'containerPort':80},{'hostPort':80,'containerPort':81}]",
        "$.runtimeConfig.portMappings[1].hostPort: expected a port that no other entry of this request has with the same protocol and "
            + "host address, got '80'"
    )]
    [InlineData(
        "[{'hostPort':80,'containerPort':80},{'hostPort':80,'containerPort':80,'hostIP':'192.0.2.1'}]",
        "$.runtimeConfig.portMappings[1].hostPort: expected a port that no other entry of this request has with the same protocol and "
            + "host address, got '80'"
    )]
    [InlineData(
        "[{'hostPort':80,'containerPort':80,'hostIP':'192.0.2.1'},{'hostPort':80,'containerPort':80,'hostIP':'0.0.0.0'}]",
        "$.runtimeConfig.portMappings[1].hostPort: expected a port that no other entry of this request has with the same protocol and "
            + "host address, got '80'"
    )]
    public void A_complaint_names_the_entry_the_value_and_what_was_expected(string list, string complaint)
    {
        CniException e = FluentActions.Invoking(() => Parse(list)).Should().Throw<CniException>().Which;

        e.Code.Should().Be(CniErrorCode.InvalidNetworkConfig);
        e.Details.Should().Be(complaint);
    }

    [Fact]
    public void Del_is_not_stopped_by_entries_that_make_no_sense()
    {
        List<string> complaints = [];

        TwillConf
            .Parse(
                Calls
                    .Reader(
                        """
                        {'name':'n','type':'twill','ipam':{'type':'host-local'},'runtimeConfig':{'portMappings':[null,5,{},{'hostPort':'x','protocol':'y','hostIP':'z'}]}}
                        """
                    )
                    .Lenient(complaints),
                BackendTable.All
            )
            .Ipam.Type.Should()
            .Be("host-local");

        complaints.Should().NotBeEmpty().And.OnlyContain(c => c.StartsWith("$.runtimeConfig.portMappings["));
    }

    private static IReadOnlyList<PortMapping> Parse(string list) => Conf($",'runtimeConfig':{{'portMappings':{list}}}").PortMappings;

    private static TwillConf Conf(string member) =>
        TwillConf.Parse(Calls.Reader($"{{'name':'n','type':'twill','ipam':{{'type':'host-local'}}{member}}}"), BackendTable.All);
}
