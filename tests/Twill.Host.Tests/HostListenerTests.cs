using System.Net;
using Twill.Host.Ports;

namespace Twill.Host.Tests;

/// <summary>Lines of /proc/net, as kernels print them.</summary>
public sealed class HostListenerTests
{
    [Theory]
    [InlineData(
        6,
        "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 12345 1 0000000000000000 100 0 0 10 0",
        "127.0.0.1",
        8080,
        12345
    )]
    [InlineData(
        6,
        "   1: 000080FE00000000FF0B24502A2B3CFE:0016 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 7 1",
        "fe80::5024:bff:fe3c:2b2a",
        22,
        7
    )]
    [InlineData(
        6,
        "   1: 0000000000000000FFFF00000100007F:0016 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 7 1",
        "127.0.0.1",
        22,
        7
    )]
    [InlineData(
        17,
        " 2143: 00000000:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000   101        0 0 2 0000000000000000 0",
        "0.0.0.0",
        53,
        0
    )]
    [InlineData(132, " ffff9b8 ffff9c0 2   10  29    9899  0     24018 0.0.0.0 ", "0.0.0.0", 9899, 24018)]
    public void One_that_listens(byte protocol, string line, string address, ushort port, ulong inode)
    {
        if (!BitConverter.IsLittleEndian)
        {
            return; // the lines are of a machine that is
        }

        HostListener.TryParse(protocol, line, out HostListener? listener).Should().BeTrue();

        listener.Should().Be(new HostListener(protocol, IPAddress.Parse(address), port, inode));
    }

    [Theory]
    [InlineData(6, "   7: 0100007F:1F90 0100007F:D431 01 00000000:00000000 00:00000000 00000000     0        0 12345 1", false)]
    [InlineData(17, "   7: 0100007F:1F90 0100007F:D431 01 00000000:00000000 00:00000000 00000000     0        0 12345 1", true)]
    [InlineData(132, " ffff9b8 ffff9c0 0   7   29    9899  0     24018 0.0.0.0 ", true)]
    [InlineData(6, "", true)]
    [InlineData(6, "   0: XX:YY 00000000:0000 0A 0:0 0:0 0 0 0 1 1", true)]
    public void Others_are_none_and_after_the_first_of_TCP_there_is_none_any_more(byte protocol, string line, bool goesOn)
    {
        HostListener.TryParse(protocol, line, out HostListener? listener).Should().Be(goesOn);
        listener.Should().BeNull();
    }
}
