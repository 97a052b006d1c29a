namespace Twill.Linux.Nftables.Expressions;

/// <summary>enum nft_registers: the verdict, four registers of 16 bytes, or the same 64 bytes as sixteen registers of 4 bytes
/// (8 to 23). A concatenation lies in consecutive small registers.</summary>
public enum NftRegister : uint
{
    /// <summary>The verdict register.</summary>
    Verdict = 0,

    /// <summary>Bytes 0 to 15.</summary>
    Reg1 = 1,

    /// <summary>Bytes 16 to 31.</summary>
    Reg2 = 2,

    /// <summary>Bytes 32 to 47.</summary>
    Reg3 = 3,

    /// <summary>Bytes 48 to 63.</summary>
    Reg4 = 4,

    /// <summary>Bytes 0 to 3: where <see cref="Reg1"/> begins.</summary>
    Reg32_00 = 8,

    /// <summary>Bytes 4 to 7.</summary>
    Reg32_01 = 9,

    /// <summary>Bytes 8 to 11.</summary>
    Reg32_02 = 10,

    /// <summary>Bytes 12 to 15.</summary>
    Reg32_03 = 11,
}
