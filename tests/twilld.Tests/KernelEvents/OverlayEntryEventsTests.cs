using System.Net;
using Twill.Host.Backends;
using Twill.Host.Reconcile;
using Twill.Linux;
using Twill.Linux.Netlink;

namespace Twill.Agent.Tests;

public sealed class OverlayEntryEventsTests
{
    private static readonly LocalNode s_self = new(
        "pods",
        [IPNetwork.Parse("10.244.0.0/16")],
        [IPNetwork.Parse("10.244.1.0/24")],
        [],
        new(new LocalAddress(IPAddress.Parse("192.168.64.2"), MacAddress.Parse("02:aa:00:00:00:01"), 1450), null),
        "eth0",
        []
    );

    private static readonly PeerLease s_peer = new(
        IPNetwork.Parse("10.244.7.0/24"),
        new(new PeerAddress(IPAddress.Parse("192.168.64.3"), MacAddress.Parse("02:bb:00:00:00:03"), 1), null),
        "vxlan"
    );

    private readonly OverlayEntryEvents _events = new();

    public OverlayEntryEventsTests() => _events.Expect(Wanted(s_peer));

    [Theory]
    [InlineData("fdb add", "02:bb:00:00:00:03", "192.168.64.3", true, true)]
    [InlineData("fdb add", "02:bb:00:00:00:03", "192.168.64.3", false, false)] // somebody's own, without our mark
    [InlineData("fdb add", "02:bb:00:00:00:03", "192.168.64.99", true, false)]
    [InlineData("fdb del", "02:bb:00:00:00:03", "192.168.64.3", true, false)]
    [InlineData("fdb del", "02:bb:00:00:00:03", "192.168.64.99", true, true)]
    [InlineData("fdb del", "02:bb:00:00:00:04", "192.168.64.4", true, true)]
    [InlineData("neigh add", "02:bb:00:00:00:03", "10.244.7.0", true, true)]
    [InlineData("neigh add", "02:bb:00:00:00:99", "10.244.7.0", true, false)]
    [InlineData("neigh add", "02:bb:00:00:00:03", "10.244.7.0", false, false)] // no longer permanent
    [InlineData("neigh del", "02:bb:00:00:00:03", "10.244.7.0", true, false)]
    [InlineData("neigh del", "02:bb:00:00:00:04", "10.244.8.0", true, true)]
    public void Only_what_differs_from_what_is_wanted_is_somebody_elses_doing(
        string what,
        string mac,
        string address,
        bool asOurs,
        bool fits
    )
    {
        _events.Add("twill.1", Change(what, mac, address, asOurs));

        _events.TakeAndCompare().Should().Be(fits);
        _events.TakeAndCompare().Should().BeTrue("it is told once");
    }

    [Fact]
    public void Of_a_host_that_came_and_went_the_last_word_counts()
    {
        _events.Add("twill.1", Change("fdb add", "02:bb:00:00:00:04", "192.168.64.4", true));
        _events.Add("twill.1", Change("neigh add", "02:bb:00:00:00:04", "10.244.8.0", true));
        _events.Add("twill.1", Change("fdb del", "02:bb:00:00:00:04", "192.168.64.4", true));
        _events.Add("twill.1", Change("neigh del", "02:bb:00:00:00:04", "10.244.8.0", true));

        _events.TakeAndCompare().Should().BeTrue();
    }

    [Fact]
    public void What_is_wanted_follows_a_change()
    {
        _events.Expect(new IncrementalResult(Wanted(s_peer), Wanted(), Plan.Between(Wanted(), Actual.Empty), []));
        _events.Add("twill.1", Change("fdb del", "02:bb:00:00:00:03", "192.168.64.3", true));
        _events.Add("twill.1", Change("neigh del", "02:bb:00:00:00:03", "10.244.7.0", true));

        _events.TakeAndCompare().Should().BeTrue();
    }

    private static Desired Wanted(params PeerLease[] peers) => new VxlanBackend(1, 4789, false).ComputeDesired(s_self, peers);

    /// <summary>A notification, by way of the message that the kernel would send.</summary>
    private static NetworkChange Change(string what, string mac, string address, bool asOurs)
    {
        const ushort NewNeighbour = 28,
            DeleteNeighbour = 29;
        bool fdb = what.StartsWith("fdb", StringComparison.Ordinal);
        byte[] payload =
        [
            (byte)(fdb ? 7 : 2),
            0,
            0,
            0,
            5,
            0,
            0,
            0,
            (byte)(fdb || asOurs ? 0x80 : 0x04),
            0,
            (byte)(
                fdb
                    ? asOurs
                        ? 0x12
                        : 0x02
                    : 0
            ),
            0,
            10,
            0,
            2,
            0,
            .. MacBytes(mac),
            0,
            0,
            8,
            0,
            1,
            0,
            .. IPAddress.Parse(address).GetAddressBytes(),
            5,
            0,
            12,
            0,
            (byte)(fdb ? 0 : 116),
            0,
            0,
            0,
        ];
        byte[] datagram =
        [
            .. BitConverter.GetBytes(16 + payload.Length),
            .. BitConverter.GetBytes(what.EndsWith("add", StringComparison.Ordinal) ? NewNeighbour : DeleteNeighbour),
            0,
            0,
            .. new byte[8],
            .. payload,
        ];
        NetlinkMessages messages = new(datagram);
        messages.TryRead(out NetlinkMessage message).Should().BeTrue();
        NetworkChange.TryDecode(in message, out NetworkChange change).Should().BeTrue();
        return change;
    }

    private static byte[] MacBytes(string mac)
    {
        byte[] bytes = new byte[MacAddress.Length];
        MacAddress.Parse(mac).CopyTo(bytes);
        return bytes;
    }
}
