using Twill.Linux.Netlink;

namespace Twill.Linux.Links;

/// <summary>What requests that make links have in common.</summary>
internal static class LinkParts
{
    internal static CommandText NewCommand(string name, int index, MacAddress? mac, uint mtu, bool up) =>
        new CommandText("ip link add").Add(CommandText.Quote(name)).Add("index", index).Add("address", mac).Add("mtu", mtu).AddIf(up, "up");

    /// <summary>The header of a link to be made, and the attributes that every kind has.</summary>
    internal static void PutNew(ref NetlinkWriter w, int index, bool up, MacAddress? mac, uint mtu, int master)
    {
        IfInfoMsg header = new() { Index = index };
        if (up)
        {
            header.SetUp(true);
        }

        w.Header(in header);
        Put(ref w, mac, mtu, master);
    }

    internal static void Put(ref NetlinkWriter w, MacAddress? mac, uint mtu, int master)
    {
        if (mac is { } address)
        {
            w.Put(IFLA.ADDRESS, address);
        }

        if (mtu != 0)
        {
            w.Put(IFLA.MTU, mtu);
        }

        if (master != 0)
        {
            w.Put(IFLA.MASTER, master);
        }
    }

    internal static void PutIfSet<T>(ref NetlinkWriter w, T attribute, bool? value)
        where T : unmanaged, Enum
    {
        if (value is { } set)
        {
            w.Put(attribute, set);
        }
    }
}
