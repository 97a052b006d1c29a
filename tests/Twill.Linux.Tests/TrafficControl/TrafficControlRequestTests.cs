using Twill.Linux.TrafficControl;

namespace Twill.Linux.Tests.TrafficControl;

public sealed class TrafficControlRequestTests
{
    [Fact]
    public void NewTbf_is_what_tc_qdisc_add_tbf_sends_without_its_table() =>
        Captured.Equal("traffic-control/new-tbf", new NewTbf(14, 2_500_000, 250_000, 131_072));

    [Fact]
    public void NewTbf_sends_a_rate_beyond_32_bits_in_an_attribute_of_its_own() =>
        Captured.Equal("traffic-control/new-tbf-fast", new NewTbf(14, 5_000_000_000, 125_000_000, 125_000_000));

    [Fact]
    public void NewIngress_is_what_tc_qdisc_add_ingress_sends() => Captured.Equal("traffic-control/new-ingress", new NewIngress(12));

    [Fact]
    public void DeleteQdisc_is_what_tc_qdisc_del_sends()
    {
        Captured.Equal("traffic-control/delete-root", new DeleteQdisc(14, TcHandle.Root));
        Captured.Equal("traffic-control/delete-ingress", new DeleteQdisc(12, TcHandle.Ingress));
    }

    [Fact]
    public void NewRedirect_is_what_tc_filter_add_with_mirred_sends() =>
        Captured.Equal("traffic-control/new-redirect", new NewRedirect(12, 14));

    [Fact]
    public void ListFilters_is_what_tc_filter_show_sends() =>
        Captured.Equal("traffic-control/list-filters", new ListFilters(12, TcHandle.IngressQdisc));
}
