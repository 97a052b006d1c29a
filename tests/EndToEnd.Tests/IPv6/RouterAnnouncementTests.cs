using Twill.EndToEnd.Tests.Cli;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.IPv6;

/// <summary>A host that has its own IPv6 route from a router's announcement, as the kernel takes it.</summary>
public sealed class RouterAnnouncementTests : IDisposable
{
    private readonly DualHost _dual = new();

    [RequiresRootFact]
    public void Doctor_says_that_it_is_lost_and_how_it_is_kept()
    {
        LabHost host = _dual.Host;
        LabContainer container = host.AddContainer("first");
        host.Sh(
            $"echo 0 >/proc/sys/net/ipv6/conf/all/forwarding; ip -6 route del default; ip -6 route add default via "
                + $"{DualHost.GatewayAddress} dev eth0 proto ra"
        );
        Complaint before = Routers().Should().ContainSingle().Subject;
        before.Outcome.Should().Be("warning");
        before.Text.Should().Contain("this host's IPv6 default route by eth0 is from a router's announcement");

        host.Sh("ip -6 route del default; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding");
        Routers().Should().BeEmpty("nothing says that a router ever announced itself");
        host.Ip("address add 2001:db8:50::11/64 dev eth0 valid_lft 3600 preferred_lft 3600");
        Complaint after = Routers().Should().ContainSingle().Subject;
        after.Text.Should().Contain("this host has no IPv6 default route, and by eth0 it takes none");
        after.Remedy.Should().Contain("sysctl -w net/ipv6/conf/eth0/accept_ra=2");

        host.Sh("echo 2 >/proc/sys/net/ipv6/conf/eth0/accept_ra");
        Routers().Should().BeEmpty();
        host.Cnitool("del", "twill", container).OrThrow();
    }

    public void Dispose() => _dual.Dispose();

    private IEnumerable<Complaint> Routers() => _dual.Host.Complaints().Where(complaint => complaint.Check == "routers");
}
