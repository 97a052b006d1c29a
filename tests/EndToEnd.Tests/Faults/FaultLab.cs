using System.Text.Json.Nodes;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Faults;

/// <summary>Two hosts with an agent and a container each, over an etcd of several members that can be made to fail.</summary>
public sealed class FaultLab : IDisposable
{
    private const string Probe = "10.244.250.0/24";

    private int _hosts;

    public FaultLab()
        : this(3) { }

    internal FaultLab(int members)
    {
        if (!Environment.IsPrivilegedProcess)
        {
            return;
        }

        Lab = Lab.Create();
        try
        {
            Etcd = Lab.StartEtcdCluster(members);
            A = NewHost();
            A.StartAgent();
            B = NewHost();
            B.StartAgent();
            From = A.AddContainer("from");
            To = B.AddContainer("to");
            Eventually.True(
                "the containers reach each other",
                () => From.CanPing(To.Address),
                TimeSpan.FromSeconds(30),
                () => A.Agent!.Log
            );
        }
        catch
        {
            Lab.Dispose();
            throw;
        }
    }

    internal Lab Lab { get; } = null!;

    internal EtcdCluster Etcd { get; } = null!;

    internal LabHost A { get; } = null!;

    internal LabHost B { get; } = null!;

    internal LabContainer From { get; } = null!;

    internal LabContainer To { get; } = null!;

    /// <summary>One more host, without an agent.</summary>
    internal LabHost NewHost(params string[] endpoints)
    {
        LabHost host = Lab.AddHost($"host{_hosts++}");
        JsonObject conf = SampleConf.Cluster("");
        conf.Ipam()["etcd"]!["endpoints"] = new JsonArray([
            .. (endpoints.Length > 0 ? endpoints : Etcd.Endpoints).Select(e => JsonValue.Create(e)),
        ]);
        conf.Ipam()["leaseTtl"] = 30;
        host.Configure(conf);
        return host;
    }

    /// <summary>The answer to the first ADD of a host that has no subnet yet; asked again, to another try of the same.</summary>
    internal CniAnswer FirstAdd(LabHost host)
    {
        JsonObject conf = JsonNode.Parse(File.ReadAllText(host.At("/etc/cni/net.d/10-twill.conflist")))!.AsObject();
        LabContainer first = host.Container("first");
        if (!File.Exists(host.At(first.NetnsPath)))
        {
            host.NewContainer(first.Name);
        }

        return host.Plugin("twill", first).Add(conf.ForPlugin().ToJsonString());
    }

    /// <summary>An ADD and a DEL on a host that has a subnet.</summary>
    internal static void AddAndRemove(LabHost host)
    {
        LabContainer container = host.AddContainer("passing");
        host.Cnitool("del", "twill", container).OrThrow();
        container.Remove();
    }

    /// <summary>Leases a subnet for a host that is not there.</summary>
    internal void Announce(string subnet = Probe, string host = "192.168.50.77") =>
        Etcd.Etcdctl(
            "put",
            KeyOf(subnet),
            $$$"""{"PublicIP":"{{{host}}}","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"02:00:00:00:00:77"}}"""
        );

    /// <summary>Waits until both agents have heard of <see cref="Announce"/>, then takes it back and waits again.</summary>
    internal void WaitUntilHeard(string subnet = Probe)
    {
        void Until(bool there) =>
            Eventually.True(
                $"{subnet} is {(there ? "a route" : "no route any more")} on both hosts",
                () => Cluster.RoutesOf(A).Contains(subnet) == there && Cluster.RoutesOf(B).Contains(subnet) == there,
                TimeSpan.FromSeconds(40),
                () => A.Agent!.Log + B.Agent!.Log
            );

        Until(true);
        Etcd.Etcdctl("del", KeyOf(subnet));
        Until(false);
    }

    /// <summary>The value of a subnet's key in etcd; empty without one.</summary>
    internal string LeaseOf(string subnet) => Etcd.Etcdctl("get", "--print-value-only", KeyOf(subnet)).Trim();

    public void Dispose() => Lab?.Dispose();

    private static string KeyOf(string subnet) => Cluster.Subnets + subnet.Replace('/', '-');
}
