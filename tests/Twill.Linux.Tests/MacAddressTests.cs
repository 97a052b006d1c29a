namespace Twill.Linux.Tests;

public sealed class MacAddressTests
{
    [Theory]
    [InlineData("02:74:0a:f4:07:02", "02:74:0a:f4:07:02")]
    [InlineData("02:74:0A:F4:07:02", "02:74:0a:f4:07:02")]
    [InlineData("ff:ff:ff:ff:ff:ff", "ff:ff:ff:ff:ff:ff")]
    [InlineData("00:00:00:00:00:00", "00:00:00:00:00:00")]
    public void A_text_comes_back_in_lower_case(string text, string expected) => MacAddress.Parse(text).ToString().Should().Be(expected);

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("02:74:0a:f4:07")]
    [InlineData("02:74:0a:f4:07:02:03")]
    [InlineData("02-74-0a-f4-07-02")]
    [InlineData("02740af40702")]
    [InlineData("02:74:0a:f4:07:0g")]
    [InlineData("2:74:0a:f4:07:002")]
    [InlineData("02:74:0a:f4:07: 2")]
    [InlineData("+2:74:0a:f4:07:02")]
    [InlineData("02:74:0a:f4:07:02\n")]
    public void Anything_else_is_refused(string? text)
    {
        MacAddress.TryParse(text, out MacAddress mac).Should().BeFalse();
        mac.Should().Be(MacAddress.Zero);
    }

    [Fact]
    public void The_complaint_names_the_text_and_what_was_expected()
    {
        Action parse = () => MacAddress.Parse("eth0");

        parse.Should().Throw<FormatException>().WithMessage("Expected a hardware address like 02:74:0a:f4:07:02, got 'eth0'.");
    }

    [Fact]
    public void Bytes_go_in_and_out_in_the_order_they_are_sent()
    {
        byte[] bytes = [2, 0x74, 10, 244, 7, 2];
        byte[] back = new byte[6];

        new MacAddress(bytes).CopyTo(back);

        back.Should().Equal(bytes);
        new MacAddress(bytes).ToString().Should().Be("02:74:0a:f4:07:02");
        Action wrong = () => _ = new MacAddress(new byte[5]);
        wrong.Should().Throw<ArgumentException>().WithMessage("*6 bytes, not 5*");
    }

    [Theory]
    [InlineData("ff:ff:ff:ff:ff:ff", true, true)]
    [InlineData("01:00:5e:00:00:01", true, false)]
    [InlineData("02:00:00:00:00:01", false, true)]
    [InlineData("00:1b:21:00:00:01", false, false)]
    public void The_first_byte_tells_multicast_and_local(string text, bool multicast, bool local)
    {
        MacAddress mac = MacAddress.Parse(text);

        (mac.IsMulticast, mac.IsLocallyAdministered).Should().Be((multicast, local));
    }

    [Fact]
    public void Equal_bytes_are_equal_addresses()
    {
        MacAddress a = MacAddress.Parse("02:00:00:00:00:01"),
            same = MacAddress.Parse("02:00:00:00:00:01"),
            other = MacAddress.Parse("02:00:00:00:00:02");

        (a == same).Should().BeTrue();
        (a != other).Should().BeTrue();
        a.Equals((object)same).Should().BeTrue();
        a.GetHashCode().Should().Be(same.GetHashCode());
    }
}
