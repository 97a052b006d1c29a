using System.Net;

namespace Twill.Cluster;

/// <summary>Every key that twill reads or writes in etcd. flannel's own keys are <c>config</c> and <c>subnets/</c>; twill's extras live
/// beside them under <c>twill/</c>, where flannel never looks.</summary>
/// <param name="prefix">One prefix per network, such as <c>/twill/twill</c> or flannel's <c>/coreos.com/network</c>.</param>
public sealed class Keys(string prefix)
{
    private const string ClaimsPart = "/claims/";

    /// <summary>The prefix without a slash at its end.</summary>
    public string Prefix { get; } = prefix.TrimEnd('/');

    /// <summary>flannel's network configuration.</summary>
    public string Config => $"{Prefix}/config";

    /// <summary>What the keys of all leased subnets start with.</summary>
    public string Subnets => $"{Prefix}/subnets/";

    /// <summary>What the memories of all nodes start with.</summary>
    public string Nodes => $"{Prefix}/twill/nodes/";

    /// <summary>What the keys of all names start with: the <c>path</c> of CoreDNS's plugin <c>etcd</c>, and a slash.</summary>
    public string Names => $"{Prefix}/twill/names/";

    /// <summary>The lease of a subnet, or of one of each family.</summary>
    public string Subnet(SubnetKey subnets) => Subnets + subnets;

    /// <summary>What the keys of all leases of this IPv4 subnet start with, whatever IPv6 one they have beside it.</summary>
    public string SubnetPrefix(IPNetwork subnet) => Subnets + new SubnetKey(subnet);

    /// <summary>What a node had last, kept without a time limit.</summary>
    public string Node(string nodeId) => Nodes + nodeId;

    /// <summary>What the claims to a node id start with.</summary>
    public string Claims(string nodeId) => Node(nodeId) + ClaimsPart;

    /// <summary>The claim of one incarnation of a host to a node id.</summary>
    public string Claim(string nodeId, string incarnation) => Claims(nodeId) + incarnation;

    /// <summary>Reads the key of a claim under <see cref="Nodes"/>; false for a node's memory.</summary>
    public bool TryParseClaim(string key, out string nodeId, out string incarnation)
    {
        int at = key.IndexOf(ClaimsPart, Math.Min(Nodes.Length, key.Length), StringComparison.Ordinal);
        (nodeId, incarnation) = at < 0 ? ("", "") : (key[Nodes.Length..at], key[(at + ClaimsPart.Length)..]);
        return at >= 0;
    }

    /// <summary>Reads a key under <see cref="Subnets"/>; false for anything else somebody put there.</summary>
    public bool TryParseSubnet(string key, out SubnetKey subnet)
    {
        subnet = default;
        return key.StartsWith(Subnets, StringComparison.Ordinal) && SubnetKey.TryParse(key.AsSpan(Subnets.Length), out subnet);
    }
}
