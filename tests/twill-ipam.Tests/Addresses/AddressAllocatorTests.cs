using System.Net;
using System.Net.Sockets;
using Twill.Cni;
using Twill.Ipam.Addresses;
using Twill.Network.Configuration;
using Twill.Network.State;
using Twill.System;
using Twill.Testing;

namespace Twill.Ipam.Tests.Addresses;

public sealed class AddressAllocatorTests : IDisposable
{
    private readonly TempDir _temp = TempDir.Create();
    private readonly AddressStore _store;
    private int _searches;

    public AddressAllocatorTests() => _store = AddressStore.Open(_temp.Path, "net");

    [Fact]
    public void Addresses_are_given_in_order_and_a_freed_one_only_after_the_round()
    {
        Take("c1").Should().Be("10.1.2.2");
        Take("c2").Should().Be("10.1.2.3");
        _store.Release(IPAddress.Parse("10.1.2.2"), Record("c1", "boot-1"));
        new[] { "c3", "c4", "c5" }.Select(Take).Should().Equal("10.1.2.4", "10.1.2.5", "10.1.2.6");
        Take("c6").Should().Be("10.1.2.2");
        _searches.Should().Be(0, "there was always a free address");
    }

    [Fact]
    public void A_full_pool_gives_nothing_and_changes_nothing()
    {
        foreach (int i in Enumerable.Range(1, 5))
        {
            Take($"c{i}");
        }

        string before = Cmd.Sh($"ls -lR --time-style=full-iso {_temp.Path}/net");
        Take("c6").Should().BeNull();
        Cmd.Sh($"ls -lR --time-style=full-iso {_temp.Path}/net").Should().Be(before);
        _searches.Should().Be(1);
    }

    [Fact]
    public void Addresses_of_an_earlier_boot_are_given_again_when_they_run_short()
    {
        foreach (int i in Enumerable.Range(1, 5))
        {
            Take($"c{i}", boot: i == 3 ? "boot-0" : "boot-1");
        }

        Take("c6").Should().Be("10.1.2.4", "only the record of c3 is of an earlier boot");
        Take("c7").Should().BeNull();
        _store.Hint(new CniAttachment("c3", "eth0")).Should().BeNull();
    }

    [Fact]
    public void A_pool_of_thousands_that_is_nearly_full_finds_its_hole()
    {
        var pool = new AddressPool(AddressFamily.InterNetwork, [AddressRange.Of(IPNetwork.Parse("10.8.0.0/20"), null, null, null)]);
        foreach (int n in Enumerable.Range(2, 4093).Where(n => n != 4000))
        {
            File.WriteAllText($"{_temp.Path}/net/10.8.{n / 256}.{n % 256}", Record("x", "boot-1").Format());
        }
        new AddressAllocator(_store, [pool], [], ReservedAddresses.None, () => 0)
            .TryTake(Record("c1", "boot-1"))
            .Should()
            .ContainSingle()
            .Which.Address.Should()
            .Be(IPAddress.Parse("10.8.15.160"));
    }

    [Fact]
    public void A_torn_file_costs_its_address_until_the_next_boot_and_nothing_else()
    {
        File.WriteAllText($"{_temp.Path}/net/10.1.2.3", "container: c");
        File.WriteAllText($"{_temp.Path}/net/10.1.2.4", "");
        File.SetLastWriteTimeUtc($"{_temp.Path}/net/10.1.2.4", DateTime.UtcNow.AddDays(-1));
        new[] { "c1", "c2", "c3" }.Select(c => Take(c)).Should().Equal("10.1.2.2", "10.1.2.5", "10.1.2.6");
        Take("c4").Should().Be("10.1.2.4", "that file was torn before this boot");
        Take("c5").Should().BeNull();
        _log.Should().Contain(line => line.Contains("/net/10.1.2.3: not an address record") && line.Contains("left alone"));
    }

    [Fact]
    public void An_address_asked_for_is_claimed_and_the_ring_goes_on_where_it_was()
    {
        Take("c1").Should().Be("10.1.2.2");
        Allocator("10.1.2.5")
            .TryTake(Record("c2", "boot-1"))
            .Should()
            .ContainSingle()
            .Which.Address.Should()
            .Be(IPAddress.Parse("10.1.2.5"));
        Take("c3").Should().Be("10.1.2.3");
    }

    [Fact]
    public void An_address_asked_for_is_taken_from_a_container_that_is_gone_but_not_from_a_living_one()
    {
        Take("c1", boot: "boot-0").Should().Be("10.1.2.2");
        Take("c2").Should().Be("10.1.2.3");
        Allocator("10.1.2.2")
            .TryTake(Record("c3", "boot-1"))
            .Should()
            .ContainSingle()
            .Which.Address.Should()
            .Be(IPAddress.Parse("10.1.2.2"));
        Allocator("10.1.2.3").TryTake(Record("c4", "boot-1")).Should().BeNull();
    }

    [Fact]
    public async Task Many_threads_at_once_get_different_addresses()
    {
        var pool = new AddressPool(AddressFamily.InterNetwork, [AddressRange.Of(IPNetwork.Parse("10.1.2.0/24"), null, null, null)]);
        async Task<string[]> TakeTwenty(int worker)
        {
            await Task.Yield();
            using AddressStore store = AddressStore.Open(_temp.Path, "net");
            return
            [
                .. Enumerable
                    .Range(0, 20)
                    .Select(i =>
                    {
                        using FileLock held = store.Lock();
                        return new AddressAllocator(store, [pool], [], ReservedAddresses.None, () => 0)
                            .TryTake(Record($"c{worker}-{i}", "boot-1"))!
                            .Single()
                            .Address.ToString();
                    }),
            ];
        }
        string[][] taken = await Task.WhenAll(Enumerable.Range(0, 8).Select(TakeTwenty));
        taken.SelectMany(t => t).Should().OnlyHaveUniqueItems().And.HaveCount(160);
        Directory.GetFiles($"{_temp.Path}/net", "10.*").Should().HaveCount(160);
    }

    public void Dispose()
    {
        _store.Dispose();
        _temp.Dispose();
    }

    private readonly List<string> _log = [];

    private static AddressRecord Record(string container, string boot) => new(new CniAttachment(container, "eth0"), boot, "/none", null);

    private string? Take(string container) => Take(container, "boot-1");

    private string? Take(string container, string boot) => Allocator().TryTake(Record(container, boot))?.Single().Address.ToString();

    private AddressAllocator Allocator(params string[] wanted)
    {
        var pool = new AddressPool(AddressFamily.InterNetwork, [AddressRange.Of(IPNetwork.Parse("10.1.2.0/29"), null, null, null)]);
        return new AddressAllocator(_store, [pool], [.. wanted.Select(IPAddress.Parse)], ReservedAddresses.None, () =>
        {
            _searches++;
            return StoreSweep.FreeGone(_store, "boot-1", DateTime.UtcNow.AddHours(-1), _log.Add);
        });
    }
}
