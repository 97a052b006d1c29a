using Twill.Linux.Netlink;

namespace Twill.Linux.Nftables.Expressions;

/// <summary>enum nft_nat_types.</summary>
public enum NatType : uint
{
    /// <summary>The source address or port.</summary>
    Snat = 0,

    /// <summary>The destination address or port.</summary>
    Dnat = 1,
}

/// <summary>
/// NF_NAT_RANGE_* of linux/netfilter/nf_nat.h, as far as rules choose them: that an address or a port is given the kernel sees itself.
/// </summary>
[Flags]
public enum NatFlags : uint
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>`random`: the port is hashed from the connection.</summary>
    Random = 0x4,

    /// <summary>`persistent`: one client always gets the same address.</summary>
    Persistent = 0x8,

    /// <summary>`fully-random`: the port is random: no two connections race for the same one.</summary>
    FullyRandom = 0x10,
}

/// <summary>
/// `snat` and `dnat`: translates to the address and port in registers. In an `inet` table the rule must have made sure that the packet
/// is of <paramref name="Family"/>.
/// </summary>
/// <param name="Type">What is translated.</param>
/// <param name="Family">Family of the address: <see cref="NftFamily.Ip"/> or <see cref="NftFamily.Ip6"/>.</param>
/// <param name="Address">Register of the new address; null keeps it.</param>
/// <param name="Port">Register of the new port, network byte order; null keeps it.</param>
/// <param name="Flags">How ports and addresses are chosen.</param>
/// <param name="AddressMax">Register of the last address of a range.</param>
/// <param name="PortMax">Register of the last port of a range.</param>
public sealed record Nat(
    NatType Type,
    NftFamily Family,
    NftRegister? Address,
    NftRegister? Port = null,
    NatFlags Flags = NatFlags.None,
    NftRegister? AddressMax = null,
    NftRegister? PortMax = null
) : NftExpression
{
    /// <inheritdoc/>
    public override string Name => "nat";

    private protected override void WriteData(ref NetlinkWriter w)
    {
        w.PutBe32(NFTA_NAT.TYPE, (uint)Type);
        w.PutBe32(NFTA_NAT.FAMILY, (uint)Family);
        w.PutRegister(NFTA_NAT.REG_ADDR_MIN, Address);
        w.PutRegister(NFTA_NAT.REG_ADDR_MAX, AddressMax);
        w.PutRegister(NFTA_NAT.REG_PROTO_MIN, Port);
        w.PutRegister(NFTA_NAT.REG_PROTO_MAX, PortMax);
        if (Flags != NatFlags.None)
        {
            w.PutBe32(NFTA_NAT.FLAGS, (uint)Flags);
        }
    }
}
