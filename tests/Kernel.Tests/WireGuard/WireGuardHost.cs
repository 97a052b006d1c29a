using System.Net;
using System.Security.Cryptography;
using Twill.Host.Backends;
using Twill.Host.Reconcile;
using Twill.Linux;
using Twill.Linux.WireGuard;
using Twill.Network;
using Twill.Testing;

namespace Kernel.Tests.WireGuard;

/// <summary>
/// A host 192.168.64.2 with the subnet 10.244.1.0/24 in a namespace of its own, and on it the WireGuard device of a network. Sockets of
/// programs that run devices stand in the one /run of the machine, so each host has a UDP port, and with it a device, of its own.
/// </summary>
internal sealed class WireGuardHost : IDisposable
{
    private readonly TempDir _directory = TempDir.Create();
    private readonly NetNs _opened;
    private Daemon? _program;

    internal WireGuardHost()
    {
        Port = (ushort)RandomNumberGenerator.GetInt32(20_000, 60_000);
        Device = DeviceNames.WireGuardDevice(Port);
        Self = new LocalNode(
            "pods",
            [IPNetwork.Parse("10.244.0.0/16")],
            [IPNetwork.Parse("10.244.1.0/24")],
            [],
            new(new LocalAddress(IPAddress.Parse("192.168.64.2"), MacAddress.Zero, 1440), null),
            "eth0",
            []
        )
        {
            WireGuard = new LocalWireGuard(Key),
        };
        Ns = TestNetns.Create();
        Ns.Ip("link add eth0 type veth peer name far");
        Ns.Ip("address add 192.168.64.2/24 dev eth0");
        Ns.Ip("link set eth0 up");
        Ns.Ip("link set far up");
        Ns.WaitForCarrier("eth0");
        _opened = NetNs.Open(Ns.Path);
    }

    /// <summary>Whether this kernel has WireGuard of its own.</summary>
    internal static bool KernelHasIt { get; } = Probe();

    internal TestNetns Ns { get; }

    internal ushort Port { get; }

    internal string Device { get; }

    /// <summary>The private key, as `wg genkey` makes it.</summary>
    internal string KeyText { get; } = Cmd.Run("wg", ["genkey"]).OrThrow().Stdout.Trim();

    internal WireGuardSecret Key => WireGuardSecret.TryParse(KeyText, out WireGuardSecret? key) ? key : throw new FormatException(KeyText);

    internal LocalNode Self { get; init; }

    internal IBackend Backend => new WireGuardBackend(Port);

    internal static PeerLease Peer(int subnet, int host) =>
        new(
            IPNetwork.Parse($"10.244.{subnet}.0/24"),
            new(new PeerAddress(IPAddress.Parse($"192.168.64.{host}"), WireGuard: new(KeyOf(host), 51820)), null),
            "wireguard"
        );

    internal static WireGuardKey KeyOf(int host) => WireGuardSecret.Of([0, (byte)host, .. new byte[30]]).PublicKey;

    /// <summary>Starts `wireguard-go DEVICE`, as a service manager does, and waits until it serves.</summary>
    internal void StartProgram()
    {
        _program = Daemon.Start("wireguard-go", [.. Ns.Enter, "wireguard-go", "--foreground", Device], _directory.At("wireguard-go.log"));
        WireGuardGo.WaitUntilServes(Ns, Device, _program);
    }

    internal void EndProgram()
    {
        _program?.Stop();
        _program?.Dispose();
        _program = null;
    }

    /// <summary>Runs on a thread inside the namespace, as the agent's threads are.</summary>
    internal T Run<T>(Func<RouteSocket, T> body) =>
        _opened.Run(() =>
        {
            using RouteSocket route = RouteSocket.Open();
            return body(route);
        });

    internal ReconcileResult Reconcile(params PeerLease[] peers) => Reconcile(Self, peers);

    internal ReconcileResult Reconcile(LocalNode self, params PeerLease[] peers) =>
        Run(route => Reconciler.Run(route, Backend, self, peers));

    /// <summary>`wg ARGS` here: its output, or an exception with its complaint.</summary>
    internal string Wg(string args) => Ns.Run(["wg", .. Cmd.Split(args)]).OrThrow().Stdout;

    /// <summary>What `wg show` says of each peer: "KEY ENDPOINT ALLOWED-IPS KEEPALIVE", sorted.</summary>
    internal string[] Peers() => [.. Dump().Skip(1).Select(p => $"{p[0]} {p[2]} {p[3]} {p[7]}").Order(StringComparer.Ordinal)];

    /// <summary>The fields of each line of `wg show DEVICE dump`: the device, then its peers.</summary>
    internal string[][] Dump() =>
        [.. Wg($"show {Device} dump").Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split('\t'))];

    /// <summary>`ip route show proto 116`, a line each, sorted.</summary>
    internal string[] OurRoutes() =>
        [
            .. Ns.Ip("-4 route show proto 116")
                .Split('\n', StringSplitOptions.RemoveEmptyEntries)
                .Select(line => string.Join(' ', Cmd.Split(line)))
                .Order(StringComparer.Ordinal),
        ];

    public void Dispose()
    {
        _program?.Kill();
        _program?.Dispose();
        _opened.Dispose();
        Ns.Dispose();
        _directory.Dispose();
        if (File.Exists(UserSpaceWireGuard.SocketOf(Device))) // else even its directory may be missing
        {
            File.Delete(UserSpaceWireGuard.SocketOf(Device));
        }
    }

    private static bool Probe()
    {
        using TestNetns ns = TestNetns.Create();
        return ns.Run("ip", "link", "add", "probe", "type", "wireguard").ExitCode == 0;
    }
}
