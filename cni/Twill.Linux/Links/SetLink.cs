using System.Runtime.InteropServices;
using System.Text;
using Twill.Linux.Netlink;

namespace Twill.Linux.Links;

/// <summary><c>ip link set dev LINK [up|down] [promisc on|off] [address MAC] [mtu MTU] [master BRIDGE|nomaster] [group GROUP]
/// [alias TEXT] [name NAME] [netns FD]</c>: what is left null stays.</summary>
/// <param name="Link">Which link.</param>
public readonly record struct SetLink(LinkRef Link) : INetlinkRequest
{
    /// <inheritdoc/>
    public static ushort Type => RTM.NEWLINK;

    /// <inheritdoc/>
    public NetlinkFlags Flags => NetlinkFlags.None;

    /// <summary>Up or down.</summary>
    public bool? Up { get; init; }

    /// <summary>Whether it takes all frames, whomever they are for.</summary>
    public bool? Promiscuous { get; init; }

    /// <summary>Hardware address.</summary>
    public MacAddress? Mac { get; init; }

    /// <summary>MTU in bytes.</summary>
    public uint? Mtu { get; init; }

    /// <summary>Interface index of the bridge to be put on; 0 takes it off.</summary>
    public int? Master { get; init; }

    /// <summary>Group number.</summary>
    public uint? Group { get; init; }

    /// <summary>A text for people, shown by <c>ip link</c>; empty removes it.</summary>
    public string? Alias { get; init; }

    /// <summary>The new name. The link must be given by its index, and be down on kernels before 6.2.</summary>
    public string? Name { get; init; }

    /// <summary>The network namespace to move to. Must stay open until the request was sent.</summary>
    public SafeHandle? Netns { get; init; }

    /// <inheritdoc/>
    public string ToCommand(CommandNames names) =>
        new CommandText("ip link set")
            .Add("dev", Link.NameIn(names))
            .AddIf(Up is not null, Up == true ? "up" : "down")
            .AddSwitch("promisc", Promiscuous)
            .Add("address", Mac)
            .Add("mtu", Mtu)
            .AddIf(Master == 0, "nomaster")
            .Add("master", names.LinkOrNull(Master ?? 0))
            .Add("group", Group)
            .Add("alias", Alias)
            .Add("netns", Netns is null ? null : names.Netns(Netns))
            .Add("name", Name)
            .ToString();

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">A link given by its name is to be renamed.</exception>
    public void Write(ref NetlinkWriter w)
    {
        if (Name is not null && Link.Name is not null)
        {
            throw new ArgumentException($"Link {Link} is to become {Name}: a link is renamed by its index, not by its name.");
        }

        IfInfoMsg header = new() { Index = Link.Index };
        if (Up is { } up)
        {
            header.SetUp(up);
        }

        if (Promiscuous is { } promiscuous)
        {
            header.Set(IFF.PROMISC, promiscuous);
        }

        w.Header(in header);
        if (Mac is { } mac)
        {
            w.Put(IFLA.ADDRESS, mac);
        }

        if (Mtu is { } mtu)
        {
            w.Put(IFLA.MTU, mtu);
        }

        if (Master is { } master)
        {
            w.Put(IFLA.MASTER, master);
        }

        if (Group is { } group)
        {
            w.Put(IFLA.GROUP, group);
        }

        if (Alias is not null)
        {
            PutAlias(ref w, Alias);
        }

        if (Netns is not null)
        {
            w.Put(IFLA.NET_NS_FD, Netns);
        }

        Link.PutName(ref w);
        if (Name is not null)
        {
            w.Put(IFLA.IFNAME, Name);
        }
    }

    // The kernel takes the alias by its length and removes it when that is 0: a NUL would become part of it.
    private static void PutAlias(ref NetlinkWriter w, string alias) => w.Put(IFLA.IFALIAS, Encoding.UTF8.GetBytes(alias));
}
