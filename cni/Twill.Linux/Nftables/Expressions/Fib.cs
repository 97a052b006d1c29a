using Twill.Linux.Netlink;

namespace Twill.Linux.Nftables.Expressions;

/// <summary>enum nft_fib_result: what a route lookup is asked for.</summary>
public enum FibResult : uint
{
    /// <summary>Index of the outgoing interface, 4 bytes, host byte order.</summary>
    Oif = 1,

    /// <summary>Name of the outgoing interface, 16 bytes.</summary>
    OifName = 2,

    /// <summary>Type of the address (RTN_UNICAST 1, RTN_LOCAL 2, ..), 4 bytes, host byte order.</summary>
    AddrType = 3,
}

/// <summary>enum nft_fib_flags: what of the packet the lookup is made with.</summary>
[Flags]
public enum FibFlags : uint
{
    /// <summary>The source address.</summary>
    Saddr = 0x1,

    /// <summary>The destination address.</summary>
    Daddr = 0x2,

    /// <summary>The packet mark.</summary>
    Mark = 0x4,

    /// <summary>The interface it came in by.</summary>
    Iif = 0x8,

    /// <summary>The interface it leaves by.</summary>
    Oif = 0x10,

    /// <summary>Only whether there is a route: 1 byte.</summary>
    Present = 0x20,
}

/// <summary>`[ fib FLAGS RESULT => reg ]`: asks the routing table about the packet.</summary>
public sealed record Fib(FibResult Result, FibFlags Flags, NftRegister Dreg = NftRegister.Reg1) : NftExpression
{
    /// <inheritdoc/>
    public override string Name => "fib";

    private protected override void WriteData(ref NetlinkWriter w)
    {
        w.PutBe32(NFTA_FIB.FLAGS, (uint)Flags);
        w.PutBe32(NFTA_FIB.RESULT, (uint)Result);
        w.PutBe32(NFTA_FIB.DREG, (uint)Dreg);
    }
}
