using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Twill.Linux.Nftables;

/// <summary>The fixed header of every nfnetlink message: struct nfgenmsg of linux/netfilter/nfnetlink.h.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly struct NfGenMsg
{
    /// <summary>NFNL_SUBSYS_NFTABLES: the resource that a batch is for.</summary>
    internal const ushort SubsysNftables = 10;

    public readonly byte Family; // __u8 nfgen_family
    public readonly byte Version; // __u8 version: NFNETLINK_V0
    public readonly ushort ResourceId; // __be16 res_id

    internal NfGenMsg(NftFamily family) => Family = (byte)family;

    internal NfGenMsg(ushort resourceId) =>
        ResourceId = BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(resourceId) : resourceId;
}
