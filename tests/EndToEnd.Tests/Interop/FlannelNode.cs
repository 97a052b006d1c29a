using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Interop;

/// <summary>
/// A host with no program of ours: the device, the keys and the entries of flannel's vxlan backend made by hand with iproute2 and etcdctl,
/// word for word as flannel makes them, and containers of the reference bridge plugin behind it.
/// </summary>
internal sealed partial class FlannelNode
{
    /// <summary>The prefix that flannel uses unless it is told otherwise.</summary>
    internal const string Prefix = "/coreos.com/network";

    /// <summary>The device of VNI 1.</summary>
    internal const string Device = "flannel.1";

    private const string Mac = "c6:d2:32:6f:8f:44";

    private readonly EtcdServer _etcd;
    private readonly string _third;

    /// <summary>Makes the device of the subnet 10.5.THIRD.0/24.</summary>
    internal FlannelNode(LabHost host, EtcdServer etcd, int third)
    {
        (Host, _etcd, _third) = (host, etcd, $"10.5.{third}");
        MakeDevice(host);
        host.Ip($"address add {_third}.0/32 dev {Device}");
    }

    internal LabHost Host { get; }

    /// <summary>Its key, e.g. /coreos.com/network/subnets/10.5.52.0-24.</summary>
    internal string Key => $"{Prefix}/subnets/{_third}.0-24";

    /// <summary><c>flannel.1</c>, up, on a host; flannel binds it to the underlay's interface and leaves UDP checksums as they
    /// are.</summary>
    internal static void MakeDevice(LabHost host)
    {
        host.Ip($"link add {Device} address {Mac} mtu 1450 type vxlan id 1 local {host.Address} dev eth0 dstport 8472 nolearning");
        host.Ip($"link set {Device} up");
    }

    /// <summary>What flannel writes under its key: a vxlan host's <c>LeaseAttrs</c>.</summary>
    internal static string Value(string publicIP, string mac) =>
        $$$"""{"PublicIP":"{{{publicIP}}}","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"{{{mac}}}"}}""";

    /// <summary>Grants a lease of a day and writes the key with it; done once more, it is how flannel renews.</summary>
    internal void Publish() => _etcd.PutLeased(Key, Value(Host.Address, Mac));

    /// <summary>Makes the three entries of every other host in etcd, in flannel's order; a key or value that flannel could not read is an
    /// error.</summary>
    internal void Follow()
    {
        foreach ((string key, string value) in _etcd.List($"{Prefix}/subnets"))
        {
            if (key == Key)
            {
                continue;
            }

            Match name = SubnetKey().Match(key);
            name.Success.Should().BeTrue($"flannel reads {key}");
            JsonNode lease = JsonNode.Parse(value)!;
            string subnet = name.Groups[1].Value,
                publicIP = (string)lease["PublicIP"]!,
                mac = (string)lease["BackendData"]!["VtepMAC"]!;
            Host.Ip($"neighbour replace {subnet} lladdr {mac} dev {Device} nud permanent");
            Host.Bridge($"fdb replace {mac} dev {Device} dst {publicIP} self permanent");
            Host.Ip($"route replace {subnet}/{name.Groups[2].Value} via {subnet} dev {Device} onlink");
        }
    }

    /// <summary>A container as flannel's own CNI plugin has it made, by bridge and host-local: what kube-flannel's configuration delegates
    /// with a flanneld that masquerades itself (<c>--ip-masq</c>).</summary>
    internal LabContainer AddContainer(string name)
    {
        JsonObject conf = new()
        {
            ["cniVersion"] = "1.0.0",
            ["name"] = "cbr0",
            ["type"] = "bridge",
            ["hairpinMode"] = true,
            ["ipMasq"] = false,
            ["isDefaultGateway"] = true,
            ["isGateway"] = true,
            ["mtu"] = 1450,
            ["ipam"] = new JsonObject
            {
                ["type"] = "host-local",
                ["ranges"] = new JsonArray(new JsonArray(new JsonObject { ["subnet"] = $"{_third}.0/24" })),
                ["routes"] = new JsonArray(new JsonObject { ["dst"] = "10.5.0.0/16" }),
            },
        };
        LabContainer container = Host.NewContainer(name);
        container.Result = Host.Plugin("bridge", container).Add(conf.ToJsonString()).OrThrow().Stdout;
        return container;
    }

    [GeneratedRegex(@"(\d+\.\d+.\d+.\d+)-(\d+)(?:&([a-f\d:]+)-(\d+))?$")]
    private static partial Regex SubnetKey();
}
