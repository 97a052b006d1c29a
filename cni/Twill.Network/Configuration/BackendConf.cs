using System.Net.Sockets;
using System.Text.Json;
using Twill.Cni;
using Twill.Network.State;

namespace Twill.Network.Configuration;

/// <summary>
/// A backend: how packets get from host to host. A class derived from this and a line in the table of backends (Twill.Host,
/// <c>BackendTable</c>) are all that a backend consists of. The instance in the table has the defaults; what is configured is a copy of it.
/// </summary>
public abstract record BackendConf
{
    /// <summary>The name in the configuration, in <c>node.json</c> and in leases.</summary>
    public abstract string Type { get; }

    /// <inheritdoc/>
    public sealed override string ToString() => Type;

    /// <summary>Name, glob or prefix that picks the underlay; null: the interface of the default route.</summary>
    public string? Interface { get; init; }

    /// <summary>Whether it joins several hosts: they need an underlay, and an agent each.</summary>
    public virtual bool JoinsHosts => true;

    /// <summary>The keys of the section <c>backend</c> that it has a use for, beside <c>type</c>.</summary>
    public virtual IReadOnlyList<string> Keys => [];

    /// <summary>The names of its devices; empty when it has none.</summary>
    public virtual IReadOnlyList<string> DeviceNames => [];

    /// <summary>Whether packets to other hosts go through a device of its own.</summary>
    public bool HasDevice => DeviceNames.Count > 0;

    /// <summary>The only device that packets to other hosts may take, because they must not go in clear; null: they may.</summary>
    public virtual string? TunnelName => null;

    /// <summary>Where packets of its tunnels arrive; null: it has none.</summary>
    public virtual TunnelPort? TunnelPort => null;

    /// <summary>The setting that no two networks of a host can share, as <c>backend.KEY: VALUE</c>; null: there is none.</summary>
    public virtual string? ExclusiveSetting => null;

    /// <summary>Bytes that it takes from the underlay's MTU.</summary>
    /// <param name="underlay">the family of the addresses that hosts reach each other by</param>
    public abstract int Overhead(AddressFamily underlay);

    /// <summary>The name of its device that sends over a family of the underlay; null when it has none.</summary>
    /// <param name="outer">the family of the packets on the underlay</param>
    public virtual string? DeviceNameOver(AddressFamily outer) => null;

    /// <summary>Reads its own keys; those of other backends have been refused before.</summary>
    /// <param name="section">the section <c>backend</c></param>
    /// <returns>this backend as it is configured</returns>
    public virtual BackendConf Read(ConfigReader section) => this;

    /// <summary>Adds to <c>node.json</c> what other hosts need to know of this one.</summary>
    /// <param name="node">name, addresses and MTU</param>
    /// <param name="keys">what identifies this host</param>
    public virtual NodeFile Describe(NodeFile node, NodeKeys keys) => node;

    /// <summary>Whether <c>node.json</c> was written for this backend as it is configured.</summary>
    public virtual bool IsIn(NodeFile node) => node.BackendType == Type;

    /// <summary><see cref="TunnelName"/> of the backend that <c>node.json</c> was written for.</summary>
    public virtual string? TunnelNameIn(NodeFile node) => null;

    /// <summary><see cref="TunnelPort"/> of the backend that <c>node.json</c> was written for.</summary>
    public virtual TunnelPort? TunnelPortIn(NodeFile node) => null;

    /// <summary>Writes what all hosts of a network must agree on: members of flannel's Backend object, behind Type.</summary>
    /// <param name="w">within the object</param>
    public virtual void WriteClusterSettings(Utf8JsonWriter w) { }

    /// <summary>Whether its leases carry data: flannel's BackendData.</summary>
    public virtual bool HasLeaseData => false;

    /// <summary>Writes the members of the lease's BackendData, in flannel's order and spelling.</summary>
    /// <param name="w">within an object</param>
    /// <param name="node">this host</param>
    /// <param name="outer">the family of the underlay that the data are for</param>
    public virtual void WriteLeaseData(Utf8JsonWriter w, NodeFile node, AddressFamily outer) { }

    /// <summary>What <c>twill status</c> tells of it besides its name.</summary>
    /// <param name="node">this host; null while that is not known</param>
    public virtual IReadOnlyList<StatusField> Status(NodeFile? node) => [];
}

/// <summary>Where packets of a network's tunnels arrive.</summary>
/// <param name="Port">the UDP port</param>
/// <param name="Vni">the VXLAN network identifier; null where each packet proves who sent it</param>
public readonly record struct TunnelPort(ushort Port, uint? Vni);

/// <summary>What identifies this host to others; made at the first question and kept on disk.</summary>
/// <param name="VtepMac">tells the hardware address of the device that sends over a family of the underlay</param>
/// <param name="WireGuardKey">tells the WireGuard public key in base64</param>
public sealed record NodeKeys(Func<AddressFamily, string> VtepMac, Func<string> WireGuardKey);

/// <summary>A line of <c>twill status</c>, or a part of one.</summary>
/// <param name="Key">the member of the JSON document</param>
/// <param name="Value">its value, a number or a text</param>
/// <param name="Text">for people; empty: nothing</param>
public sealed record StatusField(string Key, object Value, string Text);
