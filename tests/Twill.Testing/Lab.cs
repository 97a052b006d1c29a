using System.Net;

namespace Twill.Testing;

/// <summary>
/// Hosts on a network of their own: an underlay bridge in a namespace, hosts and an etcd on it, and a world outside that knows no
/// container addresses. Everything lives in namespaces held by processes of this lab, so ending those removes it, also after a
/// crash of the test.
/// </summary>
public sealed class Lab : IDisposable
{
    /// <summary>Where the etcd of <see cref="StartEtcd"/> is.</summary>
    public const string EtcdAddress = "192.168.50.200";

    /// <summary>The router of the underlay, and behind it <see cref="OutsideAddress"/>.</summary>
    public const string GatewayAddress = "192.168.50.254";

    /// <summary>An address that is reached over the hosts' default route.</summary>
    public const string OutsideAddress = "203.0.113.1";

    /// <summary>The router of the underlay in IPv6, and behind it <see cref="OutsideAddressV6"/>.</summary>
    public const string GatewayAddressV6 = "fd00:50::254";

    /// <summary>An address that is reached over the hosts' default route in IPv6.</summary>
    public const string OutsideAddressV6 = "2001:db8::1";

    private const string EtcdAddressV6 = "fd00:50::200";

    private readonly LabFamilies _families;
    private readonly TempDir _directory = TempDir.Create();
    private readonly List<IDisposable> _parts = [];
    private readonly List<LabHost> _hosts = [];

    private Lab(LabFamilies families)
    {
        UnitRing.Refuse("makes network namespaces", "RequiresRootFact");
        _families = families;
        try
        {
            Underlay = NewNode("underlay");
            Underlay.IpBatch("link add underlay type bridge mcast_snooping 0", "link set underlay up");
            Outside = NewNode("outside");
            Connect("outside", Outside.Pid, Outside, GatewayAddress, GatewayAddressV6);
            Outside.IpBatch($"address add {OutsideAddress}/32 dev lo", $"address add {OutsideAddressV6}/128 dev lo");
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Where all cables end: the bridge `underlay`.</summary>
    public LabNode Underlay { get; }

    /// <summary>The world outside: it answers pings and has no route to any container.</summary>
    public LabNode Outside { get; }

    public IReadOnlyList<LabHost> Hosts => _hosts;

    /// <summary>The etcd of this lab, once started.</summary>
    public EtcdServer? Etcd { get; private set; }

    /// <summary>Makes the underlay and the world outside.</summary>
    /// <param name="families">What machines have addresses of.</param>
    public static Lab Create(LabFamilies families = LabFamilies.IPv4) => new(families);

    /// <summary>Starts an etcd on a machine of its own on the underlay.</summary>
    public EtcdServer StartEtcd(EtcdServerOptions? options = null)
    {
        LabNode node = NewNode("etcd");
        Connect("etcd", node.Pid, node, EtcdAddress, EtcdAddressV6);
        Etcd = EtcdServer.Start(
            (options ?? new()) with
            {
                Address = IPAddress.Parse(Has(LabFamilies.IPv4) ? EtcdAddress : EtcdAddressV6),
                Port = 2379,
                Prefix = node.Enter,
            }
        );
        _parts.Add(Etcd);
        return Etcd;
    }

    /// <summary>Starts an etcd of several members at the same place, the lab's only one then.</summary>
    public EtcdCluster StartEtcdCluster(int members)
    {
        LabNode node = NewNode("etcd");
        Connect("etcd", node.Pid, node, EtcdAddress, EtcdAddressV6);
        EtcdCluster cluster = new(members, IPAddress.Parse(EtcdAddress), node.Enter);
        _parts.Add(cluster);
        return cluster;
    }

    /// <summary>Adds a host with the next address of the underlay and a default route to the outside.</summary>
    public LabHost AddHost(string name)
    {
        string v4 = $"192.168.50.{11 + _hosts.Count}",
            v6 = $"fd00:50::{11 + _hosts.Count}";
        string[] command = ["unshare", "--net", "--mount", "--propagation=private", "--", Script, RepoPaths.Bin];
        Daemon holder = Daemon.Start(name, command, _directory.At($"{name}.log"));
        LabHost host = new(name, Has(LabFamilies.IPv4) ? v4 : v6, Has(LabFamilies.IPv6) ? v6 : null, _directory.Path, holder);
        _parts.Add(host);
        WaitUntilHeld(holder);
        Connect(
            name,
            holder.Pid,
            host,
            v4,
            v6,
            [$"route add default via {GatewayAddress}"],
            [$"route add default via {GatewayAddressV6}"]
        );
        _hosts.Add(host);
        return host;
    }

    /// <summary>Pulls a host's cable, or plugs it in again.</summary>
    public void SetCable(LabHost host, bool plugged) => Underlay.Ip($"link set dev {host.Name} {(plugged ? "up" : "down")}");

    public void Dispose()
    {
        for (int i = _parts.Count - 1; i >= 0; i--)
        {
            _parts[i].Dispose();
        }

        _parts.Clear();
        _directory.Dispose();
    }

    private static string Script => Path.Combine(RepoPaths.Root, "build", "lib", "host.sh");

    private LabNode NewNode(string name)
    {
        Daemon holder = Daemon.Start(name, ["unshare", "--net", "--", "sleep", "infinity"], _directory.At($"{name}.log"));
        LabNode node = new(holder);
        _parts.Add(node);
        WaitUntilHeld(holder);
        node.Ip("link set lo up");
        return node;
    }

    private bool Has(LabFamilies family) => (_families & family) != 0;

    // What a place is told, it is told in one run of ip: starting programs is what most of a lab's time goes into.
    private void Connect(string name, int pid, NetnsShell place, string v4, string v6, string[]? more4 = null, string[]? more6 = null)
    {
        Underlay.IpBatch($"link add name {name} type veth peer name eth0 netns {pid}", $"link set dev {name} master underlay up");
        string[] ofIPv4 = Has(LabFamilies.IPv4) ? [$"address add {v4}/24 dev eth0", .. more4 ?? []] : [],
            ofIPv6 = Has(LabFamilies.IPv6) ? [$"address add {v6}/64 dev eth0 nodad", .. more6 ?? []] : [];
        place.IpBatch(["link set eth0 up", .. ofIPv4, .. ofIPv6]);
        place.WaitForCarrier("eth0");
        Underlay.WaitForCarrier(name);
    }

    /// <summary>The namespaces are ready when their holder has become `sleep`.</summary>
    private static void WaitUntilHeld(Daemon holder) =>
        Eventually.True(
            $"{holder.Name} holds its namespaces",
            () =>
                holder.HasExited
                    ? throw new CmdException($"{holder.Name} ended: {holder.Log}")
                    : File.ReadAllText($"/proc/{holder.Pid}/comm").Trim() == "sleep",
            onFailure: () => holder.Log
        );
}
