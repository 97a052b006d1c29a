using System.Net;
using System.Net.Sockets;
using Twill.Ipam.Addresses;
using Twill.Network.Configuration;
using Twill.System;

namespace Twill.Ipam.Tests.Addresses;

public sealed class AddressPoolTests
{
    private readonly Taken _taken = new();

    [Fact]
    public void The_first_address_after_the_gateway_comes_first()
    {
        Next(Pool("10.1.2.0/24"), null).Should().Be("10.1.2.2");
    }

    [Theory]
    [InlineData("10.1.2.0/24", 253)]
    [InlineData("10.1.2.0/29", 5)]
    [InlineData("10.1.2.0/30", 1)]
    [InlineData("10.0.0.0/16", 65533)]
    [InlineData("fd00::/120", 254)] // no broadcast address in IPv6
    public void Capacity_leaves_out_network_gateway_and_broadcast(string subnet, int capacity)
    {
        Pool(subnet).Capacity.Should().Be((UInt128)capacity);
    }

    [Fact]
    public void Every_address_is_handed_out_once_and_none_of_the_reserved_ones()
    {
        var given = Drain(Pool("10.1.2.0/28"));
        given.Should().Equal(Enumerable.Range(2, 13).Select(n => $"10.1.2.{n}"));
    }

    [Fact]
    public void A_gateway_inside_the_subnet_is_left_out_and_the_first_address_then_is_not()
    {
        var pool = new AddressPool(
            AddressFamily.InterNetwork,
            [AddressRange.Of(IPNetwork.Parse("10.1.2.0/29"), IPAddress.Parse("10.1.2.4"), null, null)]
        );
        Drain(pool).Should().Equal("10.1.2.1", "10.1.2.2", "10.1.2.3", "10.1.2.5", "10.1.2.6");
        pool.Capacity.Should().Be((UInt128)5);
    }

    [Fact]
    public void A_gateway_of_another_subnet_leaves_this_one_its_first_address()
    {
        AddressRange range = AddressRange.Of(IPNetwork.Parse("10.1.3.0/24"), IPAddress.Parse("10.1.2.254"), null, null);
        range.Gateway.Should().Be(IPAddress.Parse("10.1.3.1"));
    }

    [Fact]
    public void Range_start_and_end_are_honoured()
    {
        Drain(Pool("10.1.2.0/24", "10.1.2.10", "10.1.2.12")).Should().Equal("10.1.2.10", "10.1.2.11", "10.1.2.12");
    }

    [Fact]
    public void Range_limits_beyond_the_subnet_do_not_widen_it()
    {
        Pool("10.1.2.0/28", "10.1.1.0", "10.1.3.0").Capacity.Should().Be((UInt128)13);
    }

    [Fact]
    public void A_range_wholly_outside_the_subnet_gives_nothing()
    {
        AddressPool pool = Pool("10.1.2.0/24", "10.1.3.10", "10.1.3.20");
        pool.Capacity.Should().Be(UInt128.Zero);
        Next(pool, null).Should().BeNull();
    }

    [Fact]
    public void A_freed_address_rests_until_the_ring_has_gone_round()
    {
        AddressPool pool = Pool("10.1.2.0/29"); // .2 to .6
        Next(pool, "10.1.2.2").Should().Be("10.1.2.3", "10.1.2.2 was freed just now and waits its turn");
        Next(pool, "10.1.2.6").Should().Be("10.1.2.2");
    }

    [Fact]
    public void Taken_addresses_are_passed_over_also_across_the_end_of_the_ring()
    {
        _taken.AddRange("10.1.2.5", "10.1.2.6", "10.1.2.2");
        Next(Pool("10.1.2.0/29"), "10.1.2.4").Should().Be("10.1.2.3");
    }

    [Fact]
    public void The_last_address_itself_is_found_when_it_is_the_only_free_one()
    {
        _taken.AddRange("10.1.2.2", "10.1.2.3", "10.1.2.5", "10.1.2.6");
        Next(Pool("10.1.2.0/29"), "10.1.2.4").Should().Be("10.1.2.4");
    }

    [Theory]
    [InlineData("192.0.2.1")]
    [InlineData("fd00::5")]
    [InlineData("10.1.2.0")]
    [InlineData("10.1.2.255")]
    public void A_last_address_of_no_range_starts_the_ring_over(string last)
    {
        Next(Pool("10.1.2.0/24"), last).Should().Be("10.1.2.2");
    }

