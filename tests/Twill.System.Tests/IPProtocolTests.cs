namespace Twill.System.Tests;

public sealed class IPProtocolTests
{
    [Theory]
    [InlineData("tcp", 6)]
    [InlineData("UDP", 17)]
    [InlineData("Sctp", 132)]
    public void A_transport_protocol_is_known_by_its_name_in_any_case(string name, byte number)
    {
        IPProtocol.TryParseTransport(name, out byte protocol).Should().BeTrue();
        protocol.Should().Be(number);
        IPProtocol.NameOf(protocol).Should().Be(name.ToLowerInvariant());
    }

    [Theory]
    [InlineData("icmp")]
    [InlineData("6")]
    [InlineData("")]
    [InlineData("tcp ")]
    public void Nothing_else_is_a_transport_protocol(string name) => IPProtocol.TryParseTransport(name, out _).Should().BeFalse();

    [Fact]
    public void A_protocol_that_has_no_name_here_is_its_number() => IPProtocol.NameOf(47).Should().Be("47");
}
