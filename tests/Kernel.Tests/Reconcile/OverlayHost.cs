using System.Net;
using System.Text.Json;
using System.Text.RegularExpressions;
using Twill.Host;
using Twill.Host.Backends;
using Twill.Host.Reconcile;
using Twill.Linux;
using Twill.Testing;

namespace Kernel.Tests.Reconcile;

/// <summary>A host 192.168.64.2 on the link "eth0" with the subnet 10.244.1.0/24, in a namespace of its own.</summary>
internal sealed partial class OverlayHost : IDisposable
{
    internal static readonly MacAddress Mac = MacAddress.Parse("02:aa:00:00:00:01");
    internal static readonly VxlanSpec Spec = new(
        "twill.1",
        1,
        4789,
        IPAddress.Parse("192.168.64.2"),
        Mac,
        1450,
        new(IPNetwork.Parse("10.244.1.0/32"), null),
        "pods"
    );

    internal static readonly LocalNode Self = new(
        "pods",
        [IPNetwork.Parse("10.244.0.0/16")],
        [IPNetwork.Parse("10.244.1.0/24")],
        [],
        new(new LocalAddress(IPAddress.Parse("192.168.64.2"), Mac, 1450), null),
        "eth0",
        []
    );

    internal static readonly MacAddress MacV6 = MacAddress.Parse("02:aa:00:00:00:61");

    /// <summary>The same host with both families, on the underlay (fd00:64::2) and inside (fc00:1:0:1::/64).</summary>
    internal static readonly LocalNode Dual = Self with
    {
        Networks = [IPNetwork.Parse("10.244.0.0/16"), IPNetwork.Parse("fc00:1::/48")],
        Subnets = [IPNetwork.Parse("10.244.1.0/24"), IPNetwork.Parse("fc00:1:0:1::/64")],
        Addresses = Self.Addresses with { V6 = new LocalAddress(IPAddress.Parse("fd00:64::2"), MacV6, 1430) },
    };

    private readonly NetNs _opened;

    internal OverlayHost()
    {
        Ns = TestNetns.Create();
        Ns.IpBatch(
            "link add eth0 type veth peer name far",
            "address add 192.168.64.2/24 dev eth0",
            "address add fd00:64::2/64 dev eth0 nodad",
            "link set eth0 up",
            "link set far up"
        );
        Ns.WaitForCarrier("eth0");
        _opened = NetNs.Open(Ns.Path);
    }

    internal TestNetns Ns { get; }

    internal static IBackend Vxlan(bool directRouting = false) => new VxlanBackend(1, 4789, directRouting);

    internal static PeerLease Peer(int subnet, int host) =>
        Peer($"10.244.{subnet}.0/24", $"192.168.64.{host}", MacAddress.Parse($"02:bb:00:00:00:{host:x2}"));

    internal static PeerLease Peer(string subnet, string publicIP, MacAddress mac) =>
        new(IPNetwork.Parse(subnet), new(new PeerAddress(IPAddress.Parse(publicIP), mac, 1), null), "vxlan");

    /// <summary>Runs on a thread inside the namespace, as the agent's threads are.</summary>
    internal T Run<T>(Func<RouteSocket, T> body) =>
        _opened.Run(() =>
        {
            using RouteSocket route = RouteSocket.Open();
            return body(route);
        });

    internal OverlayDevice.Result Ensure(VxlanSpec? spec = null) => Run(route => OverlayDevice.Ensure(route, spec ?? Spec));

    internal ReconcileResult Reconcile(params PeerLease[] peers) => Reconcile(Vxlan(), peers);

    internal ReconcileResult Reconcile(IBackend backend, params PeerLease[] peers) => Reconcile(backend, Self, peers);

    internal ReconcileResult Reconcile(IBackend backend, LocalNode self, params PeerLease[] peers) =>
        Run(route => Reconciler.Run(route, backend, self, peers));

