using System.Runtime.CompilerServices;
using Twill.Linux.Netlink;

namespace Twill.Linux.Nftables.Expressions;

/// <summary>The attributes inside NFTA_EXPR_DATA, by number. Expressions have a handful: each is looked for where they are.</summary>
internal readonly ref struct ExpressionData(NetlinkReader attributes)
{
    private readonly NetlinkReader _attributes = attributes;

    internal bool Has<T>(T number)
        where T : unmanaged, Enum => TryFind(number, out _);

    internal byte U8<T>(T number)
        where T : unmanaged, Enum => TryFind(number, out NetlinkAttribute found) ? found.U8() : (byte)0;

    internal uint U32<T>(T number)
        where T : unmanaged, Enum => TryFind(number, out NetlinkAttribute found) ? found.Be32() : 0;

    internal ulong U64<T>(T number)
        where T : unmanaged, Enum => TryFind(number, out NetlinkAttribute found) ? found.Be64() : 0;

    internal string Text<T>(T number)
        where T : unmanaged, Enum => TryFind(number, out NetlinkAttribute found) ? found.Text() : "";

    internal NftRegister? Register<T>(T number)
        where T : unmanaged, Enum => TryFind(number, out NetlinkAttribute found) ? (NftRegister)found.Be32() : null;

    internal NftData Data<T>(T number)
        where T : unmanaged, Enum => TryFind(number, out NetlinkAttribute found) ? DataDecoder.Value(found.Nested) : default;

    internal Verdict? Verdict<T>(T number)
        where T : unmanaged, Enum
    {
        if (!TryFind(number, out NetlinkAttribute found))
        {
            return null;
        }

        DataDecoder.Decode(found.Nested, out _, out Verdict? verdict);
        return verdict;
    }

    private bool TryFind<T>(T number, out NetlinkAttribute found)
        where T : unmanaged, Enum
    {
        ushort type = Unsafe.BitCast<T, ushort>(number);
        NetlinkReader reader = _attributes;
        while (reader.TryRead(out found))
        {
            if (found.Type == type)
            {
                return true;
            }
        }

        return false;
    }
}
