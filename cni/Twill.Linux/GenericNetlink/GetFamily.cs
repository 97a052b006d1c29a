using Twill.Linux.Netlink;

namespace Twill.Linux.GenericNetlink;

/// <summary><c>genl ctrl get name NAME</c>: asks for the number that the kernel gave a family. ENOENT when it has none of that
/// name.</summary>
/// <param name="Name">The family's name, e.g. "wireguard".</param>
public readonly record struct GetFamily(string Name) : INetlinkRequest
{
    private const ushort GENL_ID_CTRL = 0x10;
    private const byte Version = 1;

    /// <inheritdoc/>
    public static ushort Type => GENL_ID_CTRL;

    /// <inheritdoc/>
    public NetlinkFlags Flags => NetlinkFlags.None;

    /// <inheritdoc/>
    public string ToCommand(CommandNames names) => $"genl ctrl get name {CommandText.Quote(Name)}";

    /// <inheritdoc/>
    public void Write(ref NetlinkWriter w)
    {
        w.Header(new GenlMsgHdr((byte)CTRL_CMD.GETFAMILY, Version));
        w.Put(CTRL_ATTR.FAMILY_NAME, Name);
    }

    /// <summary>Reads the answer.</summary>
    /// <returns>Null for any other message.</returns>
    public static GenericFamily? Decode(in NetlinkMessage message)
    {
        if (message.Type != GENL_ID_CTRL)
        {
            return null;
        }

        NetlinkReader reader = message.Reader;
        reader.Header<GenlMsgHdr>();
        ushort number = 0;
        string name = "";
        while (reader.TryRead(out NetlinkAttribute a))
        {
            switch ((CTRL_ATTR)a.Type)
            {
                case CTRL_ATTR.FAMILY_ID:
                    number = a.U16();
                    break;
                case CTRL_ATTR.FAMILY_NAME:
                    name = a.Text();
                    break;
            }
        }
        return number == 0 ? null : new GenericFamily(number, name);
    }
}

/// <summary>A family of generic netlink.</summary>
/// <param name="Number">The type (nlmsg_type) of all its messages, until the next boot or load of its module.</param>
/// <param name="Name">Its name.</param>
public sealed record GenericFamily(ushort Number, string Name);
