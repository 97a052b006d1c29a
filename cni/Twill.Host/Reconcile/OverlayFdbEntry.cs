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

    /// <summary>As the log shows it.</summary>
    public override string ToString() => $"FDB entry {Mac} dst {Dst}";
}
