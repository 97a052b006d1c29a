using System.Net;

namespace Twill.Host.Tests;

public sealed class FirewallSpecTests
{
    [Fact]
    public void Elements_that_lie_inside_others_are_dropped_and_the_rest_is_sorted()
    {
        FirewallSpec spec = Spec(["10.244.0.0/16"], ["192.168.0.0/16", "10.0.0.0/8", "192.168.7.0/24", "10.0.0.0/8", "239.0.0.0/8"]);

        spec.LocalElements.Select(e => e.ToString()).Should().Equal("10.244.0.0/16");
        spec.ExemptElements.Select(e => e.ToString()).Should().Equal("10.0.0.0/8", "192.168.0.0/16", "224.0.0.0/4", "255.255.255.255/32");
    }

    [Fact]
    public void Ipv6_destinations_do_not_get_into_a_set_of_ipv4_addresses() =>
        Spec(["10.244.0.0/16"], ["fc00::/7"]).ExemptElements.Should().OnlyContain(e => e.BaseAddress.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork);

    [Fact]
    public void The_fingerprint_tells_whatever_changes_the_table()
    {
        FirewallSpec spec = Spec(["10.244.0.0/16"], ["192.0.2.0/24"]);
        string[] others =
        [
            (spec with { Network = "other" }).Fingerprint(), (spec with { Bridge = "br0" }).Fingerprint(), (spec with { Masquerade = false }).Fingerprint(),
            Spec(["10.245.0.0/16"], ["192.0.2.0/24"]).Fingerprint(), Spec(["10.244.0.0/16"], ["192.0.3.0/24"]).Fingerprint(),
        ];

        others.Should().OnlyHaveUniqueItems().And.NotContain(spec.Fingerprint());
        Spec(["10.244.0.0/16"], ["192.0.2.0/24", "192.0.2.7/32"]).Fingerprint().Should().Be(spec.Fingerprint(), "the table is the same");
    }

    private static FirewallSpec Spec(string[] local, string[] exempt) =>
        new("net1", "twill0", true, [.. local.Select(IPNetwork.Parse)], [.. exempt.Select(IPNetwork.Parse)]);
}
