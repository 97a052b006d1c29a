using System.Runtime.InteropServices;
using Twill.Linux.Netlink;

namespace Twill.Linux.Nftables;

/// <summary>Says what a message asks for, from its bytes: costs nothing unless something fails.</summary>
internal static class MessageNames
{
    /// <summary>`new rule inet twill-a forward`. The bytes are our own; they may be followed by other messages.</summary>
    internal static string Describe(ReadOnlySpan<byte> messages)
    {
        NetlinkMessages one = new(messages[..Math.Min(messages.Length, (int)MemoryMarshal.Read<uint>(messages))]);
        if (!one.TryRead(out NetlinkMessage message))
        {
            return "nftables request";
        }

        NetlinkReader reader = message.Reader;
        var family = (NftFamily)reader.Header<NfGenMsg>().Family;
        (string what, ushort nameAttribute) = (NFT_MSG)message.Type switch
        {
            NFT_MSG.NEWTABLE => ("new table", (ushort)0),
            NFT_MSG.GETTABLE => ("get table", (ushort)0),
            NFT_MSG.DELTABLE => ("delete table", (ushort)0),
            NFT_MSG.NEWCHAIN => ("new chain", (ushort)NFTA_CHAIN.NAME),
            NFT_MSG.GETCHAIN => ("list chains", (ushort)0),
            NFT_MSG.DELCHAIN => ("delete chain", (ushort)NFTA_CHAIN.NAME),
            NFT_MSG.NEWRULE => ("new rule", (ushort)NFTA_RULE.CHAIN),
            NFT_MSG.GETRULE => ("list rules", (ushort)NFTA_RULE.CHAIN),
            NFT_MSG.DELRULE => ("delete rule", (ushort)NFTA_RULE.CHAIN),
            NFT_MSG.NEWSET => ("new set", (ushort)NFTA_SET.NAME),
            NFT_MSG.GETSET => ("get set", (ushort)NFTA_SET.NAME),
            NFT_MSG.DELSET => ("delete set", (ushort)NFTA_SET.NAME),
            NFT_MSG.NEWSETELEM => ("new element", (ushort)NFTA_SET_ELEM_LIST.SET),
            NFT_MSG.GETSETELEM => ("list elements", (ushort)NFTA_SET_ELEM_LIST.SET),
            NFT_MSG.DELSETELEM => ("delete element", (ushort)NFTA_SET_ELEM_LIST.SET),
            NFT_MSG.DESTROYSETELEM => ("destroy element", (ushort)NFTA_SET_ELEM_LIST.SET),
            NFT_MSG.GETGEN => ("get generation", (ushort)0),
            _ => ($"nftables message 0x{message.Type:x4}", (ushort)0),
        };

        // The table is attribute 1 of every message that has one.
        string table = "",
            name = "";
        while (reader.TryRead(out NetlinkAttribute attribute))
        {
            if (attribute.Type == (ushort)NFTA_CHAIN.TABLE)
            {
                table = attribute.Text();
            }
            else if (nameAttribute != 0 && attribute.Type == nameAttribute)
            {
                name = attribute.Text();
            }
        }

        return table.Length == 0 ? what : $"{what} {new TableId(family, table)} {name}".TrimEnd();
    }
}
