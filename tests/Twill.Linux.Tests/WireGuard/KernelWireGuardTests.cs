using System.Net;
using Twill.Linux.Netlink;
using Twill.Linux.WireGuard;
using Twill.System;

namespace Twill.Linux.Tests.WireGuard;

/// <summary>What the kernel answers, and what is sent to it when it does not fit into one message.</summary>
public sealed class KernelWireGuardTests
{
    private const ushort Family = 0x15;
    private const byte SetDevice = 1;

    private static bool IsForFamily(byte[] request) => BitConverter.ToUInt16(request, 4) == Family;

    private static IWireGuard Open(ScriptedChannel channel) =>
        KernelWireGuard.TryOpen(channel, out KernelWireGuard? wireGuard) ? wireGuard : throw new InvalidOperationException("no wireguard");

    /// <summary>A kernel with the module, whose device answers are these datagrams.</summary>
    private static ScriptedChannel Kernel(params byte[][] answers) =>
        new(
            (channel, request) =>
            {
                uint sequence = ScriptedChannel.SequenceOf(request);
                if (!IsForFamily(request))
                {
                    channel.Answer(ScriptedChannel.Numbered(Captured.Of("wireguard/family"), sequence));
                }
                else if (request[16] == SetDevice)
                {
                    channel.Answer(ScriptedChannel.Ack(sequence));
                }
                else
                {
                    Array.ForEach(answers, answer => channel.Answer(ScriptedChannel.Numbered([.. answer], sequence)));
                }
            }
        );

    [Fact]
    public void A_kernel_without_the_module_is_no_error()
    {
        ScriptedChannel without = new(
            (channel, request) => channel.Answer(ScriptedChannel.Ack(ScriptedChannel.SequenceOf(request), Errno.ENOENT))
        );

        KernelWireGuard.TryOpen(without, out _).Should().BeFalse();
    }

    [Fact]
    public void A_device_is_read_as_the_kernel_describes_it()
    {
        WireGuardDevice device = Open(Kernel(Captured.Of("wireguard/device"))).Get("wg0");

        device.Name.Should().Be("wg0");
        device.ListenPort.Should().Be(51820);
        device.PrivateKey.Should().Be(Keys.Self.Clamped());
        device.Peers.Select(p => p.PublicKey).Should().Equal(Keys.One, Keys.Two);
        device
            .Peers[0]
            .Should()
            .BeEquivalentTo(
                new
                {
                    PresharedKey = Keys.Preshared,
                    Endpoint = IPEndPoint.Parse("192.168.60.3:51820"),
                    KeepaliveSeconds = 25,
                    LastHandshake = (DateTimeOffset?)null,
                }
            );
        device.Peers[0].AllowedIPs.Should().Equal(IPNetwork.Parse("10.244.3.0/24"), IPNetwork.Parse("fd00:1:3::/64"));
        device.Peers[1].PresharedKey.Should().BeNull();
        device.Peers[1].Endpoint.Should().Be(IPEndPoint.Parse("[fd00::4]:51821"));
    }

    [Fact]
    public void A_peer_that_goes_on_in_the_next_message_is_one_peer()
    {
        byte[] captured = Captured.Of("wireguard/device");
        byte[] device = captured[..^20],
            done = captured[^20..];
        byte[] onlySecond = SecondPeerAlone(device);

        WireGuardDevice whole = Open(Kernel(device, onlySecond, done)).Get("wg0");

        whole.Peers.Should().HaveCount(2);
        whole.Peers[1].AllowedIPs.Should().Equal(IPNetwork.Parse("10.244.4.0/24"), IPNetwork.Parse("10.244.4.0/24"));
        whole.ListenPort.Should().Be(51820);
    }

