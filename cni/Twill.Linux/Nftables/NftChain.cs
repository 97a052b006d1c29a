using Twill.Linux.Netlink;

namespace Twill.Linux.Nftables;

/// <summary>A chain as the kernel has it.</summary>
/// <param name="Table">Its table.</param>
/// <param name="Name">Its name.</param>
public sealed record NftChain(TableId Table, string Name)
{
    /// <summary>Where the kernel calls it; null for a chain that only rules call.</summary>
    public BaseChain? Base { get; init; }

    /// <summary>The comment that it was made with.</summary>
    public string? Comment { get; init; }

    /// <summary>The kernel's number for it within its table.</summary>
    public ulong Handle { get; init; }

    /// <summary>How many rules it has, and how many refer to it (NFTA_CHAIN_USE).</summary>
    public uint Use { get; init; }

    internal static NftChain? Decode(in NetlinkMessage message)
    {
        if (message.Type != (ushort)NFT_MSG.NEWCHAIN)
        {
            return null;
        }

        NetlinkReader reader = message.Reader;
        var family = (NftFamily)reader.Header<NfGenMsg>().Family;
        NftChain chain = new(new TableId(family, ""), "");
        string type = "";
        (uint Number, int Priority)? hook = null;
        ChainPolicy policy = ChainPolicy.Accept;
        while (reader.TryRead(out NetlinkAttribute attribute))
        {
            switch ((NFTA_CHAIN)attribute.Type)
            {
                case NFTA_CHAIN.TABLE:
                    chain = chain with { Table = new TableId(family, attribute.Text()) };
                    break;
                case NFTA_CHAIN.NAME:
                    chain = chain with { Name = attribute.Text() };
                    break;
                case NFTA_CHAIN.HANDLE:
                    chain = chain with { Handle = attribute.Be64() };
                    break;
                case NFTA_CHAIN.USE:
                    chain = chain with { Use = attribute.Be32() };
                    break;
                case NFTA_CHAIN.TYPE:
                    type = attribute.Text();
                    break;
                case NFTA_CHAIN.POLICY:
                    policy = (ChainPolicy)attribute.Be32();
                    break;
                case NFTA_CHAIN.HOOK:
                    hook = DecodeHook(attribute.Nested);
                    break;
                case NFTA_CHAIN.USERDATA:
                    chain = chain with { Comment = Userdata.Comment(attribute.Value, UserdataType.Comment) };
                    break;
            }
        }

        return hook is { } at ? chain with { Base = new BaseChain(TypeOf(type), (NftHook)at.Number, at.Priority, policy) } : chain;
    }

    private static ChainType TypeOf(string name) =>
        name switch
        {
            "nat" => ChainType.Nat,
            "route" => ChainType.Route,
            "filter" => ChainType.Filter,
            _ => ChainType.Other,
        };

    private static (uint Number, int Priority) DecodeHook(NetlinkReader reader)
    {
        (uint Number, int Priority) hook = default;
        while (reader.TryRead(out NetlinkAttribute attribute))
        {
            switch ((NFTA_HOOK)attribute.Type)
            {
                case NFTA_HOOK.HOOKNUM:
                    hook.Number = attribute.Be32();
                    break;
                case NFTA_HOOK.PRIORITY:
                    hook.Priority = (int)attribute.Be32();
                    break;
            }
        }

        return hook;
    }
}
