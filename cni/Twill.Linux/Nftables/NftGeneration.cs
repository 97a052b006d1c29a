using Twill.Linux.Netlink;

namespace Twill.Linux.Nftables;

/// <summary>NFT_MSG_GETGEN: asks for the number of the current generation of rules.</summary>
internal readonly record struct GetGeneration : INetlinkRequest
{
    public static ushort Type => (ushort)NFT_MSG.GETGEN;

    public NetlinkFlags Flags => NetlinkFlags.None;

    public string ToCommand(CommandNames names) => "# nftables: which generation of the ruleset?";

    public void Write(ref NetlinkWriter w) => w.Header(new NfGenMsg((NftFamily)0));
}

/// <summary>The answer to it.</summary>
internal sealed record NftGeneration(uint Id)
{
    internal static NftGeneration? Decode(in NetlinkMessage message)
    {
        if (message.Type != (ushort)NFT_MSG.NEWGEN)
        {
            return null;
        }

        NetlinkReader reader = message.Reader;
        reader.Header<NfGenMsg>();
        while (reader.TryRead(out NetlinkAttribute attribute))
        {
            if (attribute.Type == (ushort)NFTA_GEN.ID)
            {
                return new NftGeneration(attribute.Be32());
            }
        }

        return null;
    }
}
