using System.Net;
using System.Text.Json;
using Twill.Host;
using Twill.Host.Ports;
using Twill.Linux;
using Twill.Linux.Nftables;
using Twill.Network;
using Twill.Testing;

namespace Kernel.Tests.Host.Ports;

/// <summary>
/// A host (192.0.2.1, bridge 10.244.7.1) with two containers (10.244.7.2 and .3), and a machine outside (192.0.2.2) that has no
/// route to them. The network's table is in place, and nothing is published. With IPv6 all of them have an address of it as well.
/// </summary>
internal sealed class PortLab : IDisposable
{
    internal const byte Tcp = 6,
        Udp = 17,
        Sctp = 132;
    internal const string Network = "net1",
        Bridge = "twill0",
        BridgeAddress = "10.244.7.1",
        HostAddress = "192.0.2.1",
        OutsideAddress = "192.0.2.2";

    internal const string BridgeAddress6 = "fd00:244::1",
        HostAddress6 = "2001:db8:1::1",
        OutsideAddress6 = "2001:db8:1::2",
        Containers6 = "fd00:244::/64";

    internal static readonly FirewallSpec Spec = new(Network, Bridge, Masquerade: true, [IPNetwork.Parse("10.244.0.0/16")], []);
    internal static readonly FirewallSpec DualSpec = Spec with { Local = [.. Spec.Local, IPNetwork.Parse(Containers6)] };

    internal PortLab(bool withIPv6 = false)
    {
        // What a place is told, it is told in one run of ip: starting programs is what most of a lab's time goes into.
        if (withIPv6)
        {
            // Link-local addresses are there at once then, by which a router asks its neighbours for others.
            foreach (TestNetns ns in (TestNetns[])[Host, Outside, .. Pods])
            {
                ns.Sh("for i in all default; do echo 0 >/proc/sys/net/ipv6/conf/$i/accept_dad; done");
            }
        }

        string[] pods = [.. Pods.Select((_, i) => $"pod{i}")];
        Host.IpBatch([
            $"link add {Bridge} type bridge",
            $"addr add {BridgeAddress}/24 dev {Bridge}",
            $"link set {Bridge} up",
            $"link add out0 type veth peer name eth0 netns {Outside.Name}",
            $"addr add {HostAddress}/24 dev out0",
            "link set out0 up",
            .. withIPv6 ? [$"addr add {BridgeAddress6}/64 dev {Bridge} nodad", $"addr add {HostAddress6}/64 dev out0 nodad"] : (string[])[],
            .. pods.SelectMany(
                (pod, i) =>
                    (string[])
                        [
                            $"link add {pod} type veth peer name eth0 netns {Pods[i].Name}",
                            $"link set {pod} master {Bridge} up",
                            $"link set {pod} type bridge_slave hairpin on",
                        ]
            ),
        ]);
        Connect(Outside, $"{OutsideAddress}/24", withIPv6 ? $"{OutsideAddress6}/64" : null);
        for (int i = 0; i < Pods.Count; i++)
        {
            Connect(Pods[i], $"{AddressOf(i)}/24", withIPv6 ? $"{AddressOf6(i)}/64" : null);
            Pods[i]
                .IpBatch([
                    $"route add default via {BridgeAddress}",
                    .. withIPv6 ? [$"route add default via {BridgeAddress6}"] : (string[])[],
                ]);
        }

        Host.WaitForCarrier(["out0", .. pods]);
        foreach (TestNetns place in (TestNetns[])[Outside, .. Pods])
        {
            place.WaitForCarrier("eth0");
        }

        Host.Sh(
            $"cd /proc/sys/net; echo 1 >ipv4/ip_forward; echo 1 >ipv4/conf/{Bridge}/route_localnet"
                + (withIPv6 ? "; echo 1 >ipv6/conf/all/forwarding" : "")
        );
        if (withIPv6)
        {
            Eventually.True("the cables carry", () => Outside.CanPing(HostAddress6) && Pods.All(pod => pod.CanPing(BridgeAddress6)));
        }

        Do(nft => Firewall.Ensure(nft, withIPv6 ? DualSpec : Spec));
    }

