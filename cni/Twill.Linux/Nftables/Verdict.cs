namespace Twill.Linux.Nftables;

/// <summary>What happens to a packet: NF_DROP, NF_ACCEPT of linux/netfilter.h and enum nft_verdicts.</summary>
public enum VerdictCode
{
    /// <summary>The packet is dropped.</summary>
    Drop = 0,

    /// <summary>The packet passes this hook; chains of later priority still see it.</summary>
    Accept = 1,

    /// <summary>On to the next rule.</summary>
    Continue = -1,

    /// <summary>No more expressions of this rule.</summary>
    Break = -2,

    /// <summary>To another chain and back.</summary>
    Jump = -3,

    /// <summary>To another chain, not back to this one.</summary>
    Goto = -4,

    /// <summary>Back to the chain that jumped here; in a base chain: its policy.</summary>
    Return = -5,
}

/// <summary>A verdict, with the chain that a jump or goto names.</summary>
public readonly record struct Verdict(VerdictCode Code, string? Chain = null)
{
    /// <summary>`accept`.</summary>
    public static Verdict Accept => new(VerdictCode.Accept);

    /// <summary>`drop`.</summary>
    public static Verdict Drop => new(VerdictCode.Drop);

    /// <summary>`return`.</summary>
    public static Verdict Return => new(VerdictCode.Return);

    /// <summary>`jump CHAIN`.</summary>
    public static Verdict Jump(string chain) => new(VerdictCode.Jump, chain);

    /// <summary>`goto CHAIN`.</summary>
    public static Verdict Goto(string chain) => new(VerdictCode.Goto, chain);

    /// <summary>As `nft` writes it: `accept`, `jump ports`.</summary>
    public override string ToString() =>
        Chain is null ? Code.ToString().ToLowerInvariant() : $"{Code.ToString().ToLowerInvariant()} {Chain}";
}
