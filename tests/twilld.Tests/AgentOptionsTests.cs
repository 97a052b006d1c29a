using Twill.System;

namespace Twill.Agent.Tests;

public sealed class AgentOptionsTests
{
    [Fact]
    public void Without_arguments_it_serves_the_CNI_directory_every_30_s()
    {
        AgentOptions options = AgentOptions.Parse([]);

        options.ConfDir.Should().Be("/etc/cni/net.d");
        options.ConfFiles.Should().BeEmpty();
        options.Interval.Should().Be(TimeSpan.FromSeconds(30));
        options.Once.Should().BeFalse();
    }

    [Fact]
    public void Values_follow_their_option_or_an_equals_sign()
    {
        AgentOptions options = AgentOptions.Parse([
            "--conf",
            "/a.conflist",
            "--conf=/b=c.conflist",
            "--once",
            "--interval",
            "0.5",
            "--log-level=debug",
            "--log-format",
            "json",
        ]);

        options.ConfFiles.Should().Equal("/a.conflist", "/b=c.conflist");
        options.Once.Should().BeTrue();
        options.Interval.Should().Be(TimeSpan.FromSeconds(0.5));
        options.LogLevel.Should().Be(LogLevel.Debug);
        options.LogFormat.Should().Be(LogFormat.Json);
    }

    [Theory]
    [InlineData("127.0.0.1:9116")]
    [InlineData("[::1]:9116")]
    [InlineData("0.0.0.0:9116")]
    public void An_address_with_its_port_is_listened_at(string at) =>
        AgentOptions.Parse(["--listen", at]).Listen!.ToString().Should().Be(at);

    [Theory]
    [InlineData("unknown option '--onec'", "--onec")]
    [InlineData("unknown option 'extra'", "extra")]
    [InlineData("unknown option '--once=yes'", "--once=yes")]
    [InlineData("--force belongs to --release", "--force")]
    [InlineData("--install-files belongs to --install", "--install-files", "/a=/b")]
    [InlineData("--install-files: expected two directories like /etc/twill=/host/etc/cni/net.d, got '/a'", "--install-files", "/a")]
    [InlineData("--sysctl-dir: expected a directory with the host's /proc/sys/net in it, got '/etc'", "--sysctl-dir", "/etc")]
    [InlineData("--conf-dir: expected a value after it", "--conf-dir")]
    [InlineData("--conf-dir: expected a value after it", "--conf-dir=")]
    [InlineData("--listen: expected a value after it", "--listen", "")]
    [InlineData("--interval: expected seconds from 0.1 to 86400, got '0'", "--interval", "0")]
    [InlineData("--interval: expected seconds from 0.1 to 86400, got '1,5'", "--interval", "1,5")]
    [InlineData("--listen: expected an address and a port like 127.0.0.1:9116 or [::1]:9116, got '9116'", "--listen", "9116")]
    [InlineData("--listen: expected an address and a port like 127.0.0.1:9116 or [::1]:9116, got '127.0.0.1'", "--listen", "127.0.0.1")]
    [InlineData("--listen: expected an address and a port like 127.0.0.1:9116 or [::1]:9116, got '::1'", "--listen", "::1")]
    [InlineData(
        "--listen: expected an address and a port like 127.0.0.1:9116 or [::1]:9116, got '127.0.0.1:99999'",
        "--listen",
        "127.0.0.1:99999"
    )]
    [InlineData("--log-level: expected debug or info or warning or error, got 'loud'", "--log-level", "loud")]
    public void A_mistake_is_answered_with_the_argument_and_what_was_expected(string message, params string[] args) =>
        FluentActions.Invoking(() => AgentOptions.Parse(args)).Should().Throw<UsageException>().WithMessage(message);
}
