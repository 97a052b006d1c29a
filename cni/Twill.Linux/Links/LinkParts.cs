using Twill.Linux.Netlink;

namespace Twill.Linux.Links;

/// <summary>What requests that make links have in common.</summary>
internal static class LinkParts
{
    internal static CommandText NewCommand(string name, int index, MacAddress? mac, uint mtu, bool up) =>
        new CommandText("ip link add").Add(CommandText.Quote(name)).Add("index", index).Add("address", mac).Add("mtu", mtu).AddIf(up, "up");

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

    internal static void PutIfSet(ref NetlinkWriter w, IFLA_BR attribute, bool? value)
    {
        if (value is { } set)
        {
            w.Put(attribute, set);
        }
    }

    internal static void PutIfSet(ref NetlinkWriter w, IFLA_BRPORT attribute, bool? value)
    {
        if (value is { } set)
        {
            w.Put(attribute, set);
        }
    }

    internal static void PutIfSet(ref NetlinkWriter w, IFLA_VXLAN attribute, bool? value)
    {
        if (value is { } set)
        {
            w.Put(attribute, set);
        }
    }
}
