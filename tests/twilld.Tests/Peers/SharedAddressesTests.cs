using System.Net;
using Twill.Host.Backends;
using Twill.Linux;
using Twill.Linux.WireGuard;

namespace Twill.Agent.Tests;

public sealed class SharedAddressesTests : IDisposable
{
    private readonly LogCapture _log = new();
    private readonly SharedAddresses _shared;

    public SharedAddressesTests() => _shared = new SharedAddresses(_log.Log);

    [Fact]
    public void Two_hosts_with_one_address_are_named_with_both_subnets_and_once_in_the_log()
    {
        _shared.Replace([Peer(1, at: 7, mac: 1), Peer(2, at: 8, mac: 2), Peer(3, at: 7, mac: 3)]);
        _shared.Replace([Peer(1, at: 7, mac: 1), Peer(2, at: 8, mac: 2), Peer(3, at: 7, mac: 3)]);

        _shared.Texts.Should().ContainSingle().Which.Should()
            .StartWith("two hosts publish the address 192.168.64.7, one with 10.244.1.0/24 and one with 10.244.3.0/24");
        _log.Lines.Should().ContainSingle().Which.Should().Contain("192.168.64.7");
    }

    [Fact]
    public void A_host_with_two_subnets_shares_its_address_with_nobody()
    {
        _shared.Replace([Peer(1, at: 7, mac: 1), Peer(3, at: 7, mac: 1)]);

        _shared.Texts.Should().BeEmpty();
    }

    [Fact]
    public void Hosts_whose_packets_go_as_they_are_cannot_be_told_apart()
    {
        _shared.Replace([Peer(1, at: 7, mac: null), Peer(3, at: 7, mac: null)]);

        _shared.Texts.Should().BeEmpty();
    }

    [Fact]
    public void Hosts_behind_WireGuard_are_told_apart_by_their_keys()
    {
        _shared.Replace([Keyed(1, key: 1), Keyed(2, key: 1)]);
        _shared.Texts.Should().BeEmpty();

        _shared.Change([], [Keyed(3, key: 3)]);
        _shared.Texts.Should().ContainSingle();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void When_one_of_them_is_gone_nothing_is_left_to_tell(int gone)
    {
        _shared.Replace([Peer(1, at: 7, mac: 1)]);
        _shared.Change([], [Peer(3, at: 7, mac: 3)]);
        _shared.Texts.Should().ContainSingle();

        _shared.Change([Peer(gone, at: 7, mac: gone)], []);
        _shared.Texts.Should().BeEmpty();

        _shared.Change([], [Peer(gone, at: 7, mac: gone)]);
        _shared.Texts.Should().ContainSingle();
    }

    [Fact]
    public void Of_three_two_are_left_when_the_first_is_gone()
    {
        _shared.Replace([Peer(1, at: 7, mac: 1), Peer(2, at: 7, mac: 2), Peer(3, at: 7, mac: 3)]);
        _shared.Texts.Should().HaveCount(2);

        _shared.Change([Peer(1, at: 7, mac: 1)], []);

        _shared.Texts.Should().ContainSingle().Which.Should().Contain("10.244.2.0/24").And.Contain("10.244.3.0/24");
    }

    [Fact]
    public void Only_a_few_are_named()
    {
        _shared.Replace(Enumerable.Range(1, 200).Select(number => Peer(number, at: 1 + (number / 2), mac: number)));

        _shared.Texts.Should().HaveCount(SharedAddresses.Most);
        _log.Lines.Should().HaveCount(SharedAddresses.Most);
    }

    [Fact]
    public void Health_notes_them_and_stays_well_as_the_others_are_reached()
    {
        _shared.Replace([Peer(1, at: 7, mac: 1), Peer(3, at: 7, mac: 3)]);
        NetworkSnapshot snapshot = new(TestNetwork.Conf) { Peers = new PeersStatus { SharedAddresses = _shared.Texts } };

        NetworkHealth.Notes(snapshot).Should().Equal(_shared.Texts);
    }

    public void Dispose() => _log.Dispose();

    private static PeerPath Peer(int number, int at, int? mac) =>
        new(
            IPNetwork.Parse($"10.244.{number}.0/24"),
            IPAddress.Parse($"192.168.64.{at}"),
            mac is { } last ? MacAddress.Parse($"02:00:00:00:00:{last:x2}") : null
        );

    private static PeerPath Keyed(int number, byte key)
    {
        WireGuardKey.TryParse(Convert.ToBase64String([.. Enumerable.Repeat(key, 32)]), out WireGuardKey parsed).Should().BeTrue();
        return new PeerPath(IPNetwork.Parse($"10.244.{number}.0/24"), IPAddress.Parse("192.168.64.7"), VtepMac: null, parsed);
    }
}