    private static void Connect(TestNetns place, string address, string? address6) =>
        place.IpBatch([
            $"addr add {address} dev eth0",
            .. address6 is null ? [] : (string[])[$"addr add {address6} dev eth0 nodad"],
            "link set eth0 up",
        ]);

    internal TestNetns Host { get; } = TestNetns.Create();

    internal TestNetns Outside { get; } = TestNetns.Create();

    internal IReadOnlyList<TestNetns> Pods { get; } = [TestNetns.Create(), TestNetns.Create()];

    internal static IPAddress AddressOf(int pod) => IPAddress.Parse($"10.244.7.{pod + 2}");

    internal static IPAddress AddressOf6(int pod) => IPAddress.Parse($"fd00:244::{pod + 2}");

    internal static string VethOf(string container) => DeviceNames.Veth(container, "eth0");

    /// <summary>HOST_ADDRESS:HOST_PORT/PROTOCOL to a port of a container.</summary>
    internal static PublishedPort Port(byte protocol, ushort hostPort, int pod, ushort port, string at = "0.0.0.0") =>
        new(protocol, IPAddress.Parse(at), hostPort, AddressOf(pod), port);

    /// <summary>The same for the container's IPv6 address.</summary>
    internal static PublishedPort Port6(byte protocol, ushort hostPort, int pod, ushort port, string at = "::") =>
        new(protocol, IPAddress.Parse(at), hostPort, AddressOf6(pod), port);

    internal void Publish(string container, params PublishedPort[] ports) => PublishIn(Network, container, "eth0", ports);

    /// <summary>In whichever network; the container has a host end then.</summary>
    internal IReadOnlyCollection<(string Network, string HostName)> PublishIn(
        string network,
        string container,
        string ifName,
        params PublishedPort[] ports
    )
    {
        Host.Run("ip", "link", "add", DeviceNames.Veth(container, ifName), "type", "bridge"); // whatever kind; it may be there
        return Do((nft, route) => PortMaps.Publish(nft, route, network, container, ifName, ports));
    }

    internal IReadOnlyList<PublishedPort> Release(string container) => Do(nft => PortMaps.Release(nft, Network, VethOf(container)));

    internal T Do<T>(Func<NftSocket, RouteSocket, T> action) =>
        Do(nft =>
        {
            using NetNs ns = NetNs.Open(Host.Path);
            using RouteSocket route = RouteSocket.Open(ns);
            return action(nft, route);
        });

    internal T Do<T>(Func<NftSocket, T> action)
    {
        using NetNs ns = NetNs.Open(Host.Path);
        using NftSocket nft = NftSocket.Open(ns);
        return action(nft);
    }

    /// <summary>Runs on a thread that is on the host: for what opens sockets itself.</summary>
    internal void OnHost(Action<RouteSocket> action)
    {
        using NetNs ns = NetNs.Open(Host.Path);
        ns.Run(() =>
        {
            using RouteSocket route = RouteSocket.Open();
            action(route);
            return true;
        });
    }

    /// <summary>`nft list ruleset` of the host.</summary>
    internal string Ruleset() => Host.Nft("list ruleset");

    /// <summary>The elements of a map or set of the network's table, as `nft -j` lists them, one JSON text each, sorted.</summary>
    internal List<string> Elements(string kind, string name, string network = Network)
    {
        List<string> elements = [];
        foreach (JsonElement one in Host.NftJson($"list {kind} inet twill-{network} {name}").EnumerateArray())
        {
            if (one.TryGetProperty(kind, out JsonElement set) && set.TryGetProperty("elem", out JsonElement list))
            {
                elements.AddRange(list.EnumerateArray().Select(e => e.GetRawText()));
            }
        }
        elements.Sort(StringComparer.Ordinal);
        return elements;
    }

    public void Dispose()
    {
        foreach (TestNetns pod in Pods)
        {
            pod.Dispose();
        }

        Outside.Dispose();
        Host.Dispose();
    }
}
