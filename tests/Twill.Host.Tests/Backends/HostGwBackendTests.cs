using System.Net;
using System.Net.Sockets;
using Twill.Host.Backends;
using Twill.Host.Reconcile;

namespace Twill.Host.Tests.Backends;

public sealed class HostGwBackendTests
{
    private static readonly HostGwBackend Backend = new();

    [Fact]
    public void A_remote_subnet_is_one_route_through_its_host()
    {
        Desired wanted = Backend.ComputeDesired(Leases.Self, [Leases.HostGw(7, 3)]);

        wanted
            .Routes.Should()
            .Equal(new PeerRoute(IPNetwork.Parse("10.244.7.0/24"), IPAddress.Parse("192.168.64.3"), "eth0", OnLink: false));
        wanted.Devices.Should().BeEmpty();
        wanted.Neighbours.Should().BeEmpty();
        wanted.Fdb.Should().BeEmpty();
    }

    [Fact]
    public void A_host_behind_a_router_is_skipped_and_the_reason_names_both_sides() =>
        Backend
            .ComputeDesired(Leases.Self, [Leases.HostGw(7, 200)])
            .Skipped.Should()
            .ContainSingle()
            .Which.Why.Should()
            .Contain("192.168.64.200")
            .And.Contain("eth0");

    [Fact]
    public void A_host_with_another_backend_is_skipped() =>
        Backend.ComputeDesired(Leases.Self, [Leases.Vxlan(7, 3)]).Skipped.Should().ContainSingle().Which.Why.Should().Contain("\"vxlan\"");

    [Fact]
    public void It_takes_nothing_from_the_MTU() => Backend.Overhead(AddressFamily.InterNetwork).Should().Be(0);
}
