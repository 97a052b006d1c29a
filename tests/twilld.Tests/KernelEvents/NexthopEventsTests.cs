using System.Net;
using Twill.Host.Reconcile;
using Twill.Linux;
using Twill.Linux.Netlink;

namespace Twill.Agent.Tests;

public sealed class NexthopEventsTests
{
    private const uint Ours = 0x7400_0005,
        Another = 0x7400_0006;

    private readonly NexthopEvents _events = new();

    public NexthopEventsTests()
    {
        NexthopIds ids = new();
        ids.TryAdd(new PeerNexthop(Ours, new OverlayHop("twill.1", IPAddress.Parse("10.244.7.0"))));
        _events.Expect(ids);
    }

    [Theory]
    [InlineData("add", Ours, "10.244.7.0", "twill.1", (byte)116, true)]
    [InlineData("del", Ours, "10.244.7.0", "twill.1", (byte)116, false)]
    [InlineData("add", Ours, "10.244.7.1", "twill.1", (byte)116, false)]
    [InlineData("add", Ours, "10.244.7.0", null, (byte)116, false)] // by another link
    [InlineData("add", Ours, "10.244.7.0", "twill.1", (byte)0, false)] // somebody else's now
    [InlineData("add", Another, "10.244.8.0", "twill.1", (byte)116, false)] // none of ours, but it says so
    [InlineData("add", 9u, "10.244.8.0", "twill.1", (byte)0, true)]
    [InlineData("add", Another, "10.9.8.0", null, (byte)116, true)] // another network's
    [InlineData("del", Another, "10.244.8.0", "twill.1", (byte)116, true)]
    public void Only_what_differs_from_what_is_wanted_is_somebody_elses_doing(
        string what,
        uint id,
        string gateway,
        string? device,
        byte protocol,
        bool fits
    )
    {
        _events.Add(device, Change(what == "del", id, gateway, device is null ? 8 : 5, protocol));

        _events.TakeAndCompare().Should().Be(fits);
        _events.TakeAndCompare().Should().BeTrue("it is told once");
    }

    [Fact]
    public void Of_an_object_that_came_and_went_the_last_word_counts()
    {
        _events.Add("twill.1", Change(false, Another, "10.244.8.0", 5));
        _events.Add("twill.1", Change(true, Another, "10.244.8.0", 5));

        _events.TakeAndCompare().Should().BeTrue();
    }

    /// <summary>What the kernel tells of an object with RTNH_F_ONLINK.</summary>
    internal static NetworkChange Change(bool isRemoval, uint id, string gateway, int index, byte protocol = 116, uint portId = 0)
    {
        byte[] payload =
        [
            2,
            0xfd,
            protocol,
            0,
            4,
            0,
            0,
            0,
            8,
            0,
            1,
            0,
            .. BitConverter.GetBytes(id),
            8,
            0,
            5,
            0,
            .. BitConverter.GetBytes(index),
            8,
            0,
            6,
            0,
            .. IPAddress.Parse(gateway).GetAddressBytes(),
        ];
        byte[] datagram =
        [
            .. BitConverter.GetBytes(16 + payload.Length),
            .. BitConverter.GetBytes((ushort)(isRemoval ? 105 : 104)),
            0,
            0,
            .. new byte[4],
            .. BitConverter.GetBytes(portId),
            .. payload,
        ];
        NetlinkMessages messages = new(datagram);
        messages.TryRead(out NetlinkMessage message).Should().BeTrue();
        NetworkChange.TryDecode(in message, out NetworkChange change).Should().BeTrue();
        return change;
    }
}
