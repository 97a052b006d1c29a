using Twill.Host.Backends;
using Twill.Host.Reconcile;

namespace Twill.Host.Tests.Backends;

public sealed class BackendTests
{
    [Theory]
    [InlineData("vxlan")]
    [InlineData("host-gw")]
    [InlineData("wireguard")]
    [InlineData("none")]
    public void Each_type_in_the_configuration_has_its_backend(string type) =>
        BackendTable.All.Find(type).Should().BeAssignableTo<IBackend>().Which.Type.Should().Be(type);

    [Theory]
    [InlineData("VXLAN")]
    [InlineData("")]
    public void An_unknown_type_has_none(string type) => BackendTable.All.Find(type).Should().BeNull();

    [Fact]
    public void None_wants_nothing_for_other_hosts()
    {
        Desired wanted = new NoneBackend().ComputeDesired(Leases.Self, [Leases.Vxlan(7, 3)]);

        wanted.Devices.Should().BeEmpty();
        wanted.Routes.Should().BeEmpty();
        wanted.Skipped.Should().BeEmpty();
    }
}
