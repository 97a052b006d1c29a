using System.Runtime.InteropServices;
using Twill.Linux.Netlink;
using Twill.Linux.Nftables.Expressions;

namespace Twill.Linux.Nftables;

/// <summary>The attributes that only nf_tables has: data, verdicts, registers, comments in user data.</summary>
internal static class NftWriter
{
    internal static void PutData<T>(this ref NetlinkWriter w, T attribute, NftData data)
        where T : unmanaged, Enum
    {
        Nest nest = w.Begin(attribute);
        w.Put(NFTA_DATA.VALUE, data.Span);
        w.End(nest);
    }

    internal static void PutVerdict<T>(this ref NetlinkWriter w, T attribute, Verdict verdict)
        where T : unmanaged, Enum
    {
        Nest nest = w.Begin(attribute);
        {
            Nest inner = w.Begin(NFTA_DATA.VERDICT);
            w.PutBe32(NFTA_VERDICT.CODE, (uint)verdict.Code);
            if (verdict.Chain is { } chain)
            {
                w.Put(NFTA_VERDICT.CHAIN, chain);
            }

            w.End(inner);
        }

        w.End(nest);
    }

    internal static void PutRegister<T>(this ref NetlinkWriter w, T attribute, NftRegister? register)
        where T : unmanaged, Enum
    {
        if (register is { } number)
        {
            w.PutBe32(attribute, (uint)number);
        }
    }

    /// <summary>User data of one entry, a comment: type, length (NUL included), text, NUL.</summary>
    internal static void PutComment<T>(this ref NetlinkWriter w, T attribute, UserdataType type, string? comment)
        where T : unmanaged, Enum
    {
        if (comment is not null)
        {
            Userdata userdata = new(stackalloc byte[Userdata.MaxCommentEntry]);
            userdata.Add(type, comment);
            w.Put(attribute, userdata.Written);
        }
    }

    /// <summary>Attributes as they were received, one behind the other, with their flag bits.</summary>
    internal static void PutAttributes(this ref NetlinkWriter w, ReadOnlySpan<byte> attributes)
    {
        while (attributes.Length >= NetlinkWriter.AttributeHeader)
        {
            int length = MemoryMarshal.Read<ushort>(attributes);
            w.Put((NFTA_EXPR)MemoryMarshal.Read<ushort>(attributes[2..]), attributes[NetlinkWriter.AttributeHeader..length]);
            attributes = attributes[Math.Min((length + 3) & ~3, attributes.Length)..];
        }
    }
}
