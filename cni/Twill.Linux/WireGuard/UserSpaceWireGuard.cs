using System.Buffers;
using System.Globalization;
using System.Net;
using System.Text;
using Microsoft.Win32.SafeHandles;
using Tmds.Linux;
using Twill.Linux.Netlink;
using Twill.System;
using static Tmds.Linux.LibC;

namespace Twill.Linux.WireGuard;

/// <summary>
/// A device that a program runs (wireguard-go): a tun device, and beside it a socket that speaks WireGuard's cross-platform protocol, one
/// question and one answer a connection (https://www.wireguard.com/xplatform/).
/// </summary>
/// <param name="socketPath">Path of the socket; <see cref="SocketOf"/> has the usual one.</param>
public sealed class UserSpaceWireGuard(string socketPath) : IWireGuard
{
    /// <summary>The <c>IFLA_INFO_KIND</c> of the devices such programs make.</summary>
    public const string Kind = "tun";

    private const int AnswerWithinMilliseconds = 10_000;
    private const int MostBytes = 64 << 20; // thousands of peers with thousands of allowed addresses

    /// <summary>Where such programs put the socket of a device: <c>/run/wireguard/NAME.sock</c>.</summary>
    public static string SocketOf(string name) => $"/run/wireguard/{name}.sock";

    /// <inheritdoc/>
    public WireGuardDevice Get(string name)
    {
        WireGuardDevice device = new() { Name = name };
        WireGuardPeer? peer = null;
        long seconds = 0;
        foreach ((string key, string value) in Ask("get=1\n\n"u8.ToArray()))
        {
            switch (key)
            {
                case "private_key":
                    device.PrivateKey = Secret(value);
                    break;
                case "listen_port":
                    device.ListenPort = (ushort)Number(key, value, ushort.MaxValue);
                    break;
                case "fwmark":
                    device.FirewallMark = (uint)Number(key, value, uint.MaxValue);
                    break;
                case "public_key":
                    device.Peers.Add(peer = new WireGuardPeer { PublicKey = new WireGuardKey(Hex(value)) });
                    break;
                case "errno" when value != "0":
                    throw Refused("get", value);
                default:
                    OfPeer(peer, key, value, ref seconds);
                    break;
            }
        }
        return device;
    }