    [Fact]
    public void Thousands_of_peers_go_in_messages_that_the_kernel_takes()
    {
        ScriptedChannel channel = Kernel();
        WireGuardPeerChange[] peers =
        [
            .. Enumerable
                .Range(0, 4000)
                .Select(i => new WireGuardPeerChange(Key(i))
                {
                    PresharedKey = Keys.Preshared,
                    Endpoint = new IPEndPoint(IPAddress.Parse("fd00::1"), 51820),
                    KeepaliveSeconds = 25,
                    AllowedIPs =
                    [
                        new IPNetwork(new IPAddress([10, (byte)(i >> 8), (byte)i, 0]), 24),
                        new IPNetwork(IPAddress.Parse($"fd00:{i:x}::"), 64),
                    ],
                }),
        ];

        Open(channel).Set(new SetWireGuard("wg0") { PrivateKey = Keys.Self, ListenPort = 51820 }, peers);

        List<byte[]> sent = channel.Sent.FindAll(IsForFamily);
        sent.Should().OnlyContain(datagram => datagram.Length < 60_000).And.HaveCountLessThan(60);
        sent.Select(Read).SelectMany(d => d.Peers).Select(p => p.PublicKey).Should().Equal(peers.Select(p => p.PublicKey));
        sent.Select(Read).Select(d => d.PrivateKey).Should().StartWith(Keys.Self).And.HaveElementAt(1, null);
    }

    [Fact]
    public void Allowed_addresses_that_do_not_fit_into_one_message_are_added_by_the_next()
    {
        ScriptedChannel channel = Kernel();
        IPNetwork[] many = [.. Enumerable.Range(0, 2000).Select(i => new IPNetwork(new IPAddress([10, (byte)(i >> 8), (byte)i, 0]), 24))];

        Open(channel).Set(new SetWireGuard("wg0"), [new(Keys.One) { AllowedIPs = many }, new(Keys.Two) { AllowedIPs = [many[0]] }]);

        WireGuardDevice[] sent = [.. channel.Sent.FindAll(IsForFamily).Select(Read)];
        sent.SelectMany(d => d.Peers).Where(p => p.PublicKey == Keys.One).SelectMany(p => p.AllowedIPs).Should().Equal(many);
        channel
            .Sent.FindAll(IsForFamily)
            .Select(FlagsOfFirstPeer)
            .Should()
            .StartWith([2u, 4u], "the first replaces, the others only add to a peer that is there");
    }

    [Fact]
    public void What_the_kernel_says_is_never_read_past_its_end()
    {
        byte[] message = Captured.Of("wireguard/device")[..^20];
        for (int at = 16; at < message.Length; at++)
        {
            Refused(() => WireGuardDevice.Decode(new NetlinkMessage(Family, NetlinkFlags.None, 1, 0, message.AsSpan(16, at - 16))));
            for (int bit = 0; bit < 8; bit++)
            {
                byte[] changed = [.. message];
                changed[at] ^= (byte)(1 << bit);
                Refused(() => WireGuardDevice.Decode(new NetlinkMessage(Family, NetlinkFlags.None, 1, 0, changed.AsSpan(16))));
            }
        }

        static void Refused(Action decode)
        {
            try
            {
                decode();
            }
            catch (NetlinkFormatException)
            {
                // Said to be malformed: what a reader should say.
            }
        }
    }

    private static WireGuardKey Key(int number) => new([.. BitConverter.GetBytes(number + 1), .. new byte[28]]);

    private static WireGuardDevice Read(byte[] request) =>
        WireGuardDevice.Decode(new NetlinkMessage(Family, NetlinkFlags.None, 1, 0, request.AsSpan(16)));

    /// <summary>A message with the name and the second peer alone: as the kernel goes on with a peer.</summary>
    private static byte[] SecondPeerAlone(byte[] device)
    {
        int second = device.AsSpan().IndexOf(Keys.Two.ToArray()) - 8;
        byte[] peer = device[second..],
            name = [8, 0, 2, 0, .. "wg0\0"u8];
        byte[] payload = [0, 1, 0, 0, .. name, .. BitConverter.GetBytes((ushort)(4 + peer.Length)), 8, 0x80, .. peer];
        return ScriptedChannel.Message(Family, NetlinkFlags.Multi, 0, payload);
    }

    private static uint FlagsOfFirstPeer(byte[] request)
    {
        ReadOnlySpan<byte> flags = [8, 0, 3, 0];
        return BitConverter.ToUInt32(request, request.AsSpan().IndexOf(flags) + 4);
    }
}
