namespace Twill.Cluster;

/// <summary>What tells this host from another one with the same node id, and this network from the host's others.</summary>
/// <param name="Incarnation">Random, made anew at each boot and never part of a disk image: a copy of the disk has another.</param>
/// <param name="Network">The network's name.</param>
/// <param name="IsHeldHere">Whether this host holds, in this boot, a lease in its network of that name.</param>
/// <param name="Remedy">For a person: the commands that give a copied host an identity of its own.</param>
public sealed record HostInstance(string Incarnation, string Network, Func<string, bool> IsHeldHere, string Remedy)
{
    /// <summary>Whether an address is one of this host's: it may have published another of them before.</summary>
    public Func<string, bool> IsLocal { get; init; } = static _ => false;

    /// <summary>Makes the host's incarnation anew, given the one that is no more its own, and returns the new one.</summary>
    public required Func<string, string> Renew { get; init; }

    /// <summary>The same host, when a running copy of it has the incarnation as well.</summary>
    public HostInstance Anew() => this with { Incarnation = Renew(Incarnation) };
}

/// <summary>A host's claim to a node id: <c>{"publicIP":"192.0.2.9"}</c> at <c>nodes/&lt;id&gt;/claims/&lt;incarnation&gt;</c>, under an
/// etcd lease of its own. Two of them for one id are two hosts.</summary>
/// <param name="Incarnation">Whose claim it is.</param>
/// <param name="PublicIP">Its address; empty when it cannot be read.</param>
/// <param name="Lease">The etcd lease by which it lives.</param>
internal sealed record NodeClaim(string Incarnation, string PublicIP, long Lease)
{
    /// <summary>Reads a claim: whatever its value, it is one.</summary>
    public static NodeClaim Parse(string incarnation, KeyValue kv) => new(incarnation, NodeMemory.Parse(kv).PublicIP, kv.Lease);

    public static byte[] Write(string publicIP) => FlannelJson.Object(w => w.WriteString("publicIP", publicIP));
}
