using System.Net;
using Twill.Linux.Nftables;
using Twill.Testing;
using static Twill.Linux.Tests.Nftables.NftEncoding;

namespace Twill.Linux.Tests.Nftables;

/// <summary>Sets, maps and their elements, byte for byte as nft sends them, but for what each golden file says we leave out.</summary>
public sealed class SetBytesTests
{
    private const int SetId = 4; // NFTA_SET_ELEM_LIST_SET_ID

    private static readonly NftType s_endpoint = NftType.Concat(NftType.Ipv4Addr, NftType.InetService);
    private static readonly NftSet s_local = new(Table, "local", NftType.Ipv4Addr) { Interval = true };
    private static readonly NftSet s_plain = new(Table, "plain", NftType.Ipv4Addr);

    private static readonly NftSet s_ports = new(Table, "ports", NftType.Concat(NftType.InetProto, NftType.InetService))
    {
        Data = s_endpoint,
    };

    private static readonly NftSet s_verdicts = new(Table, "vm", NftType.InetService) { Data = NftType.Verdict };

    private static readonly NftSet s_ranges = new(Table, "ranges", s_endpoint)
    {
        Data = NftType.Ipv4Addr,
        Interval = true,
        Comment = "by port",
    };

    [Theory, Golden("nftables/set-interval.hex")]
    public void An_interval_set_with_a_comment_is_what_nft_sends(Golden golden) =>
        new NewSet(s_local with { Comment = "leased" }).ShouldBe(golden);

    [Theory, Golden("nftables/set-plain.hex")]
    public void A_set_of_names_with_a_size_is_what_nft_sends(Golden golden) =>
        new NewSet(new NftSet(Table, "names", NftType.IfName) { Size = 1000 }).ShouldBe(golden);

    [Theory, Golden("nftables/set-mark-exclusive.hex")]
    public void A_set_that_must_not_exist_is_what_nft_create_sends(Golden golden) =>
        new NewSet(new NftSet(Table, "marks", NftType.Mark)) { Exclusive = true }.ShouldBe(golden);

    [Theory, Golden("nftables/map-ports.hex")]
    public void A_map_between_concatenations_is_what_nft_sends(Golden golden) => new NewSet(s_ports).ShouldBe(golden.WithoutTypeof());

    [Theory, Golden("nftables/map-verdict.hex")]
    public void A_verdict_map_is_what_nft_sends(Golden golden) => new NewSet(s_verdicts).ShouldBe(golden);

    [Theory, Golden("nftables/map-interval-concat.hex")]
    public void A_map_of_concatenated_ranges_is_what_nft_sends(Golden golden) => new NewSet(s_ranges).ShouldBe(golden.WithoutTypeof());

    [Theory, Golden("nftables/delete-set.hex")]
    public void A_deleted_set_is_what_nft_sends(Golden golden) => new DeleteSet(Table, "plain").ShouldBe(golden);

    [Theory, Golden("nftables/flush-set.hex")]
    public void A_flushed_set_is_what_nft_sends(Golden golden) => new FlushSet(Table, "plain").ShouldBe(golden);

    [Theory, Golden("nftables/elements-interval.hex")]
    public void Prefixes_are_what_nft_sends(Golden golden) =>
        new NewSetElements(s_local, Prefix("10.244.7.0/24"), Prefix("10.244.9.0/24")).ShouldBe(golden.Without(SetId));

    [Theory, Golden("nftables/elements-interval6.hex")]
    public void IPv6_prefixes_are_what_nft_sends(Golden golden) =>
        new NewSetElements(new NftSet(Table, "six", NftType.Ipv6Addr) { Interval = true }, Prefix("fd00::/64")).ShouldBe(
            golden.Without(SetId)
        );

    [Theory, Golden("nftables/elements-to-the-end.hex")]
    public void A_prefix_up_to_the_last_address_has_no_end_as_nft_sends_it(Golden golden) =>
        new NewSetElements(new NftSet(Table, "exempt", NftType.Ipv4Addr) { Interval = true }, Prefix("224.0.0.0/3")).ShouldBe(
            golden.Without(SetId).Without(3, 1, 6)
        );

    [Theory, Golden("nftables/elements-plain.hex")]
    public void Addresses_are_what_nft_sends(Golden golden) =>
        new NewSetElements(s_plain, SetElement.Of(IPAddress.Parse("10.0.0.1")), SetElement.Of(IPAddress.Parse("10.0.0.2"))).ShouldBe(
            golden.Without(SetId)
        );

    [Theory, Golden("nftables/elements-plain-exclusive.hex")]
    public void Elements_that_must_not_exist_are_what_nft_create_sends(Golden golden) =>
        new NewSetElements(s_plain, SetElement.Of(IPAddress.Parse("10.0.0.1"))) { Exclusive = true }.ShouldBe(golden.Without(SetId));

    [Theory, Golden("nftables/elements-map.hex")]
    public void A_port_mapping_with_a_comment_is_what_nft_sends(Golden golden)
    {
        NftSet at = new(Table, "at", NftType.Concat(NftType.Ipv4Addr, NftType.InetProto, NftType.InetService)) { Data = s_endpoint };
        SetElement element = SetElement
            .Of(NftData.Of(IPAddress.Parse("192.0.2.1")), NftData.Of(17), NftData.OfPort(53))
            .To(NftData.Of(IPAddress.Parse("10.244.7.5")), NftData.OfPort(5353)) with
        {
            Comment = "dns",
        };
        new NewSetElements(at, element).ShouldBe(golden.Without(SetId));
    }

    [Theory, Golden("nftables/elements-verdict.hex")]
    public void Verdicts_are_what_nft_sends(Golden golden) =>
        new NewSetElements(
            s_verdicts,
            SetElement.Of(NftData.OfPort(80)).To(Verdict.Accept),
            SetElement.Of(NftData.OfPort(81)).To(Verdict.Jump("helper"))
        ).ShouldBe(golden.Without(SetId));

    [Theory, Golden("nftables/elements-interval-concat.hex")]
    public void Concatenated_ranges_are_what_nft_sends(Golden golden)
    {
        NftData first = NftData.Concat(NftData.Of(IPAddress.Parse("10.1.0.0")), NftData.OfPort(80));
        NftData last = NftData.Concat(NftData.Of(IPAddress.Parse("10.1.255.255")), NftData.OfPort(90));
        SetElement element = SetElement.Range(first, last).To(NftData.Of(IPAddress.Parse("10.0.0.9")));
        new NewSetElements(s_ranges, element).ShouldBe(golden.Without(SetId));
    }

    [Theory, Golden("nftables/delete-elements-interval.hex")]
    public void A_deleted_prefix_is_what_nft_sends(Golden golden) => new DeleteSetElements(s_local, Prefix("10.9.0.0/16")).ShouldBe(golden);

    [Theory, Golden("nftables/delete-elements-map.hex")]
    public void A_deleted_port_mapping_is_what_nft_sends_whether_its_data_is_given_or_not(Golden golden)
    {
        SetElement key = SetElement.Of(NftData.Of(6), NftData.OfPort(8080));
        new DeleteSetElements(s_ports, key).ShouldBe(golden);
        new DeleteSetElements(s_ports, key.To(NftData.Of(IPAddress.Loopback), NftData.OfPort(80))).ShouldBe(golden);
    }

    private static SetElement Prefix(string prefix) => SetElement.Of(IPNetwork.Parse(prefix));
}
