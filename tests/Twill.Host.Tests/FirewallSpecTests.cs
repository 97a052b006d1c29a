using System.Net;
using System.Net.Sockets;

namespace Twill.Host.Tests;

public sealed class FirewallSpecTests
{
    [Fact]
    public void Elements_that_lie_inside_others_are_dropped_and_the_rest_is_sorted()
    {
        FirewallSpec spec = Spec(["10.244.0.0/16"], ["192.168.0.0/16", "10.0.0.0/8", "192.168.7.0/24", "10.0.0.0/8", "239.0.0.0/8"]);

        spec.LocalElements(AddressFamily.InterNetwork).Select(e => e.ToString()).Should().Equal("10.244.0.0/16");
        spec.ExemptElements(AddressFamily.InterNetwork)
            .Select(e => e.ToString())
            .Should()
            .Equal("10.0.0.0/8", "192.168.0.0/16", "224.0.0.0/4", "255.255.255.255/32");
    }

    [Fact]
    public void Each_family_has_sets_of_its_own_and_its_own_destinations_that_are_never_masqueraded()
    {
        FirewallSpec spec = Spec(
            ["10.244.0.0/16", "fd00:2::/48", "fd00:1::/48", "fd00:1:0:7::/64"],
            ["fc00::/7", "192.0.2.0/24", "fd00::/8"]
        );

        spec.LocalElements(AddressFamily.InterNetwork).Select(e => e.ToString()).Should().Equal("10.244.0.0/16");
        spec.LocalElements(AddressFamily.InterNetworkV6).Select(e => e.ToString()).Should().Equal("fd00:1::/48", "fd00:2::/48");
        spec.ExemptElements(AddressFamily.InterNetwork)
            .Select(e => e.ToString())
            .Should()
            .Equal("192.0.2.0/24", "224.0.0.0/4", "255.255.255.255/32");
        spec.ExemptElements(AddressFamily.InterNetworkV6).Select(e => e.ToString()).Should().Equal("fc00::/7", "fe80::/10", "ff00::/8");
    }

    [Fact]
    public void Without_containers_that_have_ipv6_addresses_its_destinations_decide_nothing()
    {
        FirewallSpec spec = Spec(["10.244.0.0/16"], ["192.0.2.0/24"]);

        Spec(["10.244.0.0/16"], ["192.0.2.0/24", "fc00::/7"]).Fingerprint().Should().Be(spec.Fingerprint());
        (spec with { MayHaveIPv6 = true }).Fingerprint().Should().NotBe(spec.Fingerprint());
        Spec(["10.244.0.0/16", "fd00::/64"], ["192.0.2.0/24", "fc00::/7"])
            .Fingerprint()
            .Should()
            .NotBe(Spec(["10.244.0.0/16", "fd00::/64"], ["192.0.2.0/24"]).Fingerprint());
    }

    [Fact]
    public void A_table_without_ipv6_keeps_its_fingerprint_between_versions() =>
        Spec(["10.244.0.0/16"], ["192.0.2.0/24"]).Fingerprint().Should().Be("a55115e00f2d5789", "an upgrade does not write the table anew");

    [Fact]
    public void The_fingerprint_tells_whatever_changes_the_table()
    {
        FirewallSpec spec = Spec(["10.244.0.0/16"], ["192.0.2.0/24"]);
        string[] others =
        [
            (spec with { Network = "other" }).Fingerprint(),
            (spec with { Bridge = "br0" }).Fingerprint(),
            (spec with { Masquerade = false }).Fingerprint(),
            Spec(["10.245.0.0/16"], ["192.0.2.0/24"]).Fingerprint(),
            Spec(["10.244.0.0/16"], ["192.0.3.0/24"]).Fingerprint(),
        ];

        others.Should().OnlyHaveUniqueItems().And.NotContain(spec.Fingerprint());
        Spec(["10.244.0.0/16"], ["192.0.2.0/24", "192.0.2.7/32"]).Fingerprint().Should().Be(spec.Fingerprint(), "the table is the same");
    }

    private static FirewallSpec Spec(string[] local, string[] exempt) =>
        new("net1", "twill0", true, [.. local.Select(IPNetwork.Parse)], [.. exempt.Select(IPNetwork.Parse)]);
}
