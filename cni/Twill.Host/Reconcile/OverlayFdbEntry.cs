using System.Net;
using Twill.Linux;
using Twill.Linux.Neighbours;

namespace Twill.Host.Reconcile;

/// <summary>Behind which host a MAC address lives: `bridge fdb replace MAC dev twill.1 dst DST self permanent extern_learn`.</summary>
/// <param name="Device">Name of the overlay device.</param>
/// <param name="Mac">MAC address of the remote host's overlay device.</param>
/// <param name="Dst">The remote host's address on the underlay.</param>
public readonly record struct OverlayFdbEntry(string Device, MacAddress Mac, IPAddress Dst)
{
    /// <summary>
    /// The FDB keeps no protocol number, but a flag that says a program put the entry there (NTF_EXT_LEARNED, shown as "extern_learn"),
    /// which nobody else has a reason to set on our device: the mark by which we know our own.
    /// </summary>
    internal const NeighbourFlags Mark = NeighbourFlags.Self | NeighbourFlags.ExternallyLearned;

    /// <summary>UDP port, where it is another than the device's (`port`); 0: it is the device's, as it should be.</summary>
    public ushort Port { get; init; }

    /// <summary>VXLAN network identifier, where it is another than the device's (`vni`); null: it is the device's.</summary>
    public uint? Vni { get; init; }

    /// <summary>Interface index that outer packets must leave by (`via`); 0: the routes decide.</summary>
    public int ViaIndex { get; init; }

    /// <summary>The nexthop object in the place of a host (`nhid`), which no replacement overwrites; 0 for none.</summary>
    public uint NexthopId { get; init; }

    /// <summary>Whether it says nothing but the host, as every entry of ours does.</summary>
    public bool IsPlain => Port == 0 && Vni is null && ViaIndex == 0 && NexthopId == 0;

    /// <summary>The entry as the kernel describes it; null for one without a MAC address.</summary>
    /// <param name="device">Name of the overlay device.</param>
    /// <param name="found">The kernel's description.</param>
    public static OverlayFdbEntry? Of(string device, Neighbour found) =>
        found.Mac is not { } mac
            ? null
            : new OverlayFdbEntry(device, mac, found.Address ?? IPAddress.Any)
            {
                Port = found.Port,
                Vni = found.Vni,
                ViaIndex = found.ViaIndex,
                NexthopId = found.NexthopId,
            };

    /// <summary>As the log shows it.</summary>
    public override string ToString() =>
        $"FDB entry {Mac} dst {Dst}{(Port == 0 ? "" : $" port {Port}")}{(Vni is { } vni ? $" vni {vni}" : "")}"
        + $"{(ViaIndex == 0 ? "" : $" via #{ViaIndex}")}{(NexthopId == 0 ? "" : $" nhid {NexthopId}")}";
}
