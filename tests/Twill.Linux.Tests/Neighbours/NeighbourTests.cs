using System.Net;
using Twill.Linux.Neighbours;

namespace Twill.Linux.Tests.Neighbours;

public sealed class NeighbourTests
{
    private static List<Neighbour> All(string reply) => Decoded.All(Captured.Reply(reply), Neighbour.Decode);

    [Fact]
    public void A_neighbour_tells_address_state_and_who_made_it()
    {
        Neighbour neighbour = All("neighbours").Single(n => Equals(n.Address, IPAddress.Parse("10.244.9.0")));

        neighbour.Index.Should().Be(10);
        neighbour.IsFdbEntry.Should().BeFalse();
        neighbour.Mac.Should().Be(MacAddress.Parse("02:00:00:00:00:09"));
        neighbour.State.Should().Be(NeighbourState.Permanent);
        neighbour.IsPermanent.Should().BeTrue();
        neighbour.Protocol.Should().Be(116);
    }

    [Fact]
    public void An_IPv6_neighbour_comes_in_the_same_list()
    {
        Neighbour neighbour = All("neighbours").Single(n => Equals(n.Address, IPAddress.Parse("fd00::9")));

        neighbour.State.Should().Be(NeighbourState.Stale);
        neighbour.IsPermanent.Should().BeFalse();
        neighbour.Protocol.Should().Be(0);
    }

    [Fact]
    public void An_FDB_entry_tells_the_host_its_port_and_its_vni()
    {
        List<Neighbour> entries = All("fdb");

        entries.Should().OnlyContain(e => e.IsFdbEntry && e.Index == 11 && e.Flags.HasFlag(NeighbourFlags.Self) && e.IsPermanent);
        Neighbour plain = entries.Single(e => e.Mac == MacAddress.Parse("02:00:00:00:00:09"));
        (plain.Address, plain.Port, plain.Vni).Should().Be((IPAddress.Parse("10.0.0.9"), (ushort)0, (uint?)null));
        Neighbour rest = entries.Single(e => e.Mac == MacAddress.Zero);
        (rest.Address, rest.Port, rest.Vni).Should().Be((IPAddress.Parse("10.0.0.8"), (ushort)8472, (uint?)9));
    }

    [Fact]
    public void An_FDB_entry_of_a_bridge_tells_port_and_bridge()
    {
        Neighbour entry = All("fdb-bridge").Single(e => e.Mac == MacAddress.Parse("02:00:00:00:00:09"));

        entry.Index.Should().Be(12);
        entry.MasterIndex.Should().Be(10);
        entry.Address.Should().BeNull();
        entry.IsPermanent.Should().BeFalse();
    }
}
