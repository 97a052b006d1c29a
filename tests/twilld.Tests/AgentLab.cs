using System.Net;
using Twill.Testing;

namespace Twill.Agent.Tests;

/// <summary>
/// Hosts that are namespaces on one underlay 192.168.64.0/24, or fd00:64::/64, or both, an etcd at its .1, and on each host a twilld with
/// directories of its own.
/// </summary>
internal sealed class AgentLab : IDisposable
{
    internal const string Prefix = "/twill/pods";

    private readonly TempDir _dir = TempDir.Create();
    private readonly List<AgentHost> _hosts = [];

    internal AgentLab(LabFamilies families = LabFamilies.IPv4)
    {
        Families = families;
        Underlay = TestNetns.Create();
        Connect(Underlay, "under", 1, "link add name under type bridge mcast_snooping 0");
        string address = families.HasFlag(LabFamilies.IPv4) ? "192.168.64.1" : "fd00:64::1";
        Etcd = EtcdServer.Start(new EtcdServerOptions { Address = IPAddress.Parse(address), Prefix = Underlay.Enter });
    }

    internal LabFamilies Families { get; }

    internal TestNetns Underlay { get; }

    internal EtcdServer Etcd { get; }

    /// <summary>Adds a host with the next address, 192.168.64.2 first, configured for the network "pods" but without a running
    /// agent.</summary>
    internal AgentHost AddHost()
    {
        int number = _hosts.Count + 2;
        AgentHost host = new(this, number, Directory.CreateDirectory(_dir.At($"host{number}")).FullName);
        _hosts.Add(host);
        Underlay.IpBatch($"link add name v{number} type veth peer name eth0 netns {host.Ns.Name}", $"link set v{number} master under up");
        Connect(host.Ns, "eth0", number);
        host.Ns.WaitForCarrier("eth0");
        Underlay.WaitForCarrier($"v{number}");
        host.Configure("pods");
        return host;
    }

    // In one run of ip: starting programs is what most of a lab's time goes into.
    private void Connect(TestNetns place, string device, int number, params string[] before)
    {
        List<string> commands = [.. before, $"link set {device} up"];
        if (Families.HasFlag(LabFamilies.IPv4))
        {
            commands.Add($"address add 192.168.64.{number}/24 dev {device}");
        }

        if (Families.HasFlag(LabFamilies.IPv6))
        {
            commands.Add($"address add fd00:64::{number}/64 dev {device} nodad");
        }

        foreach (
            (LabFamilies family, string router) in ((LabFamilies, string)[])
                [(LabFamilies.IPv4, "192.168.64.1"), (LabFamilies.IPv6, "fd00:64::1")]
        )
        {
            if (number != 1 && Families.HasFlag(family))
            {
                commands.Add($"route add default via {router}");
            }
        }

        place.IpBatch(commands);
    }

    /// <summary>Adds a host and waits until its agent has leased a subnet.</summary>
    internal AgentHost StartHost(params string[] args)
    {
        AgentHost host = AddHost();
        host.Start(args);
        host.WaitForSubnet();
        return host;
    }

    /// <summary>What etcd holds of a subnet such as "10.244.7.0/24"; null when nothing.</summary>
    internal string? Lease(string subnet) => Etcd.Get($"{Prefix}/subnets/{subnet.Replace('/', '-')}");

    public void Dispose()
    {
        _hosts.ForEach(host => host.Dispose());
        Etcd.Dispose();
        Underlay.Dispose();
        _dir.Dispose();
    }
}
