using System.Net;
using System.Net.Sockets;
using Twill.Linux.Netlink;

namespace Twill.Linux.Addresses;

/// <summary><c>ip -6 maddr show dev LINK</c>: the IPv6 multicast groups that an interface has joined. The kernel filters from 4.20
/// on.</summary>
/// <param name="Index">Interface index.</param>
public readonly record struct ListMulticastGroups(int Index) : INetlinkRequest
{
    /// <inheritdoc/>
    public static ushort Type => RTM.GETMULTICAST;

    /// <inheritdoc/>
    public NetlinkFlags Flags => NetlinkFlags.Dump;

    /// <inheritdoc/>
    public string ToCommand(CommandNames names) =>
        new CommandText("ip -6").Add("maddr show").Add("dev", names.LinkOrNull(Index)).ToString();

    /// <inheritdoc/>
    public void Write(ref NetlinkWriter w) => w.Header(new IfAddrMsg { Family = AF.Of(AddressFamily.InterNetworkV6), Index = (uint)Index });

    /// <summary>Reads one group of <see cref="Index"/>.</summary>
    /// <returns>Null for another interface's, and for any other message.</returns>
    /// <exception cref="NetlinkFormatException">The message is malformed.</exception>
    internal IPAddress? Decode(in NetlinkMessage message)
    {
        // The kernel gives its answers the type of the question.
        if (message.Type != RTM.GETMULTICAST)
        {
            return null;
        }

        NetlinkReader reader = message.Reader;
        if (reader.Header<IfAddrMsg>().Index != (uint)Index)
        {
            return null;
        }

        while (reader.TryRead(out NetlinkAttribute a))
        {
            if ((IFA)a.Type == IFA.MULTICAST)
            {
                return a.Address();
            }
        }

        return null;
    }
}
