using Twill.Linux.Netlink;
using static Twill.Linux.Tests.ScriptedChannel;

namespace Twill.Linux.Tests;

public sealed class NetworkChangeTests
{
    private static List<NetworkChange> All(byte[] datagram)
    {
        List<NetworkChange> changes = [];
        NetlinkMessages messages = new(datagram);
        while (messages.TryRead(out NetlinkMessage message))
        {
            if (NetworkChange.TryDecode(in message, out NetworkChange change))
            {
                changes.Add(change);
            }
        }
        return changes;
    }

    [Theory]
    [InlineData("bridge", NetworkChangeKind.Link, 10, 0)]
    [InlineData("addresses", NetworkChangeKind.Address, 10, 0)]
    [InlineData("routes", NetworkChangeKind.Route, 10, 116)]
    [InlineData("neighbours", NetworkChangeKind.Neighbour, 10, 116)]
    [InlineData("nexthops", NetworkChangeKind.Nexthop, 11, 116)]
    [InlineData("fdb", NetworkChangeKind.FdbEntry, 11, 0)]
    public void Each_kind_tells_its_link_and_its_maker(string reply, NetworkChangeKind kind, int index, byte protocol)
    {
        List<NetworkChange> changes = All(Captured.Reply(reply));

        changes.Should().OnlyContain(c => c.Kind == kind && !c.IsRemoval);
        changes.Should().Contain(c => c.Index == index && c.Protocol == protocol);
    }

    [Theory]
    [InlineData(104, false)]
    [InlineData(105, true)]
    public void A_nexthop_object_tells_whether_it_went(ushort type, bool removal)
    {
        byte[] body = [0, 0, 116, 0, 0, 0, 0, 0, 8, 0, 1, 0, 5, 0, 0, 0x74];

        NetworkChange change = All(Message(type, NetlinkFlags.None, 0, body)).Should().ContainSingle().Subject;

        change.IsRemoval.Should().Be(removal);
        change.Nexthop!.Id.Should().Be(0x7400_0005);
    }

    [Theory]
    [InlineData(17, 0, true)]
    [InlineData(17, 7, false)] // AF_BRIDGE: a port left its bridge
    [InlineData(16, 0, false)]
    public void A_link_is_removed_only_by_its_own_removal(ushort type, byte family, bool removal)
    {
        byte[] header = new byte[16];
        header[0] = family;
        header[4] = 9;

        NetworkChange change = All(Message(type, NetlinkFlags.None, 0, header)).Should().ContainSingle().Subject;
        change
            .Should()
            .BeEquivalentTo(
                new
                {
                    Kind = NetworkChangeKind.Link,
                    IsRemoval = removal,
                    Index = 9,
                }
            );
        (change.Link is not null).Should().Be(family == 0, "what is told of a port is not all of the link");
    }

    [Fact]
    public void A_message_about_anything_else_is_no_change() => All(Message(36, NetlinkFlags.None, 0, new byte[16])).Should().BeEmpty();
}
