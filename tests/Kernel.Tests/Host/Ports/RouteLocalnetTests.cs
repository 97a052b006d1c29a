using Twill.Host;
using Twill.Host.Ports;
using Twill.Testing;
using static Kernel.Tests.Host.Ports.PortLab;

namespace Kernel.Tests.Host.Ports;

/// <summary>When the kernel lets packets from 127.0.0.1 out to containers.</summary>
public sealed class RouteLocalnetTests : IDisposable
{
    private readonly PortLab _lab = new();
    private readonly TempDir _directory = TempDir.Create();

    [RequiresRootFact]
    public void The_bridge_follows_the_records_both_ways()
    {
        PortRecords records = new(_directory.At("ports"));
        Follow().Should().Be(false, "nothing is published");
        Follow().Should().BeNull();
        records.Write(new PodPorts("c0", "eth0", [Port(Tcp, 8080, 0, 80, at: HostAddress)]));
        Follow().Should().BeNull("that port is asked for at another address");
        records.Write(new PodPorts("c1", "eth0", [Port(Tcp, 8081, 1, 80, at: "127.0.0.1")]));
        Follow().Should().Be(true);
        records.Write(new PodPorts("c1", "eth0", [Port(Tcp, 8081, 1, 80)]));
        Follow().Should().BeNull();
        records.Remove(VethOf("c1"));
        Follow().Should().Be(false);
        ValueOf(Bridge).Should().Be("0");

        bool? Follow()
        {
            bool? changed = null;
            _lab.OnHost(_ => changed = RouteLocalnet.Follow(Bridge, records));
            return changed;
        }
    }

    [RequiresRootFact]
    public void A_host_end_past_the_bridge_gets_it_again_when_its_ports_need_it()
    {
        PortRecords records = new(_directory.At("ports"));
        records.Write(new PodPorts("c0", "eth0", [Port(Tcp, 8080, 0, 80)]));
        records.Write(new PodPorts("c1", "eth0", [Port(Tcp, 8080, 1, 80, at: HostAddress)]));
        records.Write(new PodPorts("gone", "eth0", [Port(Tcp, 8082, 0, 80)]));
        for (int pod = 0; pod < 2; pod++)
        {
            string end = VethOf($"c{pod}");
            _lab.Host.Sh($"ip link set pod{pod} down; ip link set pod{pod} name {end}");
            _lab.Host.Sh($"ip link set {end} nomaster group {RoutedVeth.Group}; ip link set {end} up");
        }

        Ensure().Should().BeEmpty("the bridge answers for nobody");
        _lab.Host.Sh($"echo 1 >/proc/sys/net/ipv4/conf/{Bridge}/proxy_arp");
        Ensure().Should().Equal(VethOf("c0"));
        Ensure().Should().BeEmpty();
        ValueOf(VethOf("c0")).Should().Be("1");
        ValueOf(VethOf("c1")).Should().Be("0");

        List<string> Ensure()
        {
            List<string> written = [];
            _lab.OnHost(route => written = RouteLocalnet.EnsurePast(route, Bridge, records));
            return written;
        }
    }

    public void Dispose()
    {
        _directory.Dispose();
        _lab.Dispose();
    }

    private string ValueOf(string link) => _lab.Host.Sh($"cat /proc/sys/net/ipv4/conf/{link}/route_localnet").Trim();
}