    /// <summary>What a host with both families published: 10.244.N.0/24 and fc00:1:0:N::/64 at 192.168.64.HOST and fd00:64::HOST.</summary>
    internal static PeerLease[] DualPeer(int subnet, int host)
    {
        PerFamily<PeerAddress> addresses = new(
            new PeerAddress(IPAddress.Parse($"192.168.64.{host}"), MacAddress.Parse($"02:bb:00:00:00:{host:x2}"), 1),
            new PeerAddress(IPAddress.Parse($"fd00:64::{host:x}"), MacAddress.Parse($"02:cc:00:00:00:{host:x2}"), 1)
        );
        return
        [
            new(IPNetwork.Parse($"10.244.{subnet}.0/24"), addresses, "vxlan"),
            new(IPNetwork.Parse($"fc00:1:0:{subnet:x}::/64"), addresses, "vxlan"),
        ];
    }

    /// <summary>`ip -j -d link show dev NAME`.</summary>
    internal JsonElement Link(string name = "twill.1") => Ns.IpJson($"link show dev {name}")[0];

    internal JsonElement Vxlan(string name) => Link(name).GetProperty("linkinfo").GetProperty("info_data");

    /// <summary>All entries of ours, of both families: `ip route` without the numbers of nexthop objects, `ip neigh` and `bridge fdb` on
    /// one device, a line each.</summary>
    internal string[] Entries(string device) =>
        [
            .. Lines(Nhid().Replace(Ns.Ip($"-4 route show proto 116 dev {device}"), "")),
            .. Lines(Ns.Ip($"-6 route show proto 116 dev {device}")),
            .. Lines(Ns.Ip($"-4 neigh show dev {device} proto 116")),
            .. Lines(Ns.Ip($"-6 neigh show dev {device} proto 116")),
            .. device == "eth0" ? [] : Lines(Ns.Bridge($"fdb show dev {device}")),
        ];

    /// <summary>Addresses of the device as "ADDRESS/LENGTH".</summary>
    internal string[] Addresses(string name = "twill.1") =>
        [
            .. Ns.IpJson($"address show dev {name}")
                .EnumerateArray()
                .SelectMany(l => l.GetProperty("addr_info").EnumerateArray())
                .Select(a => $"{a.GetProperty("local").GetString()}/{a.GetProperty("prefixlen").GetInt32()}"),
        ];

    /// <summary>`ip route show proto 116`, a line each, sorted.</summary>
    internal string[] OurRoutes() => Lines(Ns.Ip("-4 route show proto 116"));

    /// <summary>`ip nexthop show`, by number.</summary>
    internal JsonElement[] Nexthops() => [.. Ns.IpJson("nexthop show").EnumerateArray()];

    /// <summary>Neighbours on the overlay device that `ip` shows as permanent.</summary>
    internal string[] Neighbours() => Lines(Ns.Ip("-4 -d neigh show dev twill.1 nud permanent"));

    /// <summary>`bridge fdb show dev twill.1`, a line each, sorted.</summary>
    internal string[] Fdb() => Lines(Ns.Bridge("fdb show dev twill.1"));

    public void Dispose()
    {
        _opened.Dispose();
        Ns.Dispose();
    }

    [GeneratedRegex("nhid [0-9]+ ")]
    private static partial Regex Nhid();

    private static string[] Lines(string text) =>
        [
            .. text.Split('\n', StringSplitOptions.RemoveEmptyEntries)
                .Select(line => string.Join(' ', Cmd.Split(line)))
                .Order(StringComparer.Ordinal),
        ];
}

internal static class PeerLeases
{
    /// <summary>The same lease with another IPv4 address.</summary>
    internal static PeerLease At(this PeerLease lease, string publicIP) =>
        lease with
        {
            Addresses = lease.Addresses with { V4 = lease.Addresses.V4!.Value with { PublicIP = IPAddress.Parse(publicIP) } },
        };

    /// <summary>The same lease with another VtepMAC.</summary>
    internal static PeerLease WithMac(this PeerLease lease, MacAddress mac) =>
        lease with
        {
            Addresses = lease.Addresses with { V4 = lease.Addresses.V4!.Value with { VtepMac = mac } },
        };
}
