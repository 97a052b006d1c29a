using System.Net;
using System.Net.Sockets;
using System.Text;
using Twill.Linux.WireGuard;
using Twill.System;
using Twill.Testing;

namespace Twill.Linux.Tests.WireGuard;

/// <summary>The text protocol, spoken with a program that says what a test tells it to say.</summary>
public sealed class UserSpaceWireGuardTests : IDisposable
{
    private readonly TempDir _directory = TempDir.Create();
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);

    public UserSpaceWireGuardTests()
    {
        _listener.Bind(new UnixDomainSocketEndPoint(Path));
        _listener.Listen();
    }

    private string Path => global::System.IO.Path.Combine(_directory.Path, "wg0.sock");

    public void Dispose()
    {
        _listener.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public async Task A_device_is_read_as_the_program_describes_it()
    {
        Task<string> asked = AnswerAsync(
            "private_key=00c604b332b386b6cce8355ccf27fffd3a98b7a7a5b9b3a550c039c6ebae3864\nlisten_port=51820\nfwmark=7\n"
                + $"public_key={Convert.ToHexStringLower(Keys.One.ToArray())}\n"
                + "preshared_key=233edfa58c84847712e911572533907dc46771c2af022cea0766b422d44f31e5\n"
                + "protocol_version=1\nendpoint=192.168.60.3:51820\n"
                + "last_handshake_time_sec=1700000000\nlast_handshake_time_nsec=500000000\n"
                + "tx_bytes=8\nrx_bytes=9\npersistent_keepalive_interval=25\n"
                + "allowed_ip=10.244.3.0/24\nallowed_ip=fd00:1:3::/64\n"
                + $"public_key={Convert.ToHexStringLower(Keys.Two.ToArray())}\n"
                + $"preshared_key={new string('0', 64)}\nendpoint=[fd00::4]:51821\n"
                + "last_handshake_time_sec=0\nlast_handshake_time_nsec=0\nerrno=0\n\n"
        );

        WireGuardDevice device = new UserSpaceWireGuard(Path).Get("wg0");

        (await asked).Should().Be("get=1\n\n");
        device
            .Should()
            .BeEquivalentTo(
                new
                {
                    Name = "wg0",
                    PrivateKey = Keys.Self.Clamped(),
                    ListenPort = 51820,
                    FirewallMark = 7,
                }
            );
        device.Peers.Should().HaveCount(2);
        device
            .Peers[0]
            .Should()
            .BeEquivalentTo(
                new
                {
                    PublicKey = Keys.One,
                    PresharedKey = Keys.Preshared,
                    Endpoint = IPEndPoint.Parse("192.168.60.3:51820"),
                    KeepaliveSeconds = 25,
                    LastHandshake = DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_500),
                    Received = 9,
                    Sent = 8,
                }
            );
        device.Peers[0].AllowedIPs.Should().Equal(IPNetwork.Parse("10.244.3.0/24"), IPNetwork.Parse("fd00:1:3::/64"));
        device
            .Peers[1]
            .Should()
            .BeEquivalentTo(
                new
                {
                    PresharedKey = (object?)null,
                    Endpoint = IPEndPoint.Parse("[fd00::4]:51821"),
                    LastHandshake = (object?)null,
                }
            );
    }

    [Fact]
    public async Task A_change_is_said_in_lines()
    {
        Task<string> asked = AnswerAsync("errno=0\n\n");

        new UserSpaceWireGuard(Path).Set(
            new SetWireGuard("wg0") { PrivateKey = Keys.Self, ListenPort = 51820 },
            [
                new(Keys.One)
                {
                    PresharedKey = WireGuardSecret.None,
                    Endpoint = IPEndPoint.Parse("[fd00::4]:51821"),
                    KeepaliveSeconds = 25,
                    AllowedIPs = [IPNetwork.Parse("10.244.3.0/24")],
                },
                new(Keys.Two) { Remove = true },
            ]
        );

        (await asked)
            .Should()
            .Be(
                "set=1\nprivate_key=06c604b332b386b6cce8355ccf27fffd3a98b7a7a5b9b3a550c039c6ebae38e4\nlisten_port=51820\n"
                    + $"public_key={Convert.ToHexStringLower(Keys.One.ToArray())}\n"
                    + $"preshared_key={new string('0', 64)}\nendpoint=[fd00::4]:51821\n"
                    + "persistent_keepalive_interval=25\nreplace_allowed_ips=true\nallowed_ip=10.244.3.0/24\n"
                    + $"public_key={Convert.ToHexStringLower(Keys.Two.ToArray())}\nremove=true\n\n"
            );
    }

    [Theory]
    [InlineData("errno=-22\n\n", "*Invalid argument*")]
    [InlineData(
        "private_key=00c604b332b386b6cce8355ccf27fffd3a98b7a7a5b9b3a550c039c6ebae38\nerrno=0\n\n",
        "*a key of 62 characters, expected 64*"
    )]
    [InlineData("listen_port=65536\nerrno=0\n\n", "*listen_port=65536*")]
    [InlineData("nonsense\n\n", "*no key=value*")]
    [InlineData("listen_port=1\n", "*broke off*")]
    public async Task What_makes_no_sense_is_an_error_without_any_key_in_it(string answer, string complaint)
    {
        Task<string> asked = AnswerAsync(answer);

        Action get = () => new UserSpaceWireGuard(Path).Get("wg0");

        get.Should().Throw<IOException>().WithMessage(complaint).Which.Message.Should().NotContain("00c604b3");
        await asked;
    }

    [Fact]
    public void Without_a_socket_or_a_listener_the_error_names_the_path()
    {
        _listener.Dispose();
        Action refused = () => new UserSpaceWireGuard(Path).Get("wg0"),
            missing = () => new UserSpaceWireGuard(Path + "x").Get("wg0");

        refused.Should().Throw<LibcException>().WithMessage($"*{Path}*");
        missing.Should().Throw<LibcException>().Where(e => e.Errno == Errno.ENOENT).WithMessage($"*{Path}x*");
    }

    /// <summary>Serves one connection: takes a question up to its empty line, answers and closes.</summary>
    private async Task<string> AnswerAsync(string answer)
    {
        using Socket connection = await _listener.AcceptAsync();
        StringBuilder question = new();
        byte[] buffer = new byte[4096];
        while (!question.ToString().EndsWith("\n\n", StringComparison.Ordinal))
        {
            question.Append(Encoding.ASCII.GetString(buffer, 0, await connection.ReceiveAsync(buffer)));
        }

        await connection.SendAsync(Encoding.ASCII.GetBytes(answer));
        return question.ToString();
    }
}
