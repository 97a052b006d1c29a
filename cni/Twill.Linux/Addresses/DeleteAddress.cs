using System.Net;
using Twill.Linux.Netlink;

namespace Twill.Linux.Addresses;

/// <summary><c>ip addr del ADDRESS/LENGTH dev LINK</c>. EADDRNOTAVAIL when the interface does not have it.</summary>
/// <param name="Index">Interface index.</param>
/// <param name="Address">IPv4 or IPv6.</param>
/// <param name="PrefixLength">Bits of the prefix it was added with.</param>
public readonly record struct DeleteAddress(int Index, IPAddress Address, int PrefixLength) : INetlinkRequest
{
    /// <inheritdoc/>
    public static ushort Type => RTM.DELADDR;

    /// <inheritdoc/>
    public NetlinkFlags Flags => NetlinkFlags.None;

    /// <inheritdoc/>
    public string ToCommand(CommandNames names) => $"ip addr del {Address}/{PrefixLength} dev {names.Link(Index)}";

    /// <inheritdoc/>
    public void Write(ref NetlinkWriter w)
    {
        w.Header(
            new IfAddrMsg
            {
                Family = AF.Of(Address),
                PrefixLength = checked((byte)PrefixLength),
                Index = (uint)Index,
            }
        );
        w.Put(IFA.LOCAL, Address);
        w.Put(IFA.ADDRESS, Address);
    }
}
