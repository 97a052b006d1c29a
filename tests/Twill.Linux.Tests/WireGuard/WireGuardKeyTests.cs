using System.Security.Cryptography;
using Twill.Linux.WireGuard;
using Twill.Testing;

namespace Twill.Linux.Tests.WireGuard;

public sealed class WireGuardKeyTests
{
    [Fact]
    public void The_public_key_is_that_of_RFC_7748()
    {
        // Section 5.2: the scalar 9 with the base point 9, once.
        byte[] scalar = new byte[32];
        scalar[0] = 9;

        WireGuardSecret
            .Of(scalar)
            .PublicKey.ToArray()
            .Should()
            .Equal(Convert.FromHexString("422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079"));
    }

    [Fact]
    public void Public_keys_are_those_that_wg_pubkey_tells()
    {
        byte[][] privateKeys =
        [
            new byte[32],
            [.. Enumerable.Repeat((byte)0xff, 32)],
            [1, .. new byte[31]],
            [.. new byte[31], 0x80],
            .. Enumerable.Range(0, 60).Select(_ => RandomNumberGenerator.GetBytes(32)),
        ];
        foreach (byte[] privateKey in privateKeys)
        {
            string text = Convert.ToBase64String(privateKey);
            string told = Cmd.Run("wg", ["pubkey"], stdin: text + "\n").OrThrow().Stdout.Trim();

            Keys.Secret(text).PublicKey.ToString().Should().Be(told, "of the private key {0}", text);
        }
    }

    [Fact]
    public void A_secret_shows_nothing_of_itself()
    {
        string shown =
            $"{Keys.Self} {new SetWireGuard("wg0") { PrivateKey = Keys.Self }} "
            + $"{new WireGuardPeerChange(Keys.One) { PresharedKey = Keys.Preshared }}";
        shown.Should().NotContain("BsYE").And.NotContain("Iz7f").And.Contain("(secret)");
    }

    [Fact]
    public void A_private_key_without_its_fixed_bits_is_the_one_that_a_device_says_back() =>
        Keys.Self.Clamped().Should().Be(Keys.Secret("AMYEszKzhrbM6DVczyf//TqYt6elubOlUMA5xuuuOGQ=")).And.NotBe(Keys.Self);

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("AAAA")]
    [InlineData("BsYEszKzhrbM6DVczyf//TqYt6elubOlUMA5xuuuOOQ")]
    [InlineData("BsYEszKzhrbM6DVczyf//TqYt6elubOlUMA5xuuuOO ")]
    [InlineData("BsYEszKzhrbM6DVczyf//TqYt6elubOlUMA5xuuuOOQ=\n")]
    [InlineData("BsYEszKzhrbM6DVczyf//TqYt6elubOlUMA5xuuu\u00d6OQ=")]
    [InlineData("BsYEszKzhrbM6DVczyf//TqYt6elubOlUMA5xuuuOOQabcd=")]
    public void What_is_no_key_is_not_taken_for_one(string? text)
    {
        WireGuardKey.TryParse(text, out _).Should().BeFalse();
        WireGuardSecret.TryParse(text, out _).Should().BeFalse();
    }
}
