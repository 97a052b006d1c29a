using System.Net;
using System.Net.Sockets;
using Twill.Linux.Netlink;
using Twill.Linux.Routes;

namespace Twill.Linux.Addresses;

/// <summary><c>ip addr add ADDRESS[/LENGTH] [peer PEER/LENGTH] [brd BROADCAST] [label LABEL] [scope SCOPE] dev LINK [nodad]
/// [noprefixroute]</c>. EEXIST when the interface has it.</summary>
/// <param name="Index">Interface index.</param>
/// <param name="Address">IPv4 or IPv6.</param>
/// <param name="PrefixLength">Bits of the prefix that is reached through the interface.</param>
public readonly record struct NewAddress(int Index, IPAddress Address, int PrefixLength) : INetlinkRequest
{
    /// <inheritdoc/>
    public static ushort Type => RTM.NEWADDR;

    /// <summary>Excl for <c>ip addr add</c>; <see cref="Replace"/> changes what exists.</summary>
    public NetlinkFlags Flags => NetlinkFlags.Create | (Replace ? NetlinkFlags.Replace : NetlinkFlags.Excl);

    /// <summary><c>ip addr replace</c>: an address that exists is no error.</summary>
    public bool Replace { get; init; }

    /// <summary>Where the address is valid; by default everywhere.</summary>
    public RouteScope Scope { get; init; }

    /// <summary>NoDad, NoPrefixRoute.</summary>
    public AddressFlags AddressFlags { get; init; }

    /// <summary>The address at the other end of the link, of which the prefix then is; null when both ends are in the prefix of the own
    /// one.</summary>
    public IPAddress? Peer { get; init; }

    /// <summary>Broadcast address (IPv4); null for none.</summary>
    public IPAddress? Broadcast { get; init; }

    /// <summary>Label (IPv4), which must begin with the interface's name; null for the name itself.</summary>
    public string? Label { get; init; }

    /// <inheritdoc/>
    public string ToCommand(CommandNames names) =>
        new CommandText(Replace ? "ip addr replace" : "ip addr add")
            .Add(Peer is null ? $"{Address}/{PrefixLength}" : $"{Address} peer {Peer}/{PrefixLength}")
            .Add("brd", Broadcast)
            .Add("dev", names.Link(Index))
            .Add("label", Label)
            .Add("scope", RouteParts.ScopeName(Scope))
            .AddIf((AddressFlags & AddressFlags.NoDad) != 0 && Address.AddressFamily == AddressFamily.InterNetworkV6, "nodad")
            .AddIf((AddressFlags & AddressFlags.NoPrefixRoute) != 0, "noprefixroute")
            .ToString();

    /// <inheritdoc/>
    public void Write(ref NetlinkWriter w)
    {
        w.Header(
            new IfAddrMsg
            {
                Family = AF.Of(Address),
                PrefixLength = checked((byte)PrefixLength),
                Flags = (byte)AddressFlags,
                Scope = (byte)Scope,
                Index = (uint)Index,
            }
        );
        w.Put(IFA.LOCAL, Address);
        if (Broadcast is not null)
        {
            w.Put(IFA.BROADCAST, Broadcast);
        }

        if (Label is not null)
        {
            w.Put(IFA.LABEL, Label);
        }

        if ((uint)AddressFlags > byte.MaxValue)
        {
            w.Put(IFA.FLAGS, (uint)AddressFlags);
        }

        w.Put(IFA.ADDRESS, Peer ?? Address);
    }
}
