using System.Net.Sockets;
using Twill.Linux.Netlink;

namespace Twill.Linux.Addresses;

/// <summary><c>ip [-4|-6] addr show [dev LINK]</c>. The kernel filters from 4.20 on.</summary>
public readonly record struct ListAddresses : INetlinkRequest
{
    /// <inheritdoc/>
    public static ushort Type => RTM.GETADDR;

    /// <inheritdoc/>
    public NetlinkFlags Flags => NetlinkFlags.Dump;

    /// <summary>Only addresses of the interface with this index; 0 for all.</summary>
    public int Index { get; init; }

    /// <summary>Only addresses of this family; Unspecified (0) for both.</summary>
    public AddressFamily Family { get; init; }

    /// <inheritdoc/>
    public string ToCommand(CommandNames names) =>
        new CommandText(AF.Ip(Family)).Add("addr show").Add("dev", names.LinkOrNull(Index)).ToString();

    /// <inheritdoc/>
    public void Write(ref NetlinkWriter w) => w.Header(new IfAddrMsg { Family = AF.Of(Family), Index = (uint)Index });
}
