using System.Text.Json;
using Twill.Cni;
using Twill.Host;
using Twill.Host.Backends;
using Twill.Linux;
using Twill.Linux.Links;
using Twill.Network;
using Twill.Network.Configuration;
using Twill.Testing;

namespace Kernel.Tests.Host;

/// <summary>Whose a bridge is, while other links come and go.</summary>
public sealed class BridgeOwnerTests : IDisposable
{
    private readonly TestNetns _ns = TestNetns.Create();

    [RequiresRootFact]
    public void A_bridge_with_a_port_of_another_network_is_that_networks_however_fast_links_come_and_go()
    {
        const int Ports = 150, // so that the list takes several datagrams
            Looks = 60;
        using RouteSocket route = Netns.OpenRouteSocket(_ns),
            other = Netns.OpenRouteSocket(_ns);
        route.Execute(new NewBridge("twill0"));
        RouteBatch batch = route.NewBatch();
        for (int i = 0; i < Ports; i++)
        {
            batch.Add(new NewVeth($"a{i}", $"b{i}"));
        }

        batch.Send();
        _ns.Sh($"for i in $(seq 0 {Ports - 1}); do echo link set a$i master twill0; done | ip -batch -");
        string end = DeviceNames.Veth("container", "eth0");
        _ns.Ip($"link add {end} type veth peer name c0");
        _ns.Ip($"link set {end} master twill0 alias '{DeviceNames.VethAlias("theirs", "container", "eth0")}'");
        Link bridge = route.GetLink("twill0");
        BridgeOwner.ThrowIfAnothers(route, Conf("theirs"), bridge);
        using CancellationTokenSource stop = new();
        Thread churn = new(() =>
        {
            while (!stop.IsCancellationRequested)
            {
                other.Execute(new NewVeth("come", "go"));
                other.Execute(new DeleteLink("come"));
            }
        });
        churn.Start();

        try
        {
            for (int i = 0; i < Looks; i++)
            {
                Action look = () => BridgeOwner.ThrowIfAnothers(route, Conf("ours"), bridge);
                look.Should().Throw<HostException>().WithMessage("bridge twill0 is network 'theirs's, *");
            }
        }
        finally
        {
            stop.Cancel();
            churn.Join();
        }
    }

    public void Dispose() => _ns.Dispose();

    private static TwillConf Conf(string name)
    {
        using JsonDocument document = JsonDocument.Parse(
            $$"""{"name":"{{name}}","type":"twill","bridge":"twill0","ipam":{"type":"twill-ipam","subnet":"10.1.0.0/24"} }"""
        );
        return TwillConf.Parse(new ConfigReader(document.RootElement), BackendTable.All);
    }
}
