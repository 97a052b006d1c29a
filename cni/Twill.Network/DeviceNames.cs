using System.Net.Sockets;
using Twill.System;

namespace Twill.Network;

/// <summary>
/// The names of the kernel objects that twill makes. Each follows from what a runtime or the configuration gives, so that DEL, CHECK and
/// GC find an object again without a record of it.
/// </summary>
public static class DeviceNames
{
    /// <summary>What the host end of every container's veth pair starts with.</summary>
    public const string VethPrefix = "tw";

    /// <summary>What the device that queues what a container sends starts with.</summary>
    public const string IfbPrefix = "tb";

    private const string WaitingPrefix = "tp";

    /// <summary>Characters that follow a prefix of two: 64 bits, 5 in a character. With the prefix, IFNAMSIZ - 1 = 15.</summary>
    private const int HashCharacters = 13;

    /// <summary>
    /// The host end's name: <c>tw</c> and 64 hashed bits of container id and interface name, in the digits of base32hex
    /// (<c>0-9a-v</c>, RFC 4648 section 7).
    /// </summary>
    public static string Veth(string containerId, string ifName) => Hashed(VethPrefix, containerId, ifName);

    /// <summary>True for a name that <see cref="Veth"/> could have made.</summary>
    public static bool IsVeth(ReadOnlySpan<char> name) => IsHashed(VethPrefix, name);

    /// <summary>
    /// The name of the ifb that queues what the container sends, when that is limited: <c>tb</c> and the same 13 characters as in its
    /// host end's name.
    /// </summary>
    public static string Ifb(string containerId, string ifName) => Hashed(IfbPrefix, containerId, ifName);

    /// <summary>True for a name that <see cref="Ifb"/> could have made.</summary>
    public static bool IsIfb(ReadOnlySpan<char> name) => IsHashed(IfbPrefix, name);

    /// <summary>The name of the ifb that belongs to a host end.</summary>
    public static string IfbOfVeth(string veth) => IfbPrefix + veth[VethPrefix.Length..];

    /// <summary>The name of the host end that an ifb belongs to.</summary>
    public static string VethOfIfb(string ifb) => VethPrefix + ifb[IfbPrefix.Length..];

    /// <summary>
    /// The name of a container's end while it waits in the host's namespace for Docker to move it: <c>tp</c> and the same 13 characters as
    /// in its host end's name.
    /// </summary>
    public static string WaitingEnd(string containerId, string ifName) => Hashed(WaitingPrefix, containerId, ifName);

    /// <summary>
    /// The alias of a host end and of its ifb (<c>ip link</c> shows it), so that a person and GC can tell whose it is: network, container
    /// id and interface name, cut to the 255 bytes that the kernel keeps (IFALIASZ - 1).
    /// </summary>
    public static string VethAlias(string network, string containerId, string ifName)
    {
        string alias = $"{VethAliasStart(network)}{containerId} {ifName}";
        return alias.Length <= 255 ? alias : alias[..255];
    }

    /// <summary>What the alias of every host end of one network starts with.</summary>
    public static string VethAliasStart(string network) => $"twill {network} ";

    /// <summary>
    /// The VXLAN device of a network whose packets cross the underlay in IPv4, <c>twill.1</c> for VNI 1, or in IPv6, <c>twill-v6.1</c>: a
    /// device sends by one family. (<c>twill6.1000000</c> where the name would be longer than the kernel takes.)
    /// </summary>
    /// <param name="vni">VXLAN network identifier.</param>
    /// <param name="outer">The family of the packets on the underlay.</param>
    public static string VxlanDevice(int vni, AddressFamily outer = AddressFamily.InterNetwork) =>
        outer != AddressFamily.InterNetworkV6 ? $"twill.{vni}"
        : vni < 1_000_000 ? $"twill-v6.{vni}"
        : $"twill6.{vni}";

    /// <summary>The WireGuard device of a network, <c>twill-wg.51820</c> for that UDP port, which only one on a host can have: 14 of the 15
    /// bytes there are.</summary>
    public static string WireGuardDevice(int port) => $"twill-wg.{port}";

    /// <summary>True for a name that <see cref="WireGuardDevice"/> could have made.</summary>
    public static bool IsWireGuardDevice(string name) => name.StartsWith("twill-wg.", StringComparison.Ordinal);

    /// <summary>The nftables table of a network (family inet).</summary>
    public static string NftTable(string network) => $"twill-{network}";

    private static string Hashed(string prefix, string containerId, string ifName) =>
        string.Create(prefix.Length + HashCharacters, (prefix, hash: StableHash.Of(containerId, ifName)), static (name, from) =>
        {
            from.prefix.CopyTo(name);
            ulong hash = from.hash;
            for (int i = name.Length - 1; i >= from.prefix.Length; i--, hash >>= 5)
            {
                name[i] = "0123456789abcdefghijklmnopqrstuv"[(int)(hash & 31)];
            }
        });

    private static bool IsHashed(string prefix, ReadOnlySpan<char> name) =>
        name.Length == prefix.Length + HashCharacters
        && name.StartsWith(prefix)
        && !name[prefix.Length..].ContainsAnyExcept("0123456789abcdefghijklmnopqrstuv");
}
