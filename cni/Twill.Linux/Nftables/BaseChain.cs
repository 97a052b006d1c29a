namespace Twill.Linux.Nftables;

/// <summary>What a base chain may do (NFTA_CHAIN_TYPE).</summary>
public enum ChainType
{
    /// <summary>Accept or drop.</summary>
    Filter,

    /// <summary>Translate addresses: sees the first packet of each connection.</summary>
    Nat,

    /// <summary>Route again when mark or addresses were changed on output.</summary>
    Route,

    /// <summary>Of another program, and of a kind that this library does not know: read, never written.</summary>
    Other,
}

/// <summary>Where a base chain is called: NF_INET_* of linux/netfilter.h, for families ip, ip6 and inet (bridge has the same
/// numbers).</summary>
public enum NftHook : uint
{
    /// <summary>On arrival, before routing.</summary>
    Prerouting = 0,

    /// <summary>To this host.</summary>
    Input = 1,

    /// <summary>Through this host.</summary>
    Forward = 2,

    /// <summary>From this host.</summary>
    Output = 3,

    /// <summary>On departure, after routing.</summary>
    Postrouting = 4,
}

/// <summary>What happens to packets that no rule of a base chain decided.</summary>
public enum ChainPolicy : uint
{
    /// <summary>NF_DROP.</summary>
    Drop = 0,

    /// <summary>NF_ACCEPT.</summary>
    Accept = 1,
}

/// <summary>NF_IP_PRI_* under the names of `nft`: smaller comes earlier.</summary>
public static class ChainPriority
{
    /// <summary>Before connection tracking.</summary>
    public const int Raw = -300;

    /// <summary>`mangle`.</summary>
    public const int Mangle = -150;

    /// <summary>Where destinations are translated.</summary>
    public const int Dstnat = -100;

    /// <summary>`filter`.</summary>
    public const int Filter = 0;

    /// <summary>Where sources are translated.</summary>
    public const int Srcnat = 100;
}

/// <summary>`{ type TYPE hook HOOK priority PRIORITY; policy POLICY; }`: what makes a chain one that the kernel calls.</summary>
/// <param name="Type">What it may do. <see cref="ChainType.Nat"/> wants priorities above -200.</param>
/// <param name="Hook">Where it is called.</param>
/// <param name="Priority">Its place among the chains of the hook; see <see cref="ChainPriority"/>.</param>
/// <param name="Policy">Null leaves it to the kernel: accept for a new chain, unchanged for one that exists.</param>
public sealed record BaseChain(ChainType Type, NftHook Hook, int Priority, ChainPolicy? Policy = null);