    /// <inheritdoc/>
    public void Set(SetWireGuard change, IReadOnlyList<WireGuardPeerChange> peers)
    {
        if (NetlinkTrace.IsOn)
        {
            NetlinkTrace.WriteLine((change with { Peers = peers }).ToCommand(new CommandNames()));
        }

        StringBuilder text = new("set=1\n");
        if (change.PrivateKey is not null)
        {
            Line(text, "private_key", Convert.ToHexStringLower(change.PrivateKey.Bytes));
        }

        if (change.ListenPort is { } port)
        {
            Line(text, "listen_port", port);
        }

        if (change.FirewallMark is { } mark)
        {
            Line(text, "fwmark", mark);
        }

        foreach (WireGuardPeerChange peer in peers)
        {
            Write(text, peer);
        }

        text.Append('\n');
        foreach ((string key, string value) in Ask(Encoding.ASCII.GetBytes(text.ToString())))
        {
            if (key == "errno" && value != "0")
            {
                throw Refused("set", value);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() { }

    private static void Write(StringBuilder text, WireGuardPeerChange peer)
    {
        Line(text, "public_key", Convert.ToHexStringLower(peer.PublicKey.ToArray()));
        if (peer.Remove)
        {
            Line(text, "remove", "true");
            return;
        }
        if (peer.UpdateOnly)
        {
            Line(text, "update_only", "true");
        }

        if (peer.PresharedKey is not null)
        {
            Line(text, "preshared_key", Convert.ToHexStringLower(peer.PresharedKey.Bytes));
        }

        if (peer.Endpoint is not null)
        {
            Line(text, "endpoint", peer.Endpoint);
        }

        if (peer.KeepaliveSeconds is { } seconds)
        {
            Line(text, "persistent_keepalive_interval", seconds);
        }

        if (peer.AllowedIPs is null)
        {
            return;
        }

        if (!peer.AddAllowedIPs)
        {
            Line(text, "replace_allowed_ips", "true");
        }

        foreach (IPNetwork prefix in peer.AllowedIPs)
        {
            Line(text, "allowed_ip", prefix);
        }
    }

    private static void Line<T>(StringBuilder text, string key, T value) => text.Append(CultureInfo.InvariantCulture, $"{key}={value}\n");

    private void OfPeer(WireGuardPeer? peer, string key, string value, ref long seconds)
    {
        if (peer is null)
        {
            return;
        }

        switch (key)
        {
            case "preshared_key":
                peer.PresharedKey = Secret(value);
                break;
            case "endpoint":
                peer.Endpoint = IPEndPoint.TryParse(value, out IPEndPoint? endpoint) ? endpoint : throw Malformed(key, value);
                break;
            case "persistent_keepalive_interval":
                peer.KeepaliveSeconds = (ushort)Number(key, value, ushort.MaxValue);
                break;
            case "last_handshake_time_sec":
                seconds = Number(key, value, DateTimeOffset.MaxValue.ToUnixTimeSeconds() - 1);
                break;
            case "last_handshake_time_nsec" when seconds > 0:
                peer.LastHandshake = DateTimeOffset
                    .FromUnixTimeSeconds(seconds)
                    .AddTicks(Number(key, value, 999_999_999) / TimeSpan.NanosecondsPerTick);
                break;
            case "rx_bytes":
                peer.Received = (ulong)Number(key, value, long.MaxValue);
                break;
            case "tx_bytes":
                peer.Sent = (ulong)Number(key, value, long.MaxValue);
                break;
            case "allowed_ip":
                peer.AllowedIPs.Add(IPNetwork.TryParse(value, out IPNetwork prefix) ? prefix : throw Malformed(key, value));
                break;
        }
    }

    private IEnumerable<(string Key, string Value)> Ask(byte[] question)
    {
        foreach (string line in Exchange(question).Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            int equals = line.IndexOf('=');
            if (equals <= 0)
            {
                throw new IOException($"{socketPath} answered with a line that is no key=value");
            }

            yield return (line[..equals], line[(equals + 1)..]);
        }
    }

    /// <summary>The answer ends with an empty line, or with the connection.</summary>
    private string Exchange(ReadOnlySpan<byte> question)
    {
        using SafeFileHandle fd = Libc.ConnectUnix(socketPath);
        long end = Environment.TickCount64 + AnswerWithinMilliseconds;
        while (!question.IsEmpty)
        {
            int sent = Libc.SendSome(fd, question, socketPath);
            question = question[sent..];
            if (sent == 0)
            {
                Await(fd, POLLOUT, end);
            }
        }
        ArrayBufferWriter<byte> answer = new(4096);
        while (!answer.WrittenSpan.EndsWith("\n\n"u8))
        {
            int received = Libc.ReceiveSome(fd, answer.GetSpan(4096), socketPath);
            if (received < 0)
            {
                Await(fd, POLLIN, end);
            }
            else if (received == 0)
            {
                throw new IOException($"{socketPath} broke off its answer: does the program that runs the device live?");
            }
            else if (answer.WrittenCount + received > MostBytes)
            {
                throw new IOException($"{socketPath} answers with more than {MostBytes} bytes");
            }
            else
            {
                answer.Advance(received);
            }
        }
        return Encoding.ASCII.GetString(answer.WrittenSpan);
    }

    private void Await(SafeFileHandle fd, short what, long end)
    {
        int left = (int)Math.Max(0, end - Environment.TickCount64);
        if (left == 0)
        {
            throw new IOException(
                $"{socketPath} does not answer within {AnswerWithinMilliseconds / 1000} s: does the program that runs the device live?"
            );
        }

        bool added = false;
        fd.DangerousAddRef(ref added);
        pollfd[] wait = [new() { fd = (int)fd.DangerousGetHandle(), events = what }];
        Libc.Poll(wait, left);
        fd.DangerousRelease();
    }

    private static WireGuardSecret? Secret(string hex)
    {
        WireGuardSecret secret = WireGuardSecret.Of(Hex(hex));
        return secret.Equals(WireGuardSecret.None) ? null : secret;
    }

    // Without the text: it may be most of a key.
    private static byte[] Hex(string text) =>
        text.Length == 2 * WireGuardKey.Length && !text.AsSpan().ContainsAnyExcept("0123456789abcdefABCDEF")
            ? Convert.FromHexString(text)
            : throw new IOException(
                $"a WireGuard program answered with a key of {text.Length} characters, expected {2 * WireGuardKey.Length} hexadecimal ones"
            );

    private long Number(string key, string value, long most) =>
        long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out long number) && number <= most
            ? number
            : throw Malformed(key, value);

    private IOException Malformed(string key, string value) => new($"{socketPath} answered {key}={value}, which makes no sense");

    private LibcException Refused(string what, string errno) =>
        new(
            $"wireguard {what} by {socketPath}",
            (Errno)
                Math.Abs(
                    int.TryParse(errno, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int number)
                        ? number
                        : (int)Errno.EIO
                )
        );
}
