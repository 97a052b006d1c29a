using Twill.Agent.Up;
using Twill.System;
using Twill.Testing;

namespace Twill.Agent.Tests.Up;

public sealed class UpOptionsTests
{
    [Fact]
    public void Etcd_alone_is_enough_and_the_rest_is_left_to_etcd_and_the_samples()
    {
        UpOptions options = UpOptions.Parse(["--etcd", "http://192.168.50.200:2379,https://etcd.example:2379/"], checksOnly: false);

        options.Etcd.Should().Equal("http://192.168.50.200:2379", "https://etcd.example:2379/");
        options.Network.Should().Be("twill");
        options.Bridge.Should().Be("twill0");
        options.Wait.Should().Be(TimeSpan.FromSeconds(60));
        (options.Cidr, options.Backend, options.Vni, options.Port).Should().Be((null, null, null, null));
        (options.Yes, options.Json, options.Single).Should().Be((false, false, false));
    }

    [Fact]
    public void Every_option_is_read()
    {
        using TempDir directory = TempDir.Create();
        string file = directory.At("file");
        File.WriteAllText(file, "");
        UpOptions options = UpOptions.Parse(
            [
                .. Cmd.Split("--etcd https://127.0.0.1:2379 --cidr=10.100.0.0/16 --ipv6-cidr fd00::/48"),
                .. Cmd.Split("--backend vxlan --vni 7 --port 4790"),
                .. Cmd.Split("--network second --interface eth* --user me --conf-dir /etc/nets --wait 5 --yes --json"),
                .. Cmd.Split($"--ca {file} --cert {file} --key {file} --password-file {file}"),
            ],
            checksOnly: false
        );

        $"{options.Cidr} {options.IPv6Cidr}".Should().Be("10.100.0.0/16 fd00::/48");
        $"{options.Backend} {options.Vni} {options.Port}".Should().Be("vxlan 7 4790");
        $"{options.Network} {options.Bridge} {options.Interface}".Should().Be("second tw-second eth*");
        $"{options.User} {options.ConfDir}".Should().Be("me /etc/nets");
        new[] { options.CaFile, options.CertFile, options.KeyFile, options.PasswordFile }.Should().AllBe(file);
        (options.Wait, options.Yes, options.Json).Should().Be((TimeSpan.FromSeconds(5), true, true));
    }

    [Fact]
    public void Checks_alone_need_neither_etcd_nor_single() => UpOptions.Parse([], checksOnly: true).ChecksOnly.Should().BeTrue();

    [Theory]
    [InlineData("", "expected --etcd URL, for example --etcd http://192.168.50.200:2379, or --single")]
    [InlineData("--etcd", "--etcd: expected a value after it")]
    [InlineData("--etcd 127.0.0.1", "--etcd: expected URLs like http://192.168.50.200:2379 with commas between them, got '127.0.0.1'")]
    [InlineData("--etcd http://a:2379,", "--etcd: expected URLs like http://192.168.50.200:2379 with commas between them, got ''")]
    [InlineData("--etcd http://a/v3", "--etcd: expected URLs like http://192.168.50.200:2379 with commas between them, got 'http://a/v3'")]
    [InlineData("--single --etcd http://a:2379", "--single and --etcd: a network of one host has no etcd; leave one of them out")]
    [InlineData("--single=yes", "unknown option '--single=yes'")]
    [InlineData("--single --backend vxlan", "--backend belongs to networks of several hosts, not to --single")]
    [InlineData("--single --user me", "--user belongs to networks of several hosts, not to --single")]
    [InlineData("--single --cidr 10.244.0.1/16", "--cidr: expected a network like 10.244.0.0/16, got '10.244.0.1/16'")]
    [InlineData("--single --cidr fd00::/64", "--cidr: expected a network like 10.244.0.0/16, got 'fd00::/64'")]
    [InlineData("--single --ipv6-cidr 10.0.0.0/8", "--ipv6-cidr: expected a network like fd00:244::/48, got '10.0.0.0/8'")]
    [InlineData("--etcd http://a:2379 --vni 0", "--vni: expected a number from 1 to 16777215, got '0'")]
    [InlineData("--etcd http://a:2379 --port 65536", "--port: expected a number from 1 to 65535, got '65536'")]
    [InlineData("--etcd http://a:2379 --ca ca.pem", "--ca: expected a file's absolute path, got 'ca.pem'")]
    [InlineData("--etcd http://a:2379 --ca /nowhere/ca.pem", "--ca: there is no file '/nowhere/ca.pem'")]
    [InlineData("--single --conf-dir net.d", "--conf-dir: expected a directory's absolute path, got 'net.d'")]
    [InlineData("--single --wait soon", "--wait: expected a number from 0 to 3600, got 'soon'")]
    [InlineData("--single --network a/b", "--network: expected a letter or digit, then letters, digits, '_', '.' or '-', got 'a/b'")]
    [InlineData(
        "--single --network thirteen-long",
        "--network: expected at most 12 characters, because the bridge has it in its name, got 'thirteen-long'"
    )]
    [InlineData("--single --frobnicate", "unknown option '--frobnicate'")]
    public void What_makes_no_sense_is_refused_with_what_was_expected(string arguments, string message) =>
        FluentActions
            .Invoking(() => UpOptions.Parse(Cmd.Split(arguments), checksOnly: false))
            .Should()
            .Throw<UsageException>()
            .WithMessage(message);

    [Theory]
    [InlineData("--yes")]
    [InlineData("--wait 5")]
    public void Checks_take_no_option_that_would_do_something(string arguments) =>
        FluentActions.Invoking(() => UpOptions.Parse(Cmd.Split(arguments), checksOnly: true)).Should().Throw<UsageException>();
}