    [Fact]
    public void Several_subnets_form_one_ring()
    {
        var pool = new AddressPool(
            AddressFamily.InterNetwork,
            [.. new[] { "10.1.2.0/30", "10.1.9.0/29" }.Select(s => AddressRange.Of(IPNetwork.Parse(s), null, null, null))]
        );
        Drain(pool).Should().Equal("10.1.2.2", "10.1.9.2", "10.1.9.3", "10.1.9.4", "10.1.9.5", "10.1.9.6");
        pool.Capacity.Should().Be((UInt128)6);
        _taken.Clear();
        _taken.AddRange("10.1.9.6");
        Next(pool, "10.1.9.5").Should().Be("10.1.2.2");
        _taken.AddRange("10.1.2.2");
        Next(pool, "10.1.9.5").Should().Be("10.1.9.2");
    }

    [Fact]
    public void The_range_that_is_found_belongs_to_the_address()
    {
        var pool = new AddressPool(
            AddressFamily.InterNetwork,
            [.. new[] { "10.1.2.0/30", "10.1.9.0/29" }.Select(s => AddressRange.Of(IPNetwork.Parse(s), null, null, null))]
        );
        _taken.AddRange("10.1.2.2");
        pool.TryNext(null, _taken, out IPAddress? next, out AddressRange range).Should().BeTrue();
        next.Should().Be(IPAddress.Parse("10.1.9.2"));
        range.Subnet.Should().Be(IPNetwork.Parse("10.1.9.0/29"));
        range.Gateway.Should().Be(IPAddress.Parse("10.1.9.1"));
    }

    [Theory]
    [InlineData("10.1.2.2", true)]
    [InlineData("10.1.2.254", true)]
    [InlineData("10.1.2.0", false)]
    [InlineData("10.1.2.1", false)]
    [InlineData("10.1.2.255", false)]
    [InlineData("10.1.3.2", false)]
    [InlineData("::ffff:10.1.2.2", false)]
    public void A_static_request_is_only_for_an_address_that_could_be_handed_out(string address, bool found)
    {
        Pool("10.1.2.0/24").TryFind(IPAddress.Parse(address), out _).Should().Be(found);
    }

    [Fact]
    public void A_pool_without_ranges_has_nothing()
    {
        Next(new AddressPool(AddressFamily.InterNetwork, []), null).Should().BeNull();
        Next(new AddressPool(AddressFamily.InterNetwork, []), "10.1.2.2").Should().BeNull();
    }

    [Fact]
    public void The_ends_of_the_address_space_do_not_overflow()
    {
        Drain(Pool("255.255.255.248/29")).Should().HaveCount(5).And.EndWith("255.255.255.254");
        Pool("ffff:ffff:ffff:ffff:ffff:ffff:ffff:fff0/124").Capacity.Should().Be((UInt128)14);
    }

    private static AddressPool Pool(string subnet, string? start = null, string? end = null) =>
        new(
            IPNetwork.Parse(subnet).BaseAddress.AddressFamily,
            [
                AddressRange.Of(
                    IPNetwork.Parse(subnet),
                    null,
                    start is null ? null : IPAddress.Parse(start),
                    end is null ? null : IPAddress.Parse(end)
                ),
            ]
        );

    private string? Next(AddressPool pool, string? last) =>
        pool.TryNext(last is null ? null : IPAddress.Parse(last), _taken, out IPAddress? next, out _) ? next.ToString() : null;

    private List<string> Drain(AddressPool pool)
    {
        var given = new List<string>();
        for (string? next = Next(pool, null); next is not null; next = Next(pool, next))
        {
            given.Add(next);
            _taken.AddRange(next);
        }
        return given;
    }

    private sealed class Taken : IOccupancy
    {
        private readonly HashSet<UInt128> _addresses = [];

        public bool Contains(UInt128 address) => _addresses.Contains(address);

        public void AddRange(params string[] addresses) =>
            _addresses.UnionWith(addresses.Select(a => IPPrefix.NumberOf(IPAddress.Parse(a))));

        public void Clear() => _addresses.Clear();
    }
}
