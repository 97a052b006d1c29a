using System.Net;

namespace Twill.Linux.Tests;

public sealed class ArpProbeTests
{
    private static readonly MacAddress s_own = MacAddress.Parse("02:00:00:00:00:01"),
        s_other = MacAddress.Parse("02:00:00:00:00:02");
    private static readonly byte[] s_asked = [192, 168, 50, 130];

    [Theory]
    [InlineData(2, "192.168.50.130", "192.168.50.1", true)] // an answer
    [InlineData(1, "192.168.50.130", "192.168.50.254", true)] // its owner asks for another
    [InlineData(1, "0.0.0.0", "192.168.50.130", true)] // a machine that is about to take it
    [InlineData(1, "192.168.50.254", "192.168.50.130", false)] // somebody looks for it
    [InlineData(1, "0.0.0.0", "192.168.50.131", false)]
    [InlineData(2, "192.168.50.131", "192.168.50.130", false)]
    public void Hears_who_has_an_address_or_is_about_to(byte operation, string sender, string target, bool has) =>
        ArpProbe.OwnerIn(Packet(operation, s_other, sender, target), s_own, s_asked).Should().Be(has ? s_other : (MacAddress?)null);

    [Fact]
    public void Does_not_hear_itself() =>
        ArpProbe.OwnerIn(Packet(1, s_own, "0.0.0.0", "192.168.50.130"), s_own, s_asked).Should().BeNull();

    [Fact]
    public void Takes_packets_of_Ethernet_and_IPv4_only()
    {
        byte[] packet = Packet(2, s_other, "192.168.50.130", "192.168.50.1");
        packet[1] = 6;

        ArpProbe.OwnerIn(packet, s_own, s_asked).Should().BeNull();
    }

    private static byte[] Packet(byte operation, MacAddress mac, string sender, string target)
    {
        byte[] packet = new byte[ArpAnnouncement.Length];
        ArpAnnouncement.Write(packet, IPAddress.Parse(sender), mac);
        packet[7] = operation;
        IPAddress.Parse(target).GetAddressBytes().CopyTo(packet, 24);
        return packet;
    }
}
